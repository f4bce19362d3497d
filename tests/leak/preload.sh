#!/usr/bin/env bash
# Runs programs with libgcx-leak.so preloaded and compares what it reports with
# what they are known to have lost.
# Usage: preload.sh LIBRARY CORPUS PLUGIN SOURCE_DIR
set -euo pipefail
library=$1 corpus=$2 plugin=$3 source=$4

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GCX_LEAK_LOG="$work/log" LC_ALL=C
failed=0 passed=0

fail() { echo "FAILED $*"; failed=$((failed + 1)); }

# Sets status; the program's output goes to $work/out and $work/err, reports to $work/log.
preloaded() {
    rm -f "$work/log"
    : >"$work/log"
    status=0
    LD_PRELOAD=$library timeout 100 "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

# A report in one line each: bytes, blocks, + if indirect, the innermost
# function of the program itself.
summary() { # program
    awk -v program="$(basename "$1")+" '
        /^gcx: leaked/ { line = $3 " " $6 (/only leaked ones/ ? "+" : ""); is_open = 1 }
        /^ +#/ && is_open && index($0, program) {
            sub(/^ +#[0-9]+ 0x[0-9a-f]+ /, ""); sub(/ \(\/.*/, ""); print line, $0; is_open = 0 }
        /^gcx: process/ { print "total", $5, $8 }' "$work/log"
}

# What is reported, exactly; lines are separated by semicolons.
expect() { # expected program [argument...]
    local expected
    expected=$(tr ';' '\n' <<<"$1" | sed 's/^ *//; /^$/d')
    shift
    preloaded "$@"
    local got
    got=$(summary "$1")
    if [ "$status" -ne 0 ] || [ "$got" != "$expected" ] || [ -s "$work/err" ]; then
        fail "$* (status $status)"
        diff <(echo "$expected") <(echo "$got") | sed 's/^/    /' || true
        sed 's/^/    /' "$work/err" "$work/log"
    else
        passed=$((passed + 1))
    fi
}

# Nothing is reported, and the program does what it does without.
silent() { # program [argument...]
    command -v "$1" >/dev/null || { echo "not here: $1"; return 0; }
    local without=0
    timeout 100 "$@" >"$work/out0" 2>"$work/err0" </dev/null || without=$?
    preloaded "$@"
    if [ "$status" -ne "$without" ] || [ -s "$work/log" ] || ! cmp -s "$work/out" "$work/out0" ||
        ! cmp -s "$work/err" "$work/err0"; then
        fail "$* (status $status, $without without)"
        sed 's/^/    /' "$work/err" "$work/log" | head -30
    else
        passed=$((passed + 1))
    fi
}

lost() { expect "$2" "$corpus" "$1" "$plugin"; }

lost lost_same_stack "72 3 lost_same_stack; total 72 3"
lost lost_two_stacks "100 1 lost_twice_a; 30 1 lost_twice_b; total 130 2"
lost lost_overwritten "10 1 lost_overwritten; total 10 1"
lost lost_list "48 1 lost_list; 432 9+ lost_list; total 480 10"
lost lost_tail "48 1 lost_tail; 48 1+ lost_tail; total 96 2"
lost lost_ring "48 1 lost_ring; 48 1+ lost_ring; 48 1+ lost_ring; total 144 3"
lost lost_self "48 1 lost_self; total 48 1"
lost lost_after_realloc "100000 1 lost_after_realloc; total 100000 1"
lost lost_aligned "4096 1 lost_aligned; 1024 1 lost_aligned; 256 1 lost_aligned; 64 1 lost_aligned;
    1 1 lost_aligned; total 5441 5"
lost lost_empty "0 1 lost_empty; total 0 1"
lost lost_by_library "6 1 lost_by_library; total 6 1"
lost lost_in_thread "160 4 lose_in_thread; total 160 4"
lost lost_with_thread "56 1 lose_with_thread; total 56 1"
lost lost_with_library "88 1 lost_with_library; total 88 1"
lost lost_after_fork "20 1 lost_after_fork; total 20 1;
    30 1 lost_after_fork; 10 1 lost_after_fork; total 40 2"
lost lost_beside_kept "49 1 lost_beside_kept; total 49 1"

# Old words on a stack that is a block are no less than others.
preloaded "$corpus" lost_on_fiber
blocks=$(awk '/^gcx: process/ { print $8 }' "$work/log")
if [ "$status" -ne 0 ] || [ "${blocks:-0}" -lt 90 ]; then
    fail "lost_on_fiber: status $status, ${blocks:-no} blocks"
fi

for name in kept_static kept_interior kept_one_past kept_on_stack kept_in_tls kept_by_key kept_in_register \
    kept_by_threads kept_in_mapping kept_by_blocks kept_in_ring kept_after_realloc kept_by_library \
    kept_by_plugin kept_by_fiber exit_on_fiber exit_on_forgotten_fiber freed_by_other_thread freed_by_churn freed_by_library \
    freed_at_exit freed_before_longjmp kept_by_child kept_by_threads_of_parent kept_beside_spawned; do
    silent "$corpus" "$name" "$plugin"
done

if command -v "${CXX:-g++}" >/dev/null; then
    "${CXX:-g++}" -std=c++17 -g -O1 -rdynamic -pthread "$source/tests/leak/corpus.cpp" -o "$work/corpus_cpp"
    silent "$work/corpus_cpp"
    expect "128 1 app::lose(int); 24 1 app::lose(int); 4 1 app::lose(int);
        1000 1+ app::lose(int); total 1156 4" "$work/corpus_cpp" lost
fi

# Programs of the system.
silent ls -lR "$source/src"
silent cat "$source/src/gc/cycle.c"
silent sed -n 's/a/b/p' /etc/passwd
silent bash -c 'for i in 1 2 3; do (echo $i) | cat; done'
silent python3 -c '
import json, subprocess, threading
def work():
    for i in range(200):
        json.loads(json.dumps({"a": list(range(100)), "b": str(i)}))
threads = [threading.Thread(target=work) for i in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print(subprocess.run(["echo", "child"], capture_output=True).stdout)'
if git -C "$source" rev-parse 2>/dev/null; then
    silent git -C "$source" log -3
fi

# Options.
GCX_LEAK_EXIT=9 preloaded "$corpus" lost_self
[ "$status" -eq 9 ] || fail "GCX_LEAK_EXIT: status $status"
GCX_LEAK_EXIT=9 preloaded "$corpus" kept_static
[ "$status" -eq 0 ] || fail "GCX_LEAK_EXIT without a leak: status $status"
GCX_LEAK_DEPTH=1 preloaded "$corpus" lost_by_library
[ "$(grep -c '^ *#' "$work/log")" -eq 1 ] || fail "GCX_LEAK_DEPTH=1"
GCX_LEAK_LOG="$work/log.%p" preloaded "$corpus" lost_after_fork
[ "$(cat "$work"/log.[0-9]* | grep -c '^gcx: process')" -eq 2 ] || fail "GCX_LEAK_LOG with %p"
GCX_LEAK_LOG='' preloaded "$corpus" lost_self
grep -q '^gcx: leaked 48 bytes in 1 block, allocated at$' "$work/err" || fail "the report goes to stderr"
if [ -c /dev/full ]; then
    GCX_LEAK_LOG=/dev/full preloaded "$corpus" lost_self
    grep -q '^gcx: GCX_LEAK_LOG: not all of the report is written: No space left' "$work/err" ||
        fail "a log that is full is told"
fi

echo "preload.sh: $passed programs as expected, $failed failures"
test "$failed" -eq 0
