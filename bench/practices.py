#!/usr/bin/env python3
"""Measures docs/guide/practices.md: runs examples/practices several times, prints
the medians as a table, and draws how often less the second way takes.

    bench/practices.py build/release/examples/practices [docs/guide/practices.svg]
"""
import collections
import re
import statistics
import subprocess
import sys

RUNS = 9
ROUNDS = "1000000"
ROW, LEFT, WIDTH = 24, 140, 360


def measure(program):
    before, after, units = collections.defaultdict(list), collections.defaultdict(list), {}
    for _ in range(RUNS):
        output = subprocess.run([program, ROUNDS], check=True, capture_output=True, text=True).stdout
        for name, a, b, unit in re.findall(r"^(.*?) +(\d+) +(\d+) (.*)$", output, flags=re.M):
            before[name].append(int(a))
            after[name].append(int(b))
            units[name] = unit
    return [(n, statistics.median(before[n]), statistics.median(after[n]), units[n]) for n in before]


def draw(rows):
    """Bars, as long as the logarithm of before / after; the longest stands for 1000."""
    import math

    height = ROW * len(rows) + 16
    yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 80}" height="{height}" ' \
          f'font-family="sans-serif" font-size="13">'
    yield f'<rect width="100%" height="100%" fill="#fff"/>'
    for i, (name, before, after, _) in enumerate(rows):
        times = before / max(after, 1)
        y = 8 + ROW * i
        length = max(2, WIDTH * math.log10(max(times, 1)) / 3)
        yield f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end">{name}</text>'
        yield f'<rect x="{LEFT}" y="{y + 3}" width="{min(length, WIDTH):.0f}" height="{ROW - 6}" fill="#4878a8"/>'
        yield f'<text x="{LEFT + min(length, WIDTH) + 6:.0f}" y="{y + 16}">{times:.3g}×</text>'
    yield "</svg>"


def main():
    rows = measure(sys.argv[1])
    for name, before, after, unit in rows:
        print(f"| {name} | {before:,.0f} | {after:,.0f} | {unit} |")
    if len(sys.argv) > 2:
        with open(sys.argv[2], "w") as f:
            f.write("\n".join(draw(rows)) + "\n")


if __name__ == "__main__":
    main()
