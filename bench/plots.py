#!/usr/bin/env python3
"""plots.py -- docs/latency.md and its two plots, from --json files of others.

    bench/run.py --workloads latency --peers gcx,boehm,go --json latency.json
    bench/memory.py --json memory.json
    bench/plots.py latency.json --memory memory.json

Several files of run.py may be given: large live heaps take long and are run apart.
Without any the page has memory alone.

SPDX-License-Identifier: MIT
"""

import argparse
import json
import math
import os
import re
import sys
from html import escape

from report import COLOURS, ROOT, markdown_table, ordered, seconds

PEERS = ["gcx", "boehm", "go"]
WHERE = {"heap": "in an object of the heap", "global": "in static data",
         "stack": "in the frames of a deep recursion"}
LEFT, RIGHT, TOP, BOTTOM, WIDTH, HEIGHT = 70, 20, 58, 44, 760, 380


# ---- Figures ---------------------------------------------------------------

def latencies(reports):
    """{(where, live MiB): {peer: entry}} of all reports."""
    found = {}
    for report in reports:
        for name, results in report["results"].items():
            match = re.fullmatch(r"latency-(heap|global|stack)(?:-live(\d+))?", name)
            if match:
                found[match[1], int(match[2] or 64)] = results
    return found


def figure(entry, name):
    """The median of the runs; of disturbed ones the least, for others only add."""
    is_disturbed = any(run.get("disturbed") for run in entry["runs"])
    return entry[name]["min" if is_disturbed else "median"]


def milliseconds(value):
    return "%.2f" % value if value < 10 else "%.0f" % value


# ---- SVG -------------------------------------------------------------------

class Axes:
    """A plot with a linear or logarithmic scale on each side."""

    def __init__(self, title, x, y, x_label, y_label):
        self.x, self.y = x, y  # (lo, hi, ticks, is_log)
        self.body = [
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
            'font-family="sans-serif" fill="#222">' % (WIDTH, HEIGHT, WIDTH, HEIGHT),
            '<rect width="100%" height="100%" fill="#fff"/>',
            '<text x="%d" y="20" font-size="14">%s</text>' % (LEFT, escape(title)),
            '<text x="%d" y="%d" text-anchor="end" font-size="11">%s</text>'
            % (WIDTH - RIGHT, HEIGHT - 8, escape(x_label)),
            '<text x="%d" y="%d" font-size="11">%s</text>' % (8, TOP - 8, escape(y_label))]
        for tick in x[2]:
            self.body.append('<text x="%.1f" y="%d" text-anchor="middle" font-size="11">%g</text>'
                             % (self.at_x(tick), HEIGHT - BOTTOM + 16, tick))
        for tick in y[2]:
            self.body.append('<path d="M%d %.1f H%d" stroke="#ddd"/>'
                             % (LEFT, self.at_y(tick), WIDTH - RIGHT))
            self.body.append('<text x="%d" y="%.1f" text-anchor="end" font-size="11">%g</text>'
                             % (LEFT - 6, self.at_y(tick) + 4, tick))

    @staticmethod
    def share(scale, value):
        lo, hi, _, is_log = scale
        if is_log:
            return math.log(max(value, lo) / lo) / math.log(hi / lo)
        return (value - lo) / (hi - lo)

    def at_x(self, value):
        return LEFT + self.share(self.x, value) * (WIDTH - LEFT - RIGHT)

    def at_y(self, value):
        return HEIGHT - BOTTOM - self.share(self.y, value) * (HEIGHT - TOP - BOTTOM)

    def line(self, points, colour, dashes="", name=""):
        path = " ".join("%.1f,%.1f" % (self.at_x(x), self.at_y(y)) for x, y in points)
        self.body.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="1.6"%s>'
                         '<title>%s</title></polyline>' % (
                             path, colour, ' stroke-dasharray="%s"' % dashes if dashes else "",
                             escape(name)))

    def dots(self, points, colour):
        for x, y in points:
            self.body.append('<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>'
                             % (self.at_x(x), self.at_y(y), colour))

    def legend(self, entries):
        x = LEFT
        for name, colour, dashes in entries:
            self.body.append('<path d="M%d 37 h22" stroke="%s" stroke-width="2"%s/>' % (
                x, colour, ' stroke-dasharray="%s"' % dashes if dashes else ""))
            self.body.append('<text x="%d" y="41" font-size="11">%s</text>' % (x + 27, escape(name)))
            x += 44 + 7 * len(name)

    def text(self):
        return "\n".join(self.body + ["</svg>"]) + "\n"


DASHES = {"heap": "", "global": "6 3", "stack": "2 3"}


def pause_plot(found):
    """Longest operation against live heap: a line per peer and place."""
    lives = sorted({live for _, live in found})
    axes = Axes("Longest operation by live heap, both logarithmic",
                (lives[0] / 1.3, lives[-1] * 1.3, lives, True),
                (1, 10000, [1, 10, 100, 1000, 10000], True), "MiB live", "milliseconds")
    for where, dashes in DASHES.items():
        for peer in PEERS:
            points = [(live, figure(found[where, live][peer], "max_ns") / 1e6)
                      for live in lives if peer in found.get((where, live), {})]
            if points:
                axes.line(points, COLOURS[peer], dashes, "%s, ring in the %s" % (peer, where))
                axes.dots(points, COLOURS[peer])
    axes.legend([(peer, COLOURS[peer], "") for peer in PEERS] +
                [("ring: " + where, "#222", dashes) for where, dashes in DASHES.items()])
    return axes.text()


def memory_plot(report):
    """Resident memory over time: a line per peer."""
    peers = report["peers"]
    longest = max(each["samples"][-1][0] for each in peers.values())
    most = max(each["peak_mib"] for each in peers.values())
    step = 1000 if most > 1000 else 100
    axes = Axes("Resident memory of a program whose live heap rises and falls",
                (0, longest, range(0, int(longest) + 1, 5), False),
                (0, most * 1.05, range(0, int(most) + 1, step), False), "seconds", "MiB")
    below = report["below_mib"]
    axes.line([(0, below), (longest, below)], "#999", "3 3", "%g MiB" % below)
    for peer, each in peers.items():
        axes.line([(s, mib) for s, mib, _ in each["samples"]], COLOURS[peer], "", peer)
        axes.dots([(s, 0) for s, name in each["phases"] if name == "fall"], COLOURS[peer])
    axes.legend([(peer, COLOURS[peer], "") for peer in peers] + [("%g MiB" % below, "#999", "3 3")])
    return axes.text()


# ---- Markdown --------------------------------------------------------------

HEAD = """# Pauses, and memory that goes back

Written by `bench/plots.py` from runs of `bench/run.py` and `bench/memory.py`; do not edit by
hand.

    make bench-latency

"""

PAUSES = """## Pauses by live heap

A message queue: a ring of 200,000 buffers of 1 KiB, 3 million operations, each of which makes a
buffer, fills it and puts it in the place of the oldest; beside it a live heap of linked objects
that never changes. The longest operation is what the program saw, with what else the machine did.
The longest stop is the collector's own figure, from asking the threads to stop until they run, and
counts from the start of the program: also while the heap is built, when everything survives.

![Longest operation by live heap](latency.svg)

"""

MEMORY = """## Memory over time

2,000 MiB in small objects come to life, all but 100 MiB of it ends, and the program does nothing for
some seconds; twice. Each fall is marked with a dot.

![Resident memory over time](memory.svg)

"""


def latency_rows(found):
    rows = []
    for (where, live), results in sorted(found.items(), key=lambda e: (list(WHERE).index(e[0][0]),
                                                                      e[0][1])):
        for peer in [peer for peer in ordered(results) if peer in PEERS]:
            entry = results[peer]
            rows.append([where, str(live), peer, seconds(figure(entry, "elapsed_ns")),
                         "%.0f" % (figure(entry, "peak_rss_kb") / 1024),
                         "%d" % figure(entry, "cycles"),
                         milliseconds(figure(entry, "pause_max_us") / 1e3),
                         milliseconds(figure(entry, "p9999_ns") / 1e6),
                         milliseconds(figure(entry, "max_ns") / 1e6)])
    return rows


def latency_section(reports, found):
    runs = sorted({report["runs"] for report in reports})
    disturbed = sum(report["disturbed"] for report in reports)
    machine = reports[0]["machine"]
    many = "One run each" if runs == [1] else "Medians of %s runs" % " or ".join(
        map(str, reversed(runs)))
    lines = ["%s, %d cores, %d MiB, Linux %s; %s. %s%s." % (
        machine["processor"], machine["cores"], machine["memory_mib"], machine["kernel"],
        machine["date"], many,
        ". **%d runs were disturbed**, for others used the processors: there the least figure of "
        "the runs stands, which is still too much" % disturbed if disturbed else ""), ""]
    return lines + ["The ring stands " + "; ".join(
        "`%s`: %s" % item for item in WHERE.items()) + ".", ""] + markdown_table(
            ["ring", "live MiB", "peer", "seconds", "peak MiB", "cycles", "longest stop ms",
             "p99.99 ms", "longest operation ms"], latency_rows(found)) + [""]


def memory_rows(report):
    rows = []
    for peer, each in report["peers"].items():
        for number, rest in enumerate(each["rests"]):
            reached = rest["reached_s"]
            rows.append([peer, str(number + 1), "%.0f" % each["peak_mib"],
                         "never" if reached is None else "%.1f" % reached,
                         "%.0f" % rest["after_5_s_mib"], "%.2f" % rest["quiet_cpu_percent"]])
    return rows


def memory_section(report):
    machine = report["machine"]
    return ["%s, %d cores, %d MiB, Linux %s; %s." % (
        machine["processor"], machine["cores"], machine["memory_mib"], machine["kernel"],
        machine["date"]), ""] + markdown_table(["peer", "fall", "peak MiB", "seconds to below %g MiB" %
                           report["below_mib"], "MiB after 5 s", "CPU % then"],
                          memory_rows(report)) + [""]


def load(path):
    with open(path, encoding="utf-8") as source:
        return json.load(source)


def main():
    parser = argparse.ArgumentParser(description="Writes docs/latency.md and its plots.")
    parser.add_argument("json", nargs="*", help="what run.py --json wrote, with latency workloads")
    parser.add_argument("--memory", required=True, help="what memory.py --json wrote")
    parser.add_argument("--docs", default=os.path.join(ROOT, "docs"), help="where to write")
    options = parser.parse_args()
    reports, memory = [load(path) for path in options.json], load(options.memory)
    found = latencies(reports)
    if reports and not found:
        sys.exit("no latency workloads in " + ", ".join(options.json))
    text, files = HEAD, {"memory.svg": memory_plot(memory)}
    if found:
        text += PAUSES + "\n".join(latency_section(reports, found)) + "\n"
        files["latency.svg"] = pause_plot(found)
    files["latency.md"] = (text + MEMORY + "\n".join(memory_section(memory))).rstrip() + "\n"
    for name, content in files.items():
        with open(os.path.join(options.docs, name), "w", encoding="utf-8") as out:
            out.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
