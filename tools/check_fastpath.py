#!/usr/bin/env python3
"""Proves what the head of fast.h claims, in gcc's output for x86-64 at -O2:
from entry to return, where memory is at hand, an allocation executes no call,
no locked instruction, and at most 12 instructions before the return; 14 where
the size is not a constant and has to be rounded.

The path is followed from the function's entry: a conditional jump is taken
neither way when one side leads to the slow path (a call or a jump out of the
function); where both sides stay inside, both are followed.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = 12
LIMIT_COMPUTED_SIZE = 14
SOURCE = """
#include <gcx/gcx.h>
void *alloc_16(void);
void *alloc_256(void);
void *alloc_n(size_t n);
void *noscan_64(void);
void *noscan_n(size_t n);
void *alloc_16(void) { return gcx_alloc(16); }
void *alloc_256(void) { return gcx_alloc(256); }
void *alloc_n(size_t n) { return gcx_alloc(n); }
void *noscan_64(void) { return gcx_alloc_noscan(64); }
void *noscan_n(size_t n) { return gcx_alloc_noscan(n); }
"""


def disassemble(flags):
    with tempfile.TemporaryDirectory() as tmp:
        src = pathlib.Path(tmp, "fast.c")
        src.write_text(SOURCE)
        obj = src.with_suffix(".o")
        subprocess.run(["gcc", "-std=c11", "-O2", *flags, f"-I{ROOT}/include", "-c", str(src), "-o", str(obj)],
                       check=True)
        text = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", str(obj)],
                              check=True, capture_output=True, text=True).stdout
    functions = {}
    current = None
    for line in text.splitlines():
        if match := re.match(r"^[0-9a-f]+ <([\w.]+)>:", line):
            current = functions.setdefault(match.group(1), [])
        elif match := re.match(r"^\s*([0-9a-f]+):\s+(R_X86\S+)\s+(\S+)", line):
            current[-1][2] = match.group(3)
        elif match := re.match(r"^\s*([0-9a-f]+):\s+(.*?)\s*$", line):
            current.append([int(match.group(1), 16), match.group(2), ""])
    return functions


def paths(code, at=0, seen=()):
    """Instruction lists of the ways from code[at] to a return. Ways that call
    or leave the function are the slow path and are not listed."""
    index = {address: i for i, (address, _, _) in enumerate(code)}
    way = list(seen)
    while at < len(code):
        _, text, symbol = code[at]
        op = text.split()[0]
        way.append(text)
        if op.startswith("ret"):
            return [way]
        if op in ("call", "callq"):
            return []
        if op.startswith("j"):
            target = None if symbol else index.get(int(text.split()[1], 16))
            if op == "jmp":
                if target is None:
                    return []
                at = target
                continue
            if len(way) > 200:
                return []
            taken = paths(code, target, way) if target is not None else []
            return paths(code, at + 1, way) + taken
        at += 1
    return []


def main():
    errors = []
    for flags in ([], ["-fPIC"]):
        for name, code in disassemble(flags).items():
            if name.endswith(".cold") or not code:
                continue
            fast = paths(code)
            label = f"{name} {' '.join(flags)}".strip()
            if not fast:
                errors.append(f"{label}: every path calls")
                continue
            longest = max(fast, key=len)[:-1]  # without the return
            limit = LIMIT_COMPUTED_SIZE if name.endswith("_n") else LIMIT
            print(f"{label}: {len(longest)} instructions")
            if len(longest) > limit:
                errors.append(f"{label}: more than {limit} instructions:\n    " + "\n    ".join(longest))
            for text in longest:
                if text.startswith("lock") or re.match(r"xchg\s.*\(", text):
                    errors.append(f"{label}: locked instruction: {text}")
    print("\n".join(errors + [f"check_fastpath: {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
