#!/usr/bin/env bash
# Installs what is missing for: build test diag consumers demo bench ci.
# Usage: tools/setup.sh GROUP...
# On Debian and its kin, as root or with sudo that asks no password, by apt;
# elsewhere it names what is missing and fails. Says nothing when all is there.
set -euo pipefail

# package  how to tell that it is there (any one is enough)
group_build='
gcc               cmd:gcc
libc6-dev         file:/usr/include/stdlib.h
make              cmd:make
cmake             cmd:cmake
ninja-build       cmd:ninja
pkg-config        cmd:pkg-config'
group_test="$group_build
libcmocka-dev     pc:cmocka
libdw-dev         pc:libdw
python3           cmd:python3"
group_diag="$group_build
libprotobuf-c-dev   pc:libprotobuf-c
protobuf-c-compiler cmd:protoc-c
zlib1g-dev          pc:zlib
libunwind-dev       pc:libunwind
libmicrohttpd-dev   pc:libmicrohttpd
libdw-dev           pc:libdw"
group_consumers="$group_diag
golang-go           cmd:go
prometheus          cmd:prometheus
chromium            cmd:chromium
nodejs              cmd:node
npm                 cmd:npm"
group_demo="$group_build
python3           cmd:python3
libgc-dev         pc:bdw-gc"
group_bench="$group_demo
libmimalloc-dev   file:/usr/include/mimalloc.h
libjemalloc-dev   pc:jemalloc
golang-go         cmd:go"
group_ci="$group_test
$group_diag
$group_bench
g++                       cmd:g++
guile-3.0                 cmd:guile
w3m                       cmd:w3m
clang-14                  cmd:clang-14
libclang-rt-14-dev        file:/usr/lib/llvm-14/lib/clang/14.0.6/lib/linux/libclang_rt.asan-x86_64.a
clang-format-14           cmd:clang-format-14
musl-tools                cmd:musl-gcc
systemtap-sdt-dev         file:/usr/include/x86_64-linux-gnu/sys/sdt.h
valgrind                  cmd:valgrind
libc6-dbg                 dpkg
gcc-aarch64-linux-gnu     cmd:aarch64-linux-gnu-gcc
libc6-dev-arm64-cross     file:/usr/aarch64-linux-gnu/include/stdlib.h
qemu-user                 cmd:qemu-aarch64
libcmocka-dev:arm64       file:/usr/lib/aarch64-linux-gnu/pkgconfig/cmocka.pc"

is_there() { # package probe
    case $2 in
        cmd:*) command -v "${2#cmd:}" >/dev/null && return ;;
        file:*) test -e "${2#file:}" && return ;;
        pc:*) pkg-config --exists "${2#pc:}" 2>/dev/null && return ;;
    esac
    dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

missing=()
for group in "$@"; do
    table=group_$group
    test -n "${!table:-}" || { echo "setup.sh: no group '$group'; there are build test diag consumers demo bench ci" >&2; exit 2; }
    while read -r package probe; do
        test -z "$package" || is_there "$package" "$probe" || missing+=("$package")
    done <<<"${!table}"
done
test ${#missing[@]} -gt 0 || exit 0
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root=(sudo)
    else
        as_root=(no)
    fi
fi
if ! command -v apt-get >/dev/null || [ "${as_root[*]}" = no ]; then
    echo "setup.sh: please install: ${missing[*]}" >&2
    command -v apt-get >/dev/null && echo "    sudo apt-get install ${missing[*]}" >&2
    exit 1
fi

echo "setup.sh: installing ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quiet() { "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }; }

foreign=()
native=()
for package in "${missing[@]}"; do
    case $package in
        *:arm64) foreign+=("$package") ;;
        *) native+=("$package") ;;
    esac
done
if [ ${#foreign[@]} -gt 0 ]; then
    "${as_root[@]}" dpkg --add-architecture arm64
fi
quiet "${apt[@]}" update
if [ ${#native[@]} -gt 0 ]; then
    quiet "${apt[@]}" install -y --no-install-recommends "${native[@]}"
fi
# Needs a C library of the very version that is installed; where the archive
# has moved on, the cross build does without cmocka and runs the examples.
if [ ${#foreign[@]} -gt 0 ] && ! quiet "${apt[@]}" install -y --no-install-recommends "${foreign[@]}"; then
    echo "setup.sh: not installable here, the cross build does without: ${foreign[*]}" >&2
fi
