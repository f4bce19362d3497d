#!/usr/bin/env bash
# A client of the Boehm collector does the same on the stock library and on
# ours: what it prints, its status, and the file it writes if it is asked for
# one by OUT among the arguments. Nothing on stderr, unless FAILS=1: then the
# same but for addresses. Usage: client.sh OUR_LIBRARY_DIR COMMAND ARGS...
set -eu
libraries=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GUILE_AUTO_COMPILE=0 HOME=$dir

run() { # NAME LIBRARY_DIR COMMAND ARGS...
    local name=$1 status=0
    (LD_LIBRARY_PATH=$2 exec "${@:3}") >"$dir/$name" 2>"$dir/$name.err" </dev/null || status=$?
    echo "status $status" >>"$dir/$name"
    if [ -e "$dir/file" ]; then mv "$dir/file" "$dir/$name.file"; fi
    sed -i -E 's/[0-9a-f]{8,}/ADDRESS/g' "$dir/$name.err"
}

run stock '' "${@/#OUT/$dir/file}"
run ours "$libraries" "${@/#OUT/$dir/file}"
cmp "$dir/stock" "$dir/ours"
diff "$dir/stock.err" "$dir/ours.err"
if [ -e "$dir/stock.file" ]; then cmp "$dir/stock.file" "$dir/ours.file"; fi
if [ "${FAILS:-0}" = 1 ]; then
    ! grep -q '^status 0$' "$dir/ours"
else
    cat "$dir/ours.err" >&2
    grep -q '^status 0$' "$dir/ours" && test ! -s "$dir/ours.err"
fi
test "$(wc -c <"$dir/ours")" -gt 12
