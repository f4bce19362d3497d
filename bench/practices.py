#!/usr/bin/env python3
"""Measures docs/guide/practices.md: runs examples/practices several times, prints
the medians as a table, and draws a panel for each: before and after.

    bench/practices.py build/release/examples/practices [docs/guide/practices.svg]
"""
import argparse
import collections
import re
import statistics
import subprocess

RUNS = 9
ROUNDS = "1000000"
COLUMNS, PANEL, HEIGHT, BAR = 3, 240, 96, 116  # pixels
LABEL = 46


def measure(program):
    before, after, units = collections.defaultdict(list), collections.defaultdict(list), {}
    for _ in range(RUNS):
        output = subprocess.run([program, ROUNDS], check=True, capture_output=True, text=True).stdout
        for name, a, b, unit in re.findall(r"^(.*?) +(\d+) +(\d+) (.*)$", output, flags=re.M):
            before[name].append(int(a))
            after[name].append(int(b))
            units[name] = unit
    return [(n, statistics.median(before[n]), statistics.median(after[n]), units[n]) for n in before]


def text(x, y, words, more=""):
    return f'<text x="{x}" y="{y}"{more}>{words}</text>'


def panel(x, y, number, row):
    """Two bars to one scale, which begins at 0; the longer fills its width."""
    name, before, after, unit = row
    most = max(before, after, 1)
    yield text(x, y + 16, f"{number} {name}", ' font-weight="bold"')
    yield text(x, y + 31, f"{unit}, {before / max(after, 1):.3g} times less", ' fill="#555" font-size="11"')
    for label, value, colour, at in (("before", before, "#b0b0b0", y + 38), ("after", after, "#4878a8", y + 60)):
        length = max(1, BAR * value / most)
        yield text(x, at + 13, label)
        yield f'<rect x="{x + LABEL}" y="{at}" width="{length:.0f}" height="17" fill="{colour}"/>'
        yield text(f"{x + LABEL + length + 4:.0f}", at + 13, f"{value:,.0f}")


def draw(rows):
    height = HEIGHT * -(-len(rows) // COLUMNS) + 8
    yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{COLUMNS * PANEL + 16}" height="{height}" ' \
          f'font-family="sans-serif" font-size="12">'
    yield '<rect width="100%" height="100%" fill="#fff"/>'
    for i, row in enumerate(rows):
        yield from panel(8 + PANEL * (i % COLUMNS), HEIGHT * (i // COLUMNS), i + 1, row)
    yield "</svg>"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="examples/practices of a release build")
    parser.add_argument("svg", nargs="?", help="the picture to draw")
    options = parser.parse_args()
    rows = measure(options.program)
    for name, before, after, unit in rows:
        print(f"| {name} | {before:,.0f} | {after:,.0f} | {unit} |")
    if options.svg:
        with open(options.svg, "w") as f:
            f.write("\n".join(draw(rows)) + "\n")


if __name__ == "__main__":
    main()
