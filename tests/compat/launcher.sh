#!/usr/bin/env bash
# Checks each option of gcx-run, and what it says of programs it is not for.
# Usage: launcher.sh GCX_RUN OUR_LIBRARY_DIR GUILE
# SPDX-License-Identifier: MIT
set -u
launcher=$1
libraries=$2
guile=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GUILE_AUTO_COMPILE=0 HOME=$dir
ulimit -c 0
failed=0

cat >"$dir/keep.scm" <<'SCM'
(define (tree n) (if (= n 0) '() (cons (tree (- n 1)) (tree (- n 1)))))
(define kept (map (lambda (i) (tree 15)) (iota 20)))
(do ((i 0 (+ i 1))) ((= i 60)) (tree 14))
(display (length kept)) (newline)
SCM

run() { # OPTIONS...: leaves the status, $dir/out and $dir/err
    timeout 60 "$launcher" --library "$libraries" "$@" >"$dir/out" 2>"$dir/err" </dev/null
}

check() { # WHAT COMMAND...
    local what=$1
    shift
    if ! "$@"; then
        failed=1
        echo "launcher: $what"
        head -5 "$dir/err"
    fi
}

result_is_right() { test "$(cat "$dir/out")" = 20; }
full_cycles() { grep -c '^gc [0-9]* @.*(full)$' "$dir/err"; }
cycles() { grep -c '^gc [0-9]* @' "$dir/err"; }

check "without options" run "$guile" "$dir/keep.scm"
check "output without options" result_is_right
check "silence without options" test ! -s "$dir/err"

check "--trace" run --trace "$guile" "$dir/keep.scm"
check "output with --trace" result_is_right
check "lines of --trace" test "$(cycles)" -gt 0
check "no summary with --trace" test "$(grep -c '^gcx: ' "$dir/err")" = 0

check "--stats" run --stats "$guile" "$dir/keep.scm"
check "output with --stats" result_is_right
check "no lines of cycles with --stats" test "$(cycles)" = 0
check "a summary of five lines" test "$(grep -c '^gcx: [a-z]*: ' "$dir/err")" = 5
check "cycles in the summary" grep -q '^gcx: cycles: [0-9]* minor, [1-9][0-9]* full, ' "$dir/err"
check "the longest stop in the summary" grep -q '^gcx: stops: .* the longest [0-9.]* ms$' "$dir/err"

check "--trace --stats" run --trace --stats "$guile" "$dir/keep.scm"
check "lines and a summary" test "$(cycles)" -gt 0 -a "$(grep -c '^gcx: ' "$dir/err")" = 5

check "--concurrent" run --trace --concurrent "$guile" "$dir/keep.scm"
check "output with --concurrent" result_is_right
check "a concurrent cycle" grep -q "(full, concurrent)" "$dir/err"

check "--heap-percent 20" run --trace --heap-percent 20 "$guile" "$dir/keep.scm"
often=$(full_cycles)
check "--heap-percent 900" run --trace --heap-percent 900 "$guile" "$dir/keep.scm"
check "$often full cycles at 20 %, $(full_cycles) at 900 %" test "$often" -gt "$(full_cycles)"

GC_INITIAL_HEAP_SIZE=500M check "a heap of 500 MiB from the start" run --trace "$guile" "$dir/keep.scm"
check "cycles, but none that is full" test "$(cycles)" -gt 0 -a "$(full_cycles)" = 0
GC_INITIAL_HEAP_SIZE=1M check "a heap of 1 MiB from the start" run --trace "$guile" "$dir/keep.scm"
check "full cycles" test "$(full_cycles)" -gt 0

check "--limit 1G" run --limit 1G "$guile" "$dir/keep.scm"
check "output with --limit 1G" result_is_right
{ run --limit 3M "$guile" "$dir/keep.scm"; } 2>/dev/null # the shell's word of it
check "a limit of 3 MiB limits" test ! -s "$dir/out"
check "--limit nonsense" run --limit nonsense "$guile" "$dir/keep.scm"
check "a warning of nonsense" grep -q GC_MAXIMUM_HEAP_SIZE "$dir/err"

if [ -e "$libraries/../libgcx-diag.so.0" ] && type -P python3 >/dev/null; then
    check "--heap-profile" run --heap-profile "$dir/heap.pb.gz" "$guile" "$dir/keep.scm"
    check "output with --heap-profile" result_is_right
    check "a heap profile" gzip -tq "$dir/heap.pb.gz"
    check "--cpu-profile" run --cpu-profile "$dir/cpu.pb.gz" "$guile" "$dir/keep.scm"
    check "a CPU profile" gzip -tq "$dir/cpu.pb.gz"
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat >"$dir/ask.scm" <<SCM
(let ((s (socket PF_INET SOCK_STREAM 0)))
  (connect s AF_INET INADDR_LOOPBACK $port)
  (display "GET /metrics HTTP/1.0\r\n\r\n" s)
  (let loop ((c (read-char s))) (if (not (eof-object? c)) (begin (display c) (loop (read-char s))))))
SCM
    check "--serve" run --serve "127.0.0.1:$port" "$guile" "$dir/ask.scm"
    check "metrics of --serve" grep -q '^gcx_live_bytes ' "$dir/out"
fi

for program in true "$(type -P cat)"; do
    check "$program runs" run "$program"
    check "what is said of $program" test "$(cat "$dir/err")" = \
        "gcx-run: $program is not linked to libgc.so.1; it runs on libgcx only if it loads that later"
done
stock=$(LD_LIBRARY_PATH='' ldd "$(readlink -f "$guile")" | sed -n 's/^\s*libgc\.so\.1 => \(\S*\).*/\1/p')
if type -P cc >/dev/null; then
    echo 'void GC_init(void); int main(void) { GC_init(); }' |
        cc -x c - -x none -o "$dir/fixed" -Wl,--disable-new-dtags,-rpath,"${stock%/*}" "$stock"
    check "a program that finds its own library runs" run "$dir/fixed"
    check "what is said of it" test "$(cat "$dir/err")" = \
        "gcx-run: $dir/fixed runs on $stock, which it was linked to find, and not on libgcx"
fi
run "$dir/none"
check "status for no program" test $? -eq 127
run --nonsense "$guile"
check "status for no option" test $? -eq 2

exit $failed
