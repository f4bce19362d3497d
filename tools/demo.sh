#!/usr/bin/env bash
# make demo: builds the release preset, runs the quick start, and measures a
# few workloads beside the Boehm collector. Under a minute.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
quiet() { "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }; }

echo "Building libgcx (build/release) ..."
quiet cmake --preset release
quiet cmake --build --preset release -j "$(nproc)" --target example_quickstart

echo
echo "== examples/quickstart.c"
build/release/examples/quickstart
echo
echo "== The same program under GCX_TRACE=1: one line a cycle, the first five"
GCX_TRACE=1 build/release/examples/quickstart 2>&1 >/dev/null | head -n 5 || true
echo
echo "== Beside the Boehm collector of this system"
bench/run.py --quick --runs 3 --retries 1 --workloads bt,gcbench,str,big --peers gcx,boehm
