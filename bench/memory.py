#!/usr/bin/env python3
"""memory.py -- what is resident while a program's live heap rises and falls.

Runs risefall (bench/gc/risefall.c) for each peer, one after another, and looks at
the process from outside twenty times a second: resident memory and processor time.
After each fall the program does nothing. Prints how long it took until what is
resident fell below --below, and what share of a processor the peer used while
nothing happened, once that was so (or from half of the rest on).

SPDX-License-Identifier: MIT
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time

from run import build_release, machine, note
from workloads import PEERS

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PERIOD_S = .05


def look(pid):
    """Resident MiB and processor seconds of a process."""
    with open("/proc/%d/statm" % pid, encoding="ascii") as statm:
        resident = int(statm.read().split()[1]) * PAGE_BYTES / 2**20
    with open("/proc/%d/stat" % pid, encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return resident, (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def read_phases(child, began, phases):
    """The program's lines, with the time at which each came."""
    for line in child.stdout:
        if line.startswith("phase "):
            phases.append([time.monotonic() - began, line.split()[1]])


def record(command, env):
    """Runs it; {"samples": [[s, MiB, cpu s]], "phases": [[s, name]]}."""
    samples, phases, began = [], [], time.monotonic()
    with subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.PIPE,
                          text=True) as child:
        reader = threading.Thread(target=read_phases, args=(child, began, phases))
        reader.start()
        while child.poll() is None:
            try:
                resident, cpu_s = look(child.pid)
            except (OSError, IndexError, ValueError):
                break
            if resident > 0:  # its memory goes before its entry in /proc does
                samples.append([time.monotonic() - began, resident, cpu_s])
            time.sleep(PERIOD_S)
        reader.join()
    if child.returncode != 0 or not phases or phases[-1][1] != "end":
        sys.exit("%s failed with %d" % (command[0], child.returncode))
    return {"samples": samples, "phases": phases}


def rest(recorded, number):
    """Samples of the number-th rest, times counted from its begin."""
    phases = recorded["phases"]
    falls = [i for i, phase in enumerate(phases) if phase[1] == "fall"]
    begin, end = phases[falls[number]][0], phases[falls[number] + 1][0]
    return [[s - begin, mib, cpu] for s, mib, cpu in recorded["samples"] if begin <= s < end]


def judge(recorded, number, below_mib):
    """Seconds until so little was resident, or None; what was after 5 s; CPU %."""
    samples = rest(recorded, number)
    reached = next((s for s, mib, _ in samples if mib < below_mib), None)
    after = next((mib for s, mib, _ in samples if s >= 5), samples[-1][1])
    begin_s = samples[-1][0] / 2 if reached is None else max(reached, samples[-1][0] / 2)
    quiet = [sample for sample in samples if sample[0] >= begin_s]
    share = (quiet[-1][2] - quiet[0][2]) / max(PERIOD_S, quiet[-1][0] - quiet[0][0])
    return {"reached_s": reached, "after_5_s_mib": after, "quiet_cpu_percent": 100 * share}


def main():
    parser = argparse.ArgumentParser(description="Resident memory of a heap that rises and falls.")
    parser.add_argument("--build", help="directory of the bench_* programs; without it the "
                        "release preset is built first")
    parser.add_argument("--peers", default="gcx,boehm,go")
    parser.add_argument("--below", type=float, default=200, help="MiB")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", metavar="FILE", help="write everything measured")
    options = parser.parse_args()
    build = options.build or build_release()
    report = {"machine": machine(), "below_mib": options.below, "peers": {}}
    for peer in options.peers.split(","):
        suffix, env, _ = PEERS[peer]
        command = [os.path.join(build, "bench_risefall_" + suffix)]
        if not os.path.exists(command[0]):
            note("no %s, skipped" % peer)
            continue
        recorded = record(command + (["--quick"] if options.quick else []), env)
        rounds = sum(phase[1] == "fall" for phase in recorded["phases"])
        recorded["rests"] = [judge(recorded, i, options.below) for i in range(rounds)]
        recorded["peak_mib"] = max(sample[1] for sample in recorded["samples"])
        report["peers"][peer] = recorded
        for each in recorded["rests"]:
            print("%-8s peak %5.0f MiB; below %.0f MiB %s; after 5 s %5.0f MiB; then %.2f %% CPU" % (
                peer, recorded["peak_mib"], options.below,
                "never" if each["reached_s"] is None else "after %.1f s" % each["reached_s"],
                each["after_5_s_mib"], each["quiet_cpu_percent"]), flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(report, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
