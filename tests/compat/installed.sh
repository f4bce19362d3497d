#!/usr/bin/env bash
# Installs to a temporary prefix and builds programs against that in the ways that
# docs/from-boehm.md names. Usage: installed.sh CMAKE SOURCE BUILD CC CXX GENERATOR
# SPDX-License-Identifier: MIT
set -eu
cmake=$1 source=$2 build=$3 generator=$6
export CC=$4 CXX=$5
here=$source/tests/compat
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset LD_LIBRARY_PATH

"$cmake" --install "$build" --prefix "$dir/prefix" >"$dir/log"
boehm=$(dirname "$(find "$dir/prefix" -name bdw-gc.pc)")
libraries=$(dirname "$boehm")

# PROGRAM RESULT: it finds the installed library by itself.
is_right() {
    ldd "$1" >"$dir/needs"
    if grep -E 'libgc(cpp)?\.so' "$dir/needs" | grep -v "$libraries/" || ! grep -q "$libraries/libgc.so.1" "$dir/needs"; then
        echo "$1: another library"
        exit 1
    fi
    "$1" | grep -qx "$2" || { echo "$1: wrong"; exit 1; }
}

export PKG_CONFIG_PATH=$boehm
pc() { pkg-config --define-variable=prefix="$dir/prefix" "$@" bdw-gc; }
# shellcheck disable=SC2046
"$CC" "$here/c89.c" -o "$dir/c" $(pc --cflags --libs)
is_right "$dir/c" 'kept 5 1'
# shellcheck disable=SC2046
"$CXX" "$here/containers.cc" -o "$dir/cpp" $(pc --cflags) -lgccpp $(pc --libs)
is_right "$dir/cpp" '12497500 12497500 12497500'

"$cmake" -G "$generator" -S "$here/installed" -B "$dir/build" -DCMAKE_PREFIX_PATH="$dir/prefix" >"$dir/log" 2>&1 &&
    "$cmake" --build "$dir/build" >>"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
is_right "$dir/build/c_program" 'kept 5 1'
is_right "$dir/build/cpp_program" '12497500 12497500 12497500'
