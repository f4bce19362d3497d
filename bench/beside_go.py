#!/usr/bin/env python3
"""Measures docs/beside-go.md: the programs of bench/micro and those of bench/go that
do the same, alternately, and writes the table of the page anew.

    bench/beside_go.py build/release/bench [docs/beside-go.md]

A program prints the best of its rounds; the best of all runs is taken of each.
"""
import argparse
import re
import subprocess

from workloads import PARTS

RUNS = 3
BEGIN, END = "<!-- figures: bench/beside_go.py -->\n", "<!-- end -->\n"
WHAT = {
    ("slice", "append"): "append 100,000 integers, from no capacity",
    ("slice", "with_cap"): "the same, with the capacity known",
    ("slice", "pointers"): "append 100,000 pointers",
    ("builder", "build"): "a string of pieces of 10 bytes, by a builder",
    ("builder", "grown"): "the same, grown beforehand",
    ("builder", "concat"): "the same, a new string for every piece",
    ("map", "insert"): "insert a million integers into an empty map",
    ("map", "presized"): "the same, made for a million",
    ("map", "find"): "find them, in another order",
    ("map", "miss"): "look for what is not there",
    ("map", "iterate"): "iterate",
    ("map", "delete"): "delete all, one by one",
    ("pool", "pair"): "get and put",
    ("pool", "shared"): "the same by two threads at once",
    ("pool", "buffer"): "a buffer of 4 KiB taken and given back",
    ("defer", "call"): "a function with a deferred call",
    ("defer", "three"): "a function with three",
    ("defer", "resource"): "a resource opened and closed; in Go a finalizer set and cleared",
    ("scope", "request"): "an object of a request, without a scope",
    ("scope", "request_scoped"): "the same in a trusted scope",
}
FEWER = {("builder", "concat"): 100, ("defer", "resource"): 100}  # operations than n


def best_ns(program, case):
    """Of each operation."""
    run = subprocess.run([program, f"--case={case}"], check=True, capture_output=True, text=True).stdout
    elapsed, ops = re.search(r"elapsed_ns=(\d+) ops=(\d+)", run).groups()
    return int(elapsed) / int(ops)


def figure(ns):
    return f"{ns:.3g}" if ns < 1000 else f"{ns:,.0f}"


def measure(build):
    """Lines of the table."""
    yield "| each | libgcx, ns | Go, ns | Go / libgcx |"
    yield "|---|---:|---:|---:|"
    for (program, case), what in WHAT.items():
        number = PARTS[program].index(case)
        runs = [[best_ns(f"{build}/bench_{program}_{peer}", number) for peer in ("gcx", "go")]
                for _ in range(RUNS)]
        ours, theirs = (min(column) * FEWER.get((program, case), 1) for column in zip(*runs))
        yield f"| {what} | {figure(ours)} | {figure(theirs)} | {theirs / ours:.2g} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", help="directory of the bench_* programs")
    parser.add_argument("page", nargs="?", help="the page whose table is replaced")
    options = parser.parse_args()
    table = "\n".join(measure(options.build)) + "\n"
    print(table, end="")
    if options.page:
        with open(options.page) as f:
            before, rest = f.read().split(BEGIN)
        with open(options.page, "w") as f:
            f.write(before + BEGIN + table + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
