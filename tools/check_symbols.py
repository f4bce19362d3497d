#!/usr/bin/env python3
"""Proves that the libraries define no name that could clash with a program's.

 - libgcx.so exports gcx_ names and those it interposes, all functions of the
   public headers among them.
 - Every global symbol that libgcx.a defines begins with gcx_ or gcxi_, or is
   __wrap_NAME for an interposed one. Static probes bring one of their own, weak
   and hidden, the same in every file that has any.

Usage: check_symbols.py BUILD_DIR
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INTERPOSED = ("pthread_create|sigaction|signal|__sysv_signal|pthread_sigmask|sigprocmask|sigwait|sigwaitinfo|"
              "sigtimedwait|sigsuspend|execve|execv|execvp|execvpe|fexecve|execl|execlp|execle")
EXPORTED = re.compile(rf"^(gcx_\w+|{INTERPOSED})$")
DEFINED = re.compile(rf"^(gcx_\w+|gcxi_\w+|__wrap_({INTERPOSED})|_\.stapsdt\.base)$")


def symbols(path, *flags):
    out = subprocess.run(["nm", "--defined-only", "--format=posix", *flags, str(path)],
                         check=True, capture_output=True, text=True).stdout
    return {line.split()[0].split("@")[0] for line in out.splitlines() if len(line.split()) >= 2}


def declared():
    names = set()
    for header in (ROOT / "include/gcx").glob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        names |= set(re.findall(r"\bGCX_(?:API|INLINE)\b[^;{]*?\b(gcx_\w+)\s*\(", text))
    return names


def main():
    build = pathlib.Path(sys.argv[1])
    exported = symbols(build / "libgcx.so", "--dynamic")
    static = symbols(build / "libgcx.a", "--extern-only")
    errors = [f"libgcx.so exports {name}" for name in sorted(exported) if not EXPORTED.match(name)]
    errors += [f"libgcx.a defines {name}" for name in sorted(static) if not DEFINED.match(name)]
    for name in sorted(declared()):
        errors += [f"{lib} lacks {name}" for lib, have in (("libgcx.so", exported), ("libgcx.a", static))
                   if name not in have]
    print("\n".join(errors + [f"check_symbols: {len(exported)} exported, {len(static)} in the archive, "
                              f"{len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
