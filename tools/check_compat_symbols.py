#!/usr/bin/env python3
"""Proves that our libgc.so.1 exports every name of the reference list, data
objects with the same size, and nothing else but gcx_ names and the __wrap_
names that the static library has too (check_symbols.py).

Usage: check_compat_symbols.py BUILD_DIR
"""
import pathlib
import subprocess
import re
import sys

from check_symbols import INTERPOSED

ROOT = pathlib.Path(__file__).resolve().parent.parent


def reference():
    for line in (ROOT / "tools/compat/names.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            kind, size, name = line.split()
            yield name, (kind, int(size))


def exported(library):
    out = subprocess.run(["readelf", "-W", "--dyn-syms", str(library)], check=True, capture_output=True, text=True)
    kinds = {"OBJECT": "data", "FUNC": "func", "TLS": "tls"}
    for line in out.stdout.splitlines():
        word = line.split()
        if len(word) >= 8 and word[6] != "UND" and word[3] in kinds and word[4] != "LOCAL":
            kind = kinds[word[3]]
            yield word[7].split("@")[0], (kind, int(word[2], 0) if kind == "data" else 0)


def main():
    wanted = dict(reference())
    have = dict(exported(pathlib.Path(sys.argv[1]) / "compat/libgc.so.1"))
    errors = [f"missing: {name}" for name in sorted(wanted) if name not in have]
    errors += [f"{name}: {have[name]}, wanted {wanted[name]}" for name in sorted(wanted)
               if name in have and have[name] != wanted[name]]
    errors += [f"unasked: {name}" for name in sorted(have)
               if name not in wanted and not re.fullmatch(rf"gcx_\w+|__wrap_({INTERPOSED})", name)]
    print("\n".join(errors + [f"check_compat_symbols: {len(wanted)} names, {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
