#!/usr/bin/env bash
# Runs clients of the Boehm collector on our library again and again, and says
# how many runs gave another output than the stock library's, crashed, or hung.
# Usage: soak.sh OUR_LIBRARY_DIR RUNS [NAME=VALUE...]
# The variables, such as GCX_CONCURRENT=1 or, in a stress build, GCX_STRESS=100,
# are for our library alone.
# SPDX-License-Identifier: MIT
set -u
here=$(cd "$(dirname "$0")" && pwd)
libraries=$(cd "$1" && pwd)
runs=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GUILE_AUTO_COMPILE=0 HOME=$dir
python3 "$here/page.py" "$dir/page.html" 60000
cat >"$dir/quick.scm" <<'SCM'
(define (tree n) (if (= n 0) '() (cons (tree (- n 1)) (tree (- n 1)))))
(define (count t) (if (null? t) 1 (+ (count (car t)) (count (cdr t)))))
(do ((i 0 (+ i 1))) ((= i 40)) (display (count (tree 12))) (newline))
SCM

run() { # FILE CLIENT [NAME=VALUE...]
    local file=$1 client=$2
    shift 2
    case $client in
    w3m) set -- "$@" w3m -dump "$dir/page.html" ;;
    quick) set -- "$@" guile "$dir/quick.scm" ;;
    *) set -- "$@" guile "$here/$client.scm" ;;
    esac
    timeout 300 env "$@" >"$file" 2>/dev/null </dev/null
    echo "status $?" >>"$file"
}

clients=(quick weak errors w3m threads)
for client in "${clients[@]}"; do
    run "$dir/$client.stock" "$client"
done
failed=0
for ((i = 0; i < runs; i++)); do
    client=${clients[i % ${#clients[@]}]}
    run "$dir/ours" "$client" "LD_LIBRARY_PATH=$libraries" "$@"
    if ! cmp -s "$dir/$client.stock" "$dir/ours"; then
        failed=$((failed + 1))
        echo "run $i, $client: $(tail -1 "$dir/ours")"
    fi
done
echo "soak: $runs runs, $failed failed"
test "$failed" = 0
