#!/usr/bin/env bash
# Installs the library to a temporary prefix, then builds and runs app.c in
# every way that README.md and docs/guide-linking.md name.
# Usage: consume.sh CMAKE SOURCE BUILD CC GENERATOR
set -euo pipefail

cmake=$1 source=$2 build=$3 generator=$5
export CC=$4
here=$source/tests/install
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
prefix=$tmp/prefix

"$cmake" --install "$build" --prefix "$prefix" >"$tmp/install.log"
libdir=$(dirname "$(find "$prefix" -name libgcx.a)")
for file in include/gcx/gcx.h include/gcx/detail/fast.h; do
    test -f "$prefix/$file" || { echo "not installed: $file"; exit 1; }
done
test -L "$libdir/libgcx.so" || { echo "not installed: libgcx.so"; exit 1; }

# LIBRARY_PATH-free on purpose: a program linked to the shared library finds it
# by LD_LIBRARY_PATH only, so a static one that needs it fails here.
run() {
    echo "-- $1"
    "${@:2}" | grep -qx 'gcx [0-9.]* works'
}
run_shared() { run "$1" env LD_LIBRARY_PATH="$libdir" "${@:2}"; }

cmake_build() {
    "$cmake" -G "$generator" -S "$1" -B "$2" "${@:3}" >"$2.log" 2>&1 && "$cmake" --build "$2" >>"$2.log" 2>&1 ||
        { cat "$2.log"; exit 1; }
}

cmake_build "$here/find_package" "$tmp/fp" -DCMAKE_PREFIX_PATH="$prefix"
run "find_package, gcx::gcx" "$tmp/fp/app_gcx"
run "find_package, gcx::static" "$tmp/fp/app_static"
run_shared "find_package, gcx::shared" "$tmp/fp/app_shared"

cmake_build "$here/find_package" "$tmp/fps" -DCMAKE_PREFIX_PATH="$prefix" -DBUILD_SHARED_LIBS=ON
run_shared "find_package, gcx::gcx with BUILD_SHARED_LIBS" "$tmp/fps/app_gcx"
readelf -d "$tmp/fps/app_gcx" | grep -q 'NEEDED.*libgcx\.so\.0'

cmake_build "$here/subdirectory" "$tmp/sub" -DGCX_SOURCE="$source"
run "add_subdirectory, gcx::static" "$tmp/sub/app_static"
run "add_subdirectory, gcx::shared" "$tmp/sub/app_shared"

cmake_build "$here/subdirectory" "$tmp/fetch" -DGCX_SOURCE="$source" -DUSE_FETCHCONTENT=ON
run "FetchContent" "$tmp/fetch/app_gcx"

export PKG_CONFIG_PATH=$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=
# The .pc file names the configured prefix; the prefix of this install is told.
pc() { pkg-config --define-variable=prefix="$prefix" "$@" gcx; }
test "$(pc --modversion)" = "$(sed -n 's/.*GCX_VERSION_STRING "\(.*\)"/\1/p' "$source/include/gcx/gcx.h")"
# shellcheck disable=SC2046
"$CC" "$here/app.c" -o "$tmp/pc_shared" $(pc --cflags --libs)
run_shared "pkg-config, shared" "$tmp/pc_shared"
# shellcheck disable=SC2046
"$CC" "$here/app.c" -o "$tmp/pc_static" $(pc --cflags) -Wl,-Bstatic $(pc --libs) -Wl,-Bdynamic -lpthread -ldl
run "pkg-config, static library" "$tmp/pc_static"
# shellcheck disable=SC2046
"$CC" -static "$here/app.c" -o "$tmp/pc_full" $(pc --static --cflags --libs)
run "pkg-config --static, static program" "$tmp/pc_full"

"$CC" -I"$prefix/include" "$here/app.c" "$libdir/libgcx.a" -lpthread -o "$tmp/hand"
run "by hand, libgcx.a" "$tmp/hand"
"$CC" -I"$prefix/include" "$here/app.c" "$libdir/libgcx.a" -lpthread -Wl,--wrap=pthread_create -o "$tmp/wrap"
run "by hand, libgcx.a with --wrap=pthread_create" "$tmp/wrap"
"$CC" -I"$prefix/include" "$here/app.c" -L"$libdir" -lgcx -o "$tmp/hand_shared"
run_shared "by hand, libgcx.so" "$tmp/hand_shared"
echo "every way to link works"
