#!/usr/bin/env bash
# GC_PRINT_STATS tells of each collection in the log: GC_LOG_FILE, or stderr without it.
# Usage: log.sh PROGRAM LIBRARY_DIR
# SPDX-License-Identifier: MIT
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export LD_LIBRARY_PATH=$2 GC_PRINT_STATS=1

fail() {
    echo "log: $1"
    head -3 "$dir"/*
    exit 1
}

GC_LOG_FILE=$dir/log "$1" >"$dir/out" 2>"$dir/err"
test ! -s "$dir/err" || fail "stderr is not empty"
grep -q '^gc [0-9]* (full): ' "$dir/log" || fail "no collection in the log"
"$1" >"$dir/out" 2>"$dir/err"
grep -q '^gc [0-9]* (full): ' "$dir/err" || fail "no collection on stderr"
GC_PRINT_STATS=0 "$1" >"$dir/out" 2>"$dir/err"
test ! -s "$dir/err" || fail "not asked for"
