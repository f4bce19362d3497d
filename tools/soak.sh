#!/usr/bin/env bash
# Random programs of the model test over every way to find written pages, with
# 1, 2 and 8 threads: one seed of each combination after the other, until the
# time is over and at least SEEDS seeds of each have run.
#
# Usage: tools/soak.sh [MINUTES [PROGRAM]]
#   MINUTES  how long; 0 ends after SEEDS seeds of each (default 10)
#   PROGRAM  the model test (default build/dev/tests/model/test_model)
#   SEEDS    seeds of each combination that must have run (default 20)
#   FIRST    the first seed (default 1)
#   MODEL_ALARM  seconds after which a program counts as hanging (default 600)
#   JOBS     programs at a time (default: one per processor)
#
# Prints what failed with the line that repeats it, and at the end
# "N passed, N failed". Ends with 1 if anything failed.
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${1:-10}
program=${2:-build/dev/tests/model/test_model}
seeds=${SEEDS:-20}
first=${FIRST:-1}
jobs=${JOBS:-$(nproc)}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
test -x "$program" || { echo "$0: no program $program: cmake --build --preset dev" >&2; exit 2; }

# Tells in one file each what passed and what failed.
run_one() { # seed backend threads workers
    local variables=("MODEL_SEED=$1" "MODEL_THREADS=$3" "GCX_MARK_WORKERS=$4"
                     "MODEL_ALARM=${MODEL_ALARM:-600}")
    if [ "$2" = explicit ]; then
        variables+=(GCX_BARRIER=explicit)
    else
        variables+=("GCX_DIRTY=$2")
    fi
    local log="$results/log.$1.$2.$3"
    if env "${variables[@]}" "$program" >"$log" 2>&1; then
        echo 1 >>"$results/passed"
        rm -f "$log"
    else
        echo 1 >>"$results/failed"
        { echo "FAILED: ${variables[*]} $program"; cat "$log"; } >&2
    fi
}

end=$((SECONDS + minutes * 60))
seed=$first
while [ "$seed" -lt $((first + seeds)) ] || [ "$SECONDS" -lt "$end" ]; do
    for threads in 1 2 8; do
        for backend in auto uffd mprotect explicit none; do
            while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
            run_one "$seed" "$backend" "$threads" $((1 << seed % 3)) &
        done
    done
    seed=$((seed + 1))
done
wait
count() { if [ -e "$results/$1" ]; then wc -l <"$results/$1"; else echo 0; fi; }
passed=$(count passed)
failed=$(count failed)
echo "$passed passed, $failed failed (seeds $first to $((seed - 1)))"
test "$failed" -eq 0
