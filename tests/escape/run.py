#!/usr/bin/env python3
"""Runs tools/gcx-escape on the functions here, whose comments know the answers.

Usage: run.py SOURCE_DIR COMPILER. Exits with 77, skipped, where the compiler is not the
one that the tool is tested with; that it says so is tested either way.

SPDX-License-Identifier: MIT
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ANSWERS = {"stays": "does not escape", "leaves": "escapes to heap"}


def run(root, *arguments):
    return subprocess.run([sys.executable, str(root / "tools/gcx-escape"), *arguments, "--", f"-I{root}/include"],
                          capture_output=True, text=True)


def expected(path):
    for number, text in enumerate(path.read_text().splitlines(), 1):
        if match := re.search(r"/\* (stays|leaves) \*/", text):
            yield number, ANSWERS[match.group(1)]


def check(root, compiler, path):
    result = run(root, f"--cc={compiler}", str(path))
    if result.returncode != 0:
        return [f"{path.name}: {result.stderr}"]
    said = {}
    for text in result.stdout.splitlines():
        match = re.fullmatch(r"(.*?):(\d+):(\d+): (gcx_\w+)\((.*)\) (escapes to heap|does not escape)(, although hinted)?",
                             text)
        if match is None or match.group(1) != str(path):
            return [f"{path.name}: a line of another shape: {text}"]
        if (match.group(7) is not None) != ("scope" in match.group(4) and match.group(6) == "escapes to heap"):
            return [f"{path.name}: {text}"]
        said[int(match.group(2))] = match.group(6)
    known = dict(expected(path))
    return [f"{path.name}:{n}: {said.get(n, 'nothing')} instead of {known.get(n, 'nothing')}"
            for n in sorted(known.keys() | said.keys()) if known.get(n) != said.get(n)]


def check_unhinted(root, compiler, path):
    lines = run(root, f"--cc={compiler}", "--unhinted", str(path)).stdout.splitlines()
    if lines and all("does not escape" in l and "gcx_scope" not in l for l in lines):
        return []
    return [f"{path.name}: --unhinted prints {lines}"]


def check_other_compilers(root):
    """Another version, and what is no gcc, are refused by name."""
    for version, text in (("13.2.0", "Free Software Foundation"), ("12.0.0", "clang")):
        with tempfile.TemporaryDirectory() as tmp:
            other = pathlib.Path(tmp, "cc")
            other.write_text(f"#!/bin/sh\ncase $1 in -dumpversion) echo {version};; *) echo '{text}';; esac\n")
            other.chmod(0o755)
            result = run(root, f"--cc={other}", "none.c")
            if result.returncode != 2 or "gcc 12" not in result.stderr:
                yield f"a compiler that calls itself {text} {version} was not refused"


def main():
    root, compiler = pathlib.Path(sys.argv[1]), sys.argv[2]
    errors = list(check_other_compilers(root))
    refused = run(root, f"--cc={compiler}", "none.c").returncode == 2
    for path in sorted((root / "tests/escape").glob("*.c")) if not refused else []:
        errors += check(root, compiler, path)
    if not refused:
        errors += check_unhinted(root, compiler, root / "tests/escape/inlined.c")
    print("\n".join(errors) if errors else "every answer is right")
    return 1 if errors else 77 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
