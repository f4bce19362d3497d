#!/usr/bin/env python3
"""Proves that src/ is layered.

 - A file includes only headers of its own floor or of a lower one; ext uses
   public headers alone.
 - Public headers include public headers and the C library only.
 - The name of each .c file is unique in src/.
 - No #if stands inside a function outside base/ and os/.
"""
import pathlib
import re
import sys

FLOORS = {"base": 0, "os": 1, "heap": 2, "trace": 3, "gc": 4, "api": 5, "ext": 6, "diag": 6, "compat": 7}
PUBLIC_ONLY = {"ext"}
IF_ALLOWED = {"base", "os"}

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
CONDITION = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif|else)\b")


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def without_comments_and_literals(text):
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, blank, text, flags=re.S)


def conditions_in_functions(text):
    """Line numbers of conditionals inside a function: in braces that do not
    open a struct, union, enum, initialiser or linkage block."""
    stack = []  # True for each open brace that is a function's or in one
    head = ""  # code since the last ; { or }
    for number, line in enumerate(without_comments_and_literals(text).split("\n"), 1):
        if re.match(r"^\s*#", line):
            if CONDITION.match(line) and any(stack):
                yield number
            continue
        for char in line:
            if char == "{":
                is_body = bool(re.search(r"\)\s*(__attribute__\s*\(.*\)\s*)?$", head.strip()))
                stack.append(is_body or any(stack))
                head = ""
            elif char == "}":
                if stack:
                    stack.pop()
                head = ""
            elif char == ";":
                head = ""
            else:
                head += char
        head += "\n"


def main():
    errors = []
    files = 0
    names = {}
    floor_of_dir = dict(FLOORS)
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        files += 1
        rel = path.relative_to(ROOT / "src")
        floor_name = rel.parts[0]
        where = f"src/{rel}"
        if floor_name not in FLOORS:
            errors.append(f"{where}: {floor_name}/ is not a floor")
            continue
        text = path.read_text()
        code = re.sub(r"/\*.*?\*/", blank, text, flags=re.S)
        if path.suffix == ".c":
            if path.name in names:
                errors.append(f"{where}: the name is taken by {names[path.name]}")
            names[path.name] = where
        for match in INCLUDE.finditer(code):
            line = code.count("\n", 0, match.start()) + 1 + match.group().count("\n")
            quote, target = match.groups()
            if target.startswith("gcx/"):
                if not (ROOT / "include" / target).exists():
                    errors.append(f"{where}:{line}: no public header {target}")
                continue
            if quote == "<":
                continue
            directory = target.split("/")[0] if "/" in target else floor_name
            if directory not in floor_of_dir:
                errors.append(f"{where}:{line}: {target} is not under a floor")
            elif not (ROOT / "src" / target).exists() and not (path.parent / target).exists():
                errors.append(f"{where}:{line}: no such header {target}")
            elif floor_name in PUBLIC_ONLY and directory != floor_name:
                errors.append(f"{where}:{line}: {floor_name}/ uses public headers only, not {target}")
            elif floor_of_dir[directory] > FLOORS[floor_name]:
                errors.append(f"{where}:{line}: {floor_name}/ may not include {target}, a higher floor")
            elif directory != floor_name and floor_of_dir[directory] == FLOORS[floor_name]:
                errors.append(f"{where}:{line}: {floor_name}/ may not include {target}, a neighbour")
        if floor_name not in IF_ALLOWED:
            for line in conditions_in_functions(text):
                errors.append(f"{where}:{line}: #if inside a function")

    for path in sorted((ROOT / "include").rglob("*.h")):
        files += 1
        for match in INCLUDE.finditer(path.read_text()):
            target = match.group(2)
            if match.group(1) == '"' or (target.startswith("gcx/") and not (ROOT / "include" / target).exists()):
                errors.append(f"{path.relative_to(ROOT)}: includes {target}")

    print("\n".join(errors + [f"check_floors: {files} files, {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
