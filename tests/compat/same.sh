#!/usr/bin/env bash
# A program says the same when built and run with the stock library, built for
# that and run on ours, also with every heap marked beside the program, and built
# with our headers and run on ours; nothing on stderr.
# Usage: same.sh STOCK_PROGRAM OUR_PROGRAM OUR_LIBRARY_DIR
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
LD_LIBRARY_PATH= "$1" >"$dir/stock" 2>"$dir/stock.err"
LD_LIBRARY_PATH=$3 "$1" >"$dir/binary" 2>"$dir/binary.err"
LD_LIBRARY_PATH=$3 GCX_CONCURRENT=1 "$1" >"$dir/beside" 2>"$dir/beside.err"
LD_LIBRARY_PATH=$3 "$2" >"$dir/source" 2>"$dir/source.err"
diff "$dir/stock" "$dir/binary"
diff "$dir/stock" "$dir/beside"
diff "$dir/stock" "$dir/source"
cat "$dir/binary.err" "$dir/beside.err" "$dir/source.err" >&2
test ! -s "$dir/binary.err" && test ! -s "$dir/beside.err" && test ! -s "$dir/source.err"
