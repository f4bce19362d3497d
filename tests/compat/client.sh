#!/usr/bin/env bash
# A client of the Boehm collector says the same on the stock library and on
# ours. Usage: client.sh OUR_LIBRARY_DIR COMMAND ARGS...
set -eu
libraries=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GUILE_AUTO_COMPILE=0 HOME=$dir
LD_LIBRARY_PATH= "$@" >"$dir/stock" 2>"$dir/stock.err" </dev/null
LD_LIBRARY_PATH=$libraries "$@" >"$dir/ours" 2>"$dir/ours.err" </dev/null
cmp "$dir/stock" "$dir/ours"
diff "$dir/stock.err" "$dir/ours.err"
test -s "$dir/ours"
