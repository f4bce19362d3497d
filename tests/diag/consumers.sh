#!/usr/bin/env bash
# What programs make of a running server: go tool pprof, promtool, Prometheus and
# Chromium, each where it is installed. Chromium is driven by playwright-core,
# which npm fetches once into DIRECTORY/browser.
# Usage: consumers.sh PROGRAM (test_server) DIRECTORY
# SPDX-License-Identifier: MIT
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kept=$2/browser
dir=$(mktemp -d "$2/consumers.XXXXXX")
export NPM_CONFIG_USERCONFIG=${NPM_CONFIG_USERCONFIG:-$HOME/.npmrc}
export PPROF_TMPDIR=$dir HOME=$dir
cd / # pprof shortens paths by the name of the working directory
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$dir"' EXIT
failed=0
ran=0

has() { command -v "$1" >/dev/null && ran=1; }
expect() { # PATTERN COMMAND...
    local out
    out=$("${@:2}" 2>&1)
    grep -Eq -- "$1" <<<"$out" || { failed=1; printf 'no "%s" by %s:\n%s\n' "$1" "${*:2}" "${out:0:3000}"; }
}
eventually() { # as expect, for a minute
    for _ in $(seq 60); do
        "${@:2}" 2>/dev/null | grep -Eq -- "$1" && return
        sleep 1
    done
    expect "$@"
}
fetch() { python3 -c 'import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1]).read().decode())' "$1"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

GCX_DEBUG_ADDR=127.0.0.1:0 GCX_PROFILE_RATE=4KiB "$1" --child stay 380 >"$dir/address" &
pids+=($!)
for _ in $(seq 100); do test -s "$dir/address" && break; sleep 0.1; done
address=$(cat "$dir/address")
test -n "$address" || { echo "nothing is served"; exit 1; }
sleep 1

if has go; then
    pprof="$address/debug/pprof"
    expect 'site_served' go tool pprof -top -sample_index=alloc_space "http://$pprof/heap?gc=1"
    expect 'sink = gcx_alloc\(64\)' go tool pprof -list=site_served "http://$pprof/allocs"
    expect 'site_served' go tool pprof -top -sample_index=alloc_space "http://$pprof/heap?debug=1&gc=1"
    expect 'Type: threads' go tool pprof -top "http://$pprof/threadleak"
    expect 'Duration: 1' go tool pprof -top "http://$pprof/allocs?seconds=1"
    expect 'alloc_space' go tool pprof -raw -seconds 1 "http://$pprof/heap"
    expect 'site_served' go tool pprof -top -seconds 2 "http://$pprof/profile"
    expect 'child_stay' go tool pprof -peek=child_stay "http://$pprof/goroutine"
fi

if has promtool; then
    fetch "http://$address/metrics" >"$dir/metrics"
    promtool check metrics <"$dir/metrics" || failed=1
fi

if has prometheus; then
    cat >"$dir/prometheus.yml" <<YAML
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: program
    static_configs: [{targets: ["$address"]}]
YAML
    port=$(free_port)
    prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/tsdb" \
        --web.listen-address="127.0.0.1:$port" >"$dir/prometheus.log" 2>&1 &
    pids+=($!)
    query="http://127.0.0.1:$port/api/v1/query?query="
    eventually '"value":\[[0-9.]+,"1"\]' fetch "${query}up"
    eventually '"value":\[[0-9.]+,"[1-9]' fetch "${query}increase(gcx_cycles_total[10s])>0"
    expect '"value":\[[0-9.]+,"[0-9.e-]+"\]' fetch "${query}histogram_quantile(0.9,gcx_pause_seconds_bucket)"
fi

# Copied, so that nothing is made in the source tree, and imports find their way.
install_browser_test() {
    mkdir -p "$kept" && cp "$here"/browser/* "$kept" || return 1
    test -d "$kept/node_modules/playwright-core" ||
        timeout 120 npm ci --prefix "$kept" --no-audit --no-fund >"$dir/npm.log" 2>&1
}

if ! command -v chromium node npm >"$dir/found" || [ "$(wc -l <"$dir/found")" -ne 3 ]; then
    echo "skipped: the page in a browser, for want of chromium, node or npm (tools/setup.sh consumers)"
elif ! install_browser_test; then
    echo "skipped: the page in a browser, for npm cannot fetch playwright-core:"
    tail -n 3 "$dir/npm.log"
else
    status=0
    timeout 240 node "$kept/page.mjs" "$address" "$(command -v chromium)" || status=$?
    test $status -eq 77 || ran=1
    test $status -eq 0 -o $status -eq 77 || failed=1
fi

test $ran -eq 1 || exit 77
exit $failed
