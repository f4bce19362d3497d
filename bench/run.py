#!/usr/bin/env python3
"""run.py -- runs the workloads against the peers and prints what came out.

Peers run alternately: a round is one run of every peer, so what a machine does
to one it does to its neighbours, and the ratio gcx/peer is taken within a round;
the median of the rounds' ratios is reported. A run during which something else
used the processors is discarded and repeated. One run of the largest footprint
comes first, for on a virtual machine the first touch of memory is slow.

SPDX-License-Identifier: MIT
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from workloads import (BT_RSS_MAX_KB, CHURN_PAUSE_MAX_US, MAIN_PEERS, MINOR_PAUSE_MAX_US, MUST,
                       PEERS, WORKLOADS)

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


# ---- One run ---------------------------------------------------------------

def busy_ticks():
    """Processor time that anything used, of the guest and stolen from it."""
    with open("/proc/stat", encoding="ascii") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    idle, iowait = fields[3], fields[4]
    return sum(fields) - idle - iowait


def parse_result(text):
    """The program's `result name=value ...` line as a dictionary."""
    lines = [line for line in text.splitlines() if line.startswith("result ")]
    if not lines:
        return None
    result = dict(field.split("=", 1) for field in lines[-1].split()[1:])
    checksum = result.pop("checksum", "")
    result = {name: int(value) for name, value in result.items()}
    result["checksum"] = checksum
    return result


class RunFailed(Exception):
    """A workload crashed, timed out, or found its own result wrong."""


def wait_with_usage(child, timeout_s):
    """Exit status and resource usage of a child; kills it when its time is up."""
    deadline = time.monotonic() + timeout_s
    pause_s = .0005
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid != 0:
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode, usage
        if time.monotonic() > deadline:
            child.kill()
            os.wait4(child.pid, 0)
            child.returncode = -9
            raise RunFailed("took longer than %d s" % timeout_s)
        time.sleep(pause_s)
        pause_s = min(.02, pause_s * 1.5)


def run_once(command, env, timeout_s):
    """Runs a workload once; its result with what the runner saw added."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began, busy = time.monotonic(), busy_ticks()
        child = subprocess.Popen(command, env={**os.environ, **env}, stdout=out, stderr=err)
        status, usage = wait_with_usage(child, timeout_s)
        wall_s, busy_s = time.monotonic() - began, (busy_ticks() - busy) / TICKS_PER_S
        out.seek(0)
        err.seek(0)
        result = parse_result(out.read())
        if status != 0 or result is None:
            raise RunFailed("status %d: %s" % (status, err.read().strip()[-300:]))
    own_s = usage.ru_utime + usage.ru_stime
    result.update(wall_ns=int(wall_s * 1e9), cpu_ns=int(own_s * 1e9),
                  foreign_ns=max(0, int((busy_s - own_s) * 1e9)))
    return result


def is_disturbed(result, tolerance):
    """Did something else use more than `tolerance` of the elapsed time? The clock
    of /proc/stat ticks per core, hence the allowance."""
    allowance_ns = tolerance * result["wall_ns"] + 1e9 * (CORES + 1) / TICKS_PER_S
    return result["foreign_ns"] > allowance_ns


def count_instructions(command, env, timeout_s):
    """Instructions in user mode as `perf stat` counts them; 0 if it cannot."""
    perf = shutil.which("perf")
    if perf is None:
        return 0
    full = [perf, "stat", "-x,", "-e", "instructions:u", "--"] + command
    try:
        done = subprocess.run(full, env={**os.environ, **env}, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=timeout_s, text=True, check=False)
    except subprocess.TimeoutExpired:
        return 0
    for line in done.stderr.splitlines():
        if ",instructions" in line.replace(",,", ",") and line.split(",")[0].isdigit():
            return int(line.split(",")[0])
    return 0


# ---- One workload ----------------------------------------------------------

class Session:
    """What the runs of one invocation share."""

    def __init__(self, options):
        self.options = options
        self.discarded = 0
        self.kept_disturbed = 0
        self.failed = []

    def command(self, workload, peer):
        program = os.path.join(self.options.build,
                               "bench_%s_%s" % (workload.program, PEERS[peer][0]))
        return [program] + workload.arguments(self.options.quick)

    def environment(self, workload, peer):
        return {**workload.env, **PEERS[peer][1]}

    def undisturbed(self, workload, peer):
        """One run that had the machine to itself, or the last of the attempts."""
        result = None
        for attempt in range(self.options.retries + 1):
            if result is not None:
                self.discarded += 1
            result = run_once(self.command(workload, peer), self.environment(workload, peer),
                              self.options.timeout)
            result["disturbed"] = is_disturbed(result, self.options.tolerance)
            if not result["disturbed"]:
                return result
            if attempt < self.options.retries:
                time.sleep(min(2.0, .1 * 2 ** attempt))
        self.kept_disturbed += 1
        return result

    def round(self, workload, peers, runs):
        """One run of each peer; a peer that fails leaves the list."""
        for peer in list(peers):
            try:
                runs.setdefault(peer, []).append(self.undisturbed(workload, peer))
            except RunFailed as failure:
                note("%s: %s failed: %s" % (workload.name, peer, failure))
                self.failed.append([workload.name, peer, str(failure)])
                peers.remove(peer)
                runs.pop(peer, None)

    def measure(self, workload, peers):
        """Runs of each peer of a workload, after a round that does not count."""
        peers = [peer for peer in peers if workload.takes(peer)]
        present = [peer for peer in peers if os.path.exists(self.command(workload, peer)[0])]
        for peer in peers:
            if peer not in present:
                note("%s: no %s, skipped" % (workload.name, peer))
        self.round(workload, present, {})
        runs = {}
        for number in range(self.options.runs):
            shift = number % len(present) if present else 0
            order = present[shift:] + present[:shift]
            self.round(workload, order, runs)
            present = [peer for peer in present if peer in order]
        self.check_results(workload, runs)
        return {peer: self.summary(workload, peer, runs[peer]) for peer in peers if peer in runs}

    def check_results(self, workload, runs):
        sums = {run["checksum"] for each in runs.values() for run in each}
        if len(sums) > 1:
            note("%s: checksums differ: %s" % (workload.name, sorted(sums)))
            self.failed.append([workload.name, "all", "checksums differ"])

    def summary(self, workload, peer, runs):
        names = [name for name in runs[0] if name not in ("checksum", "disturbed")]
        found = {name: spread([run[name] for run in runs]) for name in names}
        found["runs"] = runs
        if self.options.instructions:
            found["instructions"] = count_instructions(
                self.command(workload, peer), self.environment(workload, peer),
                self.options.timeout)
        return found


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratio(mine, theirs, name):
    """Median over the rounds of mine/theirs, with min and max, or None."""
    pairs = zip((run[name] for run in mine["runs"]), (run[name] for run in theirs["runs"]))
    ratios = [a / b for a, b in pairs if b]
    return spread(ratios) if ratios else None


def note(text):
    print("# " + text, flush=True)


# ---- Output ----------------------------------------------------------------

def metric_fields(entry, pick):
    """The values of one line of the Go format, after the run count."""
    fields = ["%d ns/op" % pick("elapsed_ns"), "%d peak-RSS-KB" % pick("peak_rss_kb"),
              "%d cycles" % pick("cycles"), "%d max-pause-us" % pick("pause_max_us")]
    for name, unit in (("p50_ns", "p50-ns"), ("p99_ns", "p99-ns"), ("p9999_ns", "p99.99-ns"),
                       ("max_ns", "max-ns"), ("percent_of_limit", "percent-of-limit"),
                       ("full_us", "full-us")):
        if name in entry:
            fields.append("%d %s" % (pick(name), unit))
    if entry.get("instructions"):
        fields.append("%d instructions" % entry["instructions"])
    return " ".join(fields)


def print_go_lines(workload, results, raw):
    for peer, entry in results.items():
        head = "Benchmark%s/alloc=%s/threads=%d" % (workload.title, peer, workload.threads)
        if raw:
            for run in entry["runs"]:
                print(head, 1, metric_fields(entry, lambda name, r=run: r.get(name, 0)))
        else:
            print(head, len(entry["runs"]),
                  metric_fields(entry, lambda name, e=entry: e[name]["median"]))
    sys.stdout.flush()


def seconds(ns):
    return "%.3f" % (ns / 1e9) if ns < 1e9 else "%.2f" % (ns / 1e9)


def micros(us):
    return "-" if us == 0 else "%.2f ms" % (us / 1e3) if us < 1e5 else "%.0f ms" % (us / 1e3)


def table_rows(results):
    """Rows of the human table for one workload."""
    rows = []
    for peer, entry in results.items():
        elapsed = entry["elapsed_ns"]
        row = [peer, seconds(elapsed["median"]),
               "%s-%s" % (seconds(elapsed["min"]), seconds(elapsed["max"])),
               "%.0f" % (entry["peak_rss_kb"]["median"] / 1024),
               "%d" % entry["cycles"]["median"], micros(entry["pause_max_us"]["median"])]
        for name in ("p50_ns", "p99_ns", "p9999_ns", "max_ns"):
            row.append("%.1f" % (entry[name]["median"] / 1e3) if name in entry else "")
        for mine in ("gcx", "gcx-barrier"):
            against = None if mine == peer or mine not in results else ratio(
                results[mine], entry, "elapsed_ns")
            row.append("%.2f" % against["median"] if against else "")
        rows.append(row)
    return rows


HEADINGS = ["peer", "seconds", "min-max", "MiB", "cycles", "longest pause", "p50 us", "p99 us",
            "p99.99 us", "max us", "gcx/peer", "barrier/peer"]


def drop_empty_columns(rows):
    used = [i for i in range(len(rows[0])) if any(row[i] for row in rows[1:])]
    return [[row[i] for i in used] for row in rows]


def print_table(all_results):
    for name, results in all_results.items():
        rows = drop_empty_columns([HEADINGS] + table_rows(results))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        print("\n%s" % name)
        for row in rows:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            print("  " + "  ".join(cells).rstrip())


def check_targets(all_results, quick):
    """Which of the targets were missed, as lines of text."""
    missed = []
    for (name, peer), most in MUST.items():
        results = all_results.get(name, {})
        if peer in results and "boehm" in results:
            got = ratio(results[peer], results["boehm"], "elapsed_ns")["median"]
            if got > most:
                missed.append("%s: %s takes %.2f of boehm's time, at most %.2f" %
                              (name, peer, got, most))
    for name, results in all_results.items():
        missed += check_workload(name, results, quick)
    return missed


def check_workload(name, results, quick):
    missed = []
    if "gcx" not in results:
        return missed
    mine = results["gcx"]
    if "boehm" in results and not name.startswith("marklimit"):
        if mine["peak_rss_kb"]["median"] > results["boehm"]["peak_rss_kb"]["median"]:
            missed.append("%s: more memory than boehm" % name)
        if ratio(mine, results["boehm"], "elapsed_ns")["median"] > 1:
            missed.append("%s: slower than boehm" % name)
    if name == "bt" and not quick and mine["peak_rss_kb"]["median"] > BT_RSS_MAX_KB:
        missed.append("bt: more than 145 MB")
    if name == "churn" and mine["pause_max_us"]["median"] > CHURN_PAUSE_MAX_US:
        missed.append("churn: a pause over 100 ms")
    if name == "churn" and mine["minor_pause_max_us"]["median"] > MINOR_PAUSE_MAX_US:
        missed.append("churn: a minor pause over 1 ms")
    return missed


def first_line(path, start):
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(start):
                    return line.split(":", 1)[-1].strip()
    except OSError:
        pass
    return ""


def output_of(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        return done.stdout.strip().splitlines()[0] if done.stdout.strip() else ""
    except (OSError, subprocess.TimeoutExpired):
        return ""


def machine():
    """Where this ran: for the head of the report."""
    return {
        "date": datetime.date.today().isoformat(),
        "processor": first_line("/proc/cpuinfo", "model name"),
        "cores": CORES,
        "memory_mib": memory_mib(),
        "kernel": platform.release(),
        "system": first_line_of_os_release(),
        "huge_pages": read_text("/sys/kernel/mm/transparent_hugepage/enabled"),
        "versions": versions(),
    }


def first_line_of_os_release():
    return read_text("/etc/os-release").partition('PRETTY_NAME="')[2].partition('"')[0]


def read_text(path):
    try:
        with open(path, encoding="utf-8") as text:
            return text.read().strip()
    except OSError:
        return ""


def mimalloc_version():
    """From its header: Debian's package has no pkg-config file."""
    number = read_text("/usr/include/mimalloc.h").partition("#define MI_MALLOC_VERSION")[2].split()
    return ".".join(number[0]) if number else ""


def versions():
    found = {
        "gcx": output_of(["git", "-C", HERE, "describe", "--always", "--dirty"]),
        "compiler": output_of(["cc", "--version"]),
        "libc": " ".join(platform.libc_ver()),
        "boehm": output_of(["pkg-config", "--modversion", "bdw-gc"]),
        "mimalloc": mimalloc_version(),
        "jemalloc": output_of(["pkg-config", "--modversion", "jemalloc"]).partition("_")[0],
        "go": output_of(["go", "version"]).replace("go version go", ""),
    }
    return {name: version for name, version in found.items() if version}


# ---- The command line ------------------------------------------------------

def parse_options():
    parser = argparse.ArgumentParser(description="Runs the benchmarks; see docs/benchmarks.md.")
    parser.add_argument("--build", help="directory of the bench_* programs; without it the "
                        "release preset is built first")
    parser.add_argument("--workloads", default="main",
                        help="names or groups, by commas: main, mark, latency, scale, ext, all")
    parser.add_argument("--peers", default=None, help="names by commas, or all")
    parser.add_argument("--runs", type=int, default=None, help="counted runs of each (5)")
    parser.add_argument("--quick", action="store_true", help="small sizes, about a minute")
    parser.add_argument("--json", metavar="FILE", help="write everything measured")
    parser.add_argument("--raw", action="store_true", help="one line per run, for benchstat")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    parser.add_argument("--instructions", action="store_true", help="count them with perf")
    parser.add_argument("--tolerance", type=float, default=.03,
                        help="part of a run that others may use the processors (0.03)")
    parser.add_argument("--retries", type=int, default=None, help="of a disturbed run (5)")
    parser.add_argument("--timeout", type=int, default=300, help="seconds for one run")
    parser.add_argument("--no-warm-up", action="store_true", help="skip the large first run")
    parser.add_argument("--list", action="store_true", help="print workloads and peers")
    options = parser.parse_args()
    if options.runs is None:
        options.runs = 5
    if options.retries is None:
        options.retries = 2 if options.quick else 5
    return options


def build_release():
    """Builds the release preset; the directory of its programs."""
    root = os.path.dirname(HERE)
    for command in (["cmake", "--preset", "release", "-DGCX_BUILD_BENCH=ON"],
                    ["cmake", "--build", "--preset", "release", "--target", "bench-programs"]):
        done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            sys.exit("%s failed:\n%s" % (" ".join(command), done.stdout[-4000:]))
    return os.path.join(root, "build", "release", "bench")


def memory_mib():
    fields = first_line("/proc/meminfo", "MemTotal").split()
    return int(fields[0]) // 1024 if fields else 0


def fits(workload, quick):
    """A collector may need three times what lives."""
    if quick or 3 * workload.live_mib <= memory_mib():
        return True
    note("%s: too large for this machine, skipped" % workload.name)
    return False


def chosen_workloads(text):
    wanted = text.split(",")
    known = {workload.name for workload in WORKLOADS} | {
        group for workload in WORKLOADS for group in workload.groups}
    for name in wanted:
        if name not in known:
            sys.exit("no workload or group %s; try --list" % name)
    return [workload for workload in WORKLOADS
            if workload.name in wanted or set(workload.groups) & set(wanted)]


def chosen_peers(options):
    if options.peers is None:
        return MAIN_PEERS if options.quick else list(PEERS)
    if options.peers == "all":
        return list(PEERS)
    peers = options.peers.split(",")
    for peer in peers:
        if peer not in PEERS:
            sys.exit("no peer %s; try --list" % peer)
    return peers


def warm_up(session):
    """Touches as much memory as the largest main workload does."""
    for peer in ("boehm", "malloc"):
        program = os.path.join(session.options.build, "bench_churn_%s" % peer)
        if os.path.exists(program):
            note("warming the machine's memory up")
            size = "--entries=1000000" if session.options.quick else "--entries=5000000"
            try:
                run_once([program, size, "--ops=100000"], {}, session.options.timeout)
            except RunFailed as failure:
                note("warm-up failed: %s" % failure)
            return


def print_lists():
    for workload in WORKLOADS:
        print("%-18s %s %s  (%s)" % (workload.name, workload.program, " ".join(workload.flags),
                                     ", ".join(workload.groups)))
    for name, peer in PEERS.items():
        print("%-18s %s" % (name, peer[2]))


def main():
    options = parse_options()
    if options.list:
        print_lists()
        return 0
    workloads, peers = chosen_workloads(options.workloads), chosen_peers(options)
    options.build = options.build or build_release()
    session = Session(options)
    if not options.no_warm_up:
        warm_up(session)
    print("goos: %s\ngoarch: %s" % (platform.system().lower(), platform.machine()))
    print("pkg: libgcx\ncpu: %s" % first_line("/proc/cpuinfo", "model name"), flush=True)
    all_results = {}
    for workload in [each for each in workloads if fits(each, options.quick)]:
        results = session.measure(workload, peers)
        if results:
            all_results[workload.name] = results
            print_go_lines(workload, results, options.raw)
    print_table(all_results)
    return finish(session, all_results)


def finish(session, all_results):
    options = session.options
    if session.discarded:
        note("%d runs discarded: something else used the processors" % session.discarded)
    if session.kept_disturbed:
        note("%d runs kept although disturbed: no retries left" % session.kept_disturbed)
    missed = check_targets(all_results, options.quick)
    for line in missed:
        note("target missed: " + line)
    if options.json:
        report = {"machine": machine(), "quick": options.quick, "runs": options.runs,
                  "discarded": session.discarded, "disturbed": session.kept_disturbed,
                  "failed": session.failed, "missed": missed, "results": all_results,
                  "peers": {name: peer[2] for name, peer in PEERS.items()}}
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(report, out, indent=1)
    return 1 if session.failed or (options.check and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
