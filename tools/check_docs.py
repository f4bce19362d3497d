#!/usr/bin/env python3
"""Proves that the text keeps up with the code.

 - A ```c block in README.md or docs/ that holds a main function compiles. One
   that begins with a comment naming a file of the tree (/* examples/x.c */) is
   found in that file, line by line.
 - Environment variables read in src/ stand in docs/environment.md, and the
   other way round; so do those that gcx.h names.
 - Every function of the public headers has a comment above it, or stands in a
   group that has one. Files of examples/ that headers name exist.
 - docs/boehm-calls.md has every name of tools/compat/names.txt once and no other,
   beside a function of the public headers, or a reason why there is none. The
   variables that src/compat reads stand in docs/from-boehm.md, and the other
   way round.
 - Relative links in README.md, CONTRIBUTING.md and docs/ lead to files.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-D_GNU_SOURCE", f"-I{ROOT}/include"]
# Names in src/ that begin with GCX_ and are strings but no variables.
NOT_VARIABLES = re.compile(r"^GCX_(VERSION|DETAIL)")


def code_blocks(document):
    text = document.read_text()
    for match in re.finditer(r"^```c\n(.*?)^```", text, flags=re.S | re.M):
        yield text.count("\n", 0, match.start()) + 1, match.group(1)


def check_code_blocks():
    for document in DOCUMENTS:
        for line, code in code_blocks(document):
            where = f"{document.relative_to(ROOT)}:{line}"
            if named := re.match(r"/\* ((?:examples|src|include|tests)/\S+?)[: ]*\*/\n", code):
                path = ROOT / named.group(1)
                have = {l.strip() for l in path.read_text().splitlines()} if path.exists() else set()
                for quoted in code.splitlines()[1:]:
                    if quoted.strip() not in have | {"", "..."}:
                        yield f"{where}: not in {named.group(1)}: {quoted.strip()}"
            elif re.search(r"\bmain\s*\(", code):
                result = subprocess.run(["gcc", *FLAGS, "-x", "c", "-"], input=code, capture_output=True, text=True)
                if result.returncode != 0:
                    yield f"{where}: does not compile:\n{result.stderr}"


def check_environment():
    page = (ROOT / "docs/environment.md").read_text()
    documented = set(re.findall(r"^\| `(GCX_\w+)", page, flags=re.M))
    read = set()
    for path in (ROOT / "src").rglob("*.[ch]"):
        read |= {n for n in re.findall(r'"(GCX_[A-Z_]+)[="]', path.read_text()) if not NOT_VARIABLES.match(n)}
    promised = set(re.findall(r"(GCX_[A-Z_]+)=", (ROOT / "include/gcx/gcx.h").read_text()))
    yield from (f"docs/environment.md lacks {name}" for name in sorted((read | promised) - documented))
    yield from (f"docs/environment.md has {name}, which src/ does not read" for name in sorted(documented - read))


def check_docstrings():
    for header in sorted((ROOT / "include/gcx").glob("*.h")):
        described = False
        in_comment = False
        for number, line in enumerate(header.read_text().splitlines(), 1):
            if in_comment or line.lstrip().startswith("/*"):
                in_comment = "*/" not in line
                described = described or not re.match(r"/\* ---- ", line)
            elif not line.strip():
                described = False
            elif match := re.match(r"GCX_(?:API|INLINE)\b.*?\b(gcx_\w+)\(", line):
                if not described:
                    yield f"{header.relative_to(ROOT)}:{number}: {match.group(1)} has no comment above it"
        for named in re.findall(r"examples/(\w+\.c)", header.read_text()):
            if not (ROOT / "examples" / named).exists():
                yield f"{header.relative_to(ROOT)}: no examples/{named}"


def check_boehm_calls():
    page = "docs/boehm-calls.md"
    wanted = [line.split()[2] for line in (ROOT / "tools/compat/names.txt").read_text().splitlines()
              if line and not line.startswith("#")]
    headers = "".join(path.read_text() for path in (ROOT / "include/gcx").glob("*.h"))
    declared = set(re.findall(r"\b(gcx_\w+)\(", headers))
    listed = []
    for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| `") or len(cells) != 3:
            if line.startswith("|") and not re.match(r"\|(-|\s*Boehm)", line):
                yield f"{page}:{number}: not three cells, the first with names"
            continue
        listed += re.findall(r"`(GC_\w+)`", cells[0])
        counterparts = re.findall(r"`(\w+)`", cells[1])
        yield from (f"{page}:{number}: {name} is in no header" for name in counterparts if name not in declared)
        if not counterparts and not cells[2]:
            yield f"{page}:{number}: neither a counterpart nor a reason"
    yield from (f"{page} lacks {name}" for name in sorted(set(wanted) - set(listed)))
    yield from (f"{page} has {name}, which is not exported" for name in sorted(set(listed) - set(wanted)))
    yield from (f"{page} has {name} twice" for name in sorted({n for n in listed if listed.count(n) > 1}))


def check_boehm_environment():
    page = (ROOT / "docs/from-boehm.md").read_text()
    section = page.partition("\n## Environment\n")[2]
    documented = set(re.findall(r"`(GC_[A-Z_]+)`", section.partition("\nNot read")[0]))
    read = set(re.findall(r'"(GC_[A-Z_]+)"', (ROOT / "src/compat/boehm_env.c").read_text()))
    yield from (f"docs/from-boehm.md lacks {name}" for name in sorted(read - documented))
    yield from (f"docs/from-boehm.md has {name}, which src/compat does not read" for name in sorted(documented - read))


def check_links():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text()):
            if "://" not in target and not target.startswith("mailto:"):
                if not (document.parent / target).exists():
                    yield f"{document.relative_to(ROOT)}: no file {target}"


def main():
    errors = [*check_code_blocks(), *check_environment(), *check_docstrings(), *check_boehm_calls(),
              *check_boehm_environment(), *check_links()]
    print("\n".join(errors + [f"check_docs: {len(DOCUMENTS)} documents, {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
