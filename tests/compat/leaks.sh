#!/usr/bin/env bash
# Find-leak mode with threads tells of objects that are there, once, and keeps all others.
# Usage: leaks.sh PROGRAM LIBRARY_DIR
# SPDX-License-Identifier: MIT
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export LD_LIBRARY_PATH=$2

for concurrent in 0 1; do
    GCX_CONCURRENT=$concurrent "$1" >"$dir/out" 2>"$dir/err"
    if grep -v '^bad 0$' "$dir/out"; then
        echo "leaks: objects were lost"
        exit 1
    fi
    grep -q '^Leaked ' "$dir/err" || { echo "leaks: none was found"; exit 1; }
    if grep -vE '^Leaked composite object at start: 0x[0-9a-f]+, appr\. length: [1-9][0-9]*$' "$dir/err" | head -5 | grep .; then
        echo "leaks: told of what is not there"
        exit 1
    fi
done
