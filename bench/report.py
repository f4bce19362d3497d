#!/usr/bin/env python3
"""report.py -- turns a --json file of run.py into docs/benchmarks.md and a plot.

Writes docs/benchmarks.md and docs/benchmarks.svg; with --readme also the short
table between <!-- bench:begin --> and <!-- bench:end --> of README.md.

SPDX-License-Identifier: MIT
"""

import argparse
import json
import os
import statistics
import sys
from html import escape

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
MAIN = ["bt", "bt-top", "btmt", "gcbench", "churn", "str", "big", "quads"]
ORDER = ["gcx", "gcx-barrier", "gcx-full", "boehm", "boehm1", "boehm-tuned", "malloc", "mimalloc",
         "jemalloc", "go"]
WHAT = {
    "bt": "binary trees of the benchmarks game, 16-byte nodes, built bottom-up",
    "bt-top": "the same, built top-down: every link is a store from old to young",
    "btmt": "two threads, each building such trees",
    "gcbench": "Ellis, Kovac and Boehm's benchmark, 24-byte nodes",
    "churn": "a large live hash table under a stream of short-lived objects; latency of 16 "
             "operations",
    "str": "strings that grow by appending, pointer-free",
    "big": "buffers of 64 KiB to 4 MiB, one byte per page written",
    "quads": "a live quad-tree of 40-byte nodes, checked while small trees come and go",
    "marklimit-table": "one full mark of the hash table, one thread; the limit is the time to "
                       "touch each object once with perfect prefetch",
    "marklimit-tree": "the same for a tree linked in random order",
    "latency-heap": "a ring of 1-KiB buffers in the heap; latency of one operation",
    "latency-global": "the same ring in static data",
    "latency-stack": "the same ring in the frames of a deep recursion",
}


# ---- Figures ---------------------------------------------------------------

def ordered(results):
    return [peer for peer in ORDER if peer in results]


def median(entry, name):
    return entry[name]["median"] if name in entry else None


def ratio(mine, theirs):
    """Median over the rounds of mine/theirs, or None."""
    pairs = zip(mine["runs"], theirs["runs"])
    found = [a["elapsed_ns"] / b["elapsed_ns"] for a, b in pairs if b["elapsed_ns"]]
    return statistics.median(found) if found else None


def seconds(ns):
    return "%.3f" % (ns / 1e9) if ns < 1e9 else "%.2f" % (ns / 1e9)


def milliseconds(us):
    return "" if not us else "%.2f" % (us / 1e3) if us < 1e5 else "%.0f" % (us / 1e3)


def micros(ns):
    return "" if ns is None else "%.1f" % (ns / 1e3)


# ---- Markdown --------------------------------------------------------------

def markdown_table(headings, rows):
    lines = ["| " + " | ".join(headings) + " |",
             "|" + "|".join(["---"] + ["---:"] * (len(headings) - 1)) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def workload_rows(results, extras):
    rows = []
    for peer in ordered(results):
        entry = results[peer]
        elapsed = entry["elapsed_ns"]
        row = [peer, seconds(elapsed["median"]),
               "%s-%s" % (seconds(elapsed["min"]), seconds(elapsed["max"])),
               "%.0f" % (median(entry, "peak_rss_kb") / 1024), "%d" % median(entry, "cycles"),
               milliseconds(median(entry, "pause_max_us"))]
        mine = results.get("gcx")
        against = ratio(mine, entry) if mine and peer != "gcx" else None
        row.append("%.2f" % against if against else "")
        for name, scale in extras:
            value = median(entry, name)
            row.append("" if value is None else scale(value))
        rows.append(row)
    return rows


EXTRAS = [("p50_ns", "p50 us", micros), ("p99_ns", "p99 us", micros),
          ("p9999_ns", "p99.99 us", micros), ("max_ns", "max us", micros),
          ("minor_pause_max_us", "minor pause ms", milliseconds),
          ("full_us", "full cycle ms", milliseconds),
          ("percent_of_limit", "of the limit", lambda percent: "%.2f" % (percent / 100))]


def workload_section(name, results):
    used = [extra for extra in EXTRAS if any(median(results[peer], extra[0]) for peer in results)]
    headings = ["peer", "seconds", "min-max", "peak MiB", "cycles", "longest pause ms", "gcx/peer"]
    headings += [extra[1] for extra in used]
    lines = ["### " + name, ""]
    if name in WHAT:
        text = WHAT[name]
        lines += [text[0].upper() + text[1:] + ".", ""]
    rows = workload_rows(results, [(extra[0], extra[2]) for extra in used])
    return lines + markdown_table(headings, rows) + [""]


def overview(report):
    """Elapsed seconds and peak MiB: a row per peer, a column per workload."""
    results = report["results"]
    names = [name for name in MAIN if name in results]
    rows = []
    for peer in [peer for peer in ORDER if any(peer in results[name] for name in names)]:
        row = [peer]
        for name in names:
            entry = results[name].get(peer)
            row.append("" if entry is None else "%s / %.0f" % (
                seconds(median(entry, "elapsed_ns")), median(entry, "peak_rss_kb") / 1024))
        rows.append(row)
    return markdown_table(["seconds / peak MiB"] + names, rows)


def ratios(report):
    """What part of each peer's time libgcx takes."""
    results = report["results"]
    names = [name for name in MAIN if "gcx" in results.get(name, {})]
    rows = []
    for peer in [peer for peer in ORDER if peer != "gcx"]:
        cells = [results[name].get(peer) for name in names]
        if any(cells):
            rows.append([peer] + ["" if entry is None else "%.2f" % ratio(
                results[name]["gcx"], entry) for name, entry in zip(names, cells)])
    return markdown_table(["gcx / peer"] + names, rows) if rows else []


def machine_lines(report):
    machine = report["machine"]
    versions = ", ".join("%s %s" % item for item in sorted(machine["versions"].items()))
    lines = ["- Date: %s%s" % (machine["date"], ", sizes of --quick" if report["quick"] else ""),
             "- Machine: %s, %d cores, %d MiB" % (
                 machine["processor"], machine["cores"], machine["memory_mib"]),
             "- System: %s, Linux %s, huge pages `%s`" % (
                 machine["system"], machine["kernel"], machine["huge_pages"]),
             "- Versions: " + versions,
             "- %d counted runs of each after a warm-up; %d discarded because something else "
             "used the processors" % (report["runs"], report["discarded"])]
    if report["disturbed"]:
        lines.append("- **%d runs were kept although disturbed**: the machine was not quiet, "
                     "read the figures with care" % report["disturbed"])
    return lines


HEAD = """# Benchmarks

Written by `bench/report.py` from a run of `bench/run.py`; do not edit by hand.

    make bench                                  # everything; make bench-quick: a minute
    bench/run.py --json bench.json && bench/report.py bench.json

The same source is compiled once per peer; peers run alternately, and a ratio is
the median of the ratios within the rounds. Only ratios mean something on another
machine. Peers that need `free` call it; those that collect do not.
"""

NOTES = """
## Reading them

- `gcx` tracks written pages through the kernel and needs nothing from the program;
  `gcx-barrier` is the same with a write barrier in the program; `gcx-full` has no
  minor cycles.
- `boehm` is the Boehm collector as installed, marking with one thread per core;
  `boehm1` marks with one thread; `boehm-tuned` uses inline free lists and has
  interior pointers off.
- `malloc`, `mimalloc` and `jemalloc` free every object where the program drops it,
  and use `calloc` only where an object is not written in full at once.
- `go` is the same program in Go.
- Time covers the workload alone: start-up, and the checks at the end of each
  program, are outside. Peak memory is the resident set's high-water mark.
"""


def markdown(report):
    lines = [HEAD, "![Elapsed time by workload and peer](benchmarks.svg)", "", "## The run", ""]
    lines += machine_lines(report) + ["", "## Overview", ""] + overview(report) + [""]
    table = ratios(report)
    if table:
        lines += ["Elapsed time of `gcx` as a part of the peer's:", ""] + table + [""]
    if report["missed"]:
        where = ", at the sizes of --quick" if report["quick"] else ""
        lines += ["Targets missed%s:" % where, ""]
        lines += ["- " + line for line in report["missed"]] + [""]
    if report["failed"]:
        lines += ["Failed:", ""]
        lines += ["- %s, %s: `%s`" % tuple(entry) for entry in report["failed"]] + [""]
    lines += ["## Workloads", ""]
    for name, results in report["results"].items():
        lines += workload_section(name, results)
    return "\n".join(lines).rstrip() + "\n" + NOTES


# ---- The plot --------------------------------------------------------------

COLOURS = {"gcx": "#0b6e4f", "gcx-barrier": "#6bbf59", "gcx-full": "#b5dda4", "boehm": "#a4243b",
           "boehm1": "#cf6679", "boehm-tuned": "#d8973c", "malloc": "#5c677d",
           "mimalloc": "#33415c", "jemalloc": "#979dac", "go": "#3a86c8"}
BAR, GAP, LEFT, WIDTH, TOP = 13, 16, 90, 760, 58
LIMIT = 1.5  # of the baseline; longer bars are cut, with their figure beside


def plot_values(results):
    """(peer, part of Boehm's time), or of the slowest peer's without Boehm."""
    base = results.get("boehm") or max(results.values(), key=lambda e: median(e, "elapsed_ns"))
    whole = median(base, "elapsed_ns")
    return [(peer, median(results[peer], "elapsed_ns") / whole) for peer in ordered(results)]


def plot_bar(peer, part, y, scale):
    shown = min(part, LIMIT) * scale
    return ['<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"><title>%s %.3f</title></rect>'
            % (LEFT, y, shown, BAR - 2, COLOURS[peer], escape(peer), part),
            '<text x="%.1f" y="%d" font-size="10">%.2f</text>'
            % (LEFT + shown + 4, y + BAR - 4, part)]


def plot_legend(peers):
    parts, x = [], LEFT
    for peer in peers:
        parts.append('<rect x="%d" y="32" width="11" height="11" fill="%s"/>' % (x, COLOURS[peer]))
        parts.append('<text x="%d" y="41" font-size="11">%s</text>' % (x + 15, escape(peer)))
        x += 30 + 7 * len(peer)
    return parts


def svg(report):
    """Bars per workload: elapsed time as a part of the Boehm collector's."""
    results = report["results"]
    names = [name for name in MAIN if name in results]
    peers = [peer for peer in ORDER if any(peer in results[name] for name in names)]
    scale = (WIDTH - LEFT - 50) / LIMIT
    body, y = plot_legend(peers), TOP
    for name in names:
        values = plot_values(results[name])
        body.append('<text x="%d" y="%.1f" text-anchor="end" font-size="12">%s</text>'
                    % (LEFT - 8, y + BAR * len(values) / 2 + 4, escape(name)))
        for peer, part in values:
            body += plot_bar(peer, part, y, scale)
            y += BAR
        y += GAP
    line = LEFT + scale
    head = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
            'font-family="sans-serif" fill="#222">' % (WIDTH, y, WIDTH, y),
            '<rect width="100%" height="100%" fill="#fff"/>',
            '<text x="%d" y="20" font-size="14">Elapsed time, Boehm collector = 1 (less is better)'
            '</text>' % LEFT,
            '<path d="M%.1f %d V%d" stroke="#a4243b" stroke-dasharray="3 3"/>'
            % (line, TOP - 4, y - GAP + 4)]
    return "\n".join(head + body + ["</svg>"]) + "\n"


# ---- README ----------------------------------------------------------------

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def update_readme(path, report):
    with open(path, encoding="utf-8") as old:
        text = old.read()
    if BEGIN not in text or END not in text:
        sys.exit("%s has no %s ... %s" % (path, BEGIN, END))
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    table = "\n".join(overview(report))
    machine = report["machine"]
    note = "%s, %d cores, %s; medians of %d runs" % (
        machine["processor"], machine["cores"], machine["date"], report["runs"])
    if report["quick"]:
        note += ", sizes of `--quick`"
    if report["disturbed"]:
        note += ", on a machine that was not quiet"
    with open(path, "w", encoding="utf-8") as new:
        new.write("%s%s\n%s\n\n%s.\n%s%s" % (before, BEGIN, table, note, END, after))


def main():
    parser = argparse.ArgumentParser(description="Writes docs/benchmarks.md and .svg.")
    parser.add_argument("json", help="what run.py --json wrote")
    parser.add_argument("--docs", default=os.path.join(ROOT, "docs"), help="where to write")
    parser.add_argument("--readme", nargs="?", const=os.path.join(ROOT, "README.md"),
                        help="also put the overview into this file")
    options = parser.parse_args()
    with open(options.json, encoding="utf-8") as source:
        report = json.load(source)
    for name, text in (("benchmarks.md", markdown(report)), ("benchmarks.svg", svg(report))):
        with open(os.path.join(options.docs, name), "w", encoding="utf-8") as out:
            out.write(text)
    if options.readme:
        update_readme(options.readme, report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
