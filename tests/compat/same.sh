#!/usr/bin/env bash
# A program says the same when built and run with the stock library, built for
# that and run on ours, and built with our headers and run on ours; nothing on
# stderr. Usage: same.sh STOCK_PROGRAM OUR_PROGRAM OUR_LIBRARY_DIR
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
LD_LIBRARY_PATH= "$1" >"$dir/stock" 2>"$dir/stock.err"
LD_LIBRARY_PATH=$3 "$1" >"$dir/binary" 2>"$dir/binary.err"
LD_LIBRARY_PATH=$3 "$2" >"$dir/source" 2>"$dir/source.err"
diff "$dir/stock" "$dir/binary"
diff "$dir/stock" "$dir/source"
cat "$dir/binary.err" "$dir/source.err" >&2
test ! -s "$dir/binary.err" && test ! -s "$dir/source.err"
