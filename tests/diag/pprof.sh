#!/usr/bin/env bash
# The profile of a program as go tool pprof reads it.
# Usage: pprof.sh PROGRAM (test_profile) DIRECTORY
set -euo pipefail
program=$1
export GCX_PROFILE_RATE=1KiB GCX_HEAP_PROFILE=$2/pprof-$$.pb.gz PPROF_TMPDIR=$2
trap 'rm -f "$GCX_HEAP_PROFILE"' EXIT
cd / # pprof shortens paths by the name of the working directory
"$program" --child work

expect() { # pattern pprof-options...
    local out
    out=$(go tool pprof "${@:2}" "$GCX_HEAP_PROFILE" 2>&1)
    grep -Eq -- "$1" <<<"$out" || { printf 'no "%s" by pprof %s:\n%s\n' "$1" "${*:2}" "$out"; exit 1; }
}
expect '^ *[0-9.]+MB .* site_small' -top -sample_index=alloc_space
expect '^PeriodType: space bytes' -raw
expect 'alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes\[dflt\]' -raw
expect 'sink = gcx_alloc\(48\)' -list=site_small -sample_index=alloc_space
expect 'child_work' -peek=site_small -sample_index=alloc_space
expect '^Showing nodes accounting for 0' -top -sample_index=alloc_space "-diff_base=$GCX_HEAP_PROFILE"
