#!/usr/bin/env python3
"""Changes one line of the collector at a time and sees whether a test notices.

    tools/mutate.py                       20 changes, chosen at random
    tools/mutate.py --count 100 --seed 7  others, the same each time
    tools/mutate.py --list                what could be changed, without running
    tools/mutate.py --only src/heap/lane.c:98

Works in a copy of the tree. A change that no test notices is printed as a
survivor: either a test is missing, or the line only makes things faster or
states what holds anyway. That is for a reader to judge. Not part of CI.
"""
import argparse
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = ["src/trace/mark.c", "src/trace/sweep.c", "src/gc/remember.c", "src/gc/arm.c", "src/heap/lane.c",
         "src/heap/recycle.c", "src/gc/cycle.c", "src/gc/pacer.c", "src/trace/quiet.h"]
# Quick ones, in the order in which they tend to notice.
TESTS = ["unit/test_pacer", "unit/test_quiet", "unit/test_arm", "unit/test_heap",
         "api/test_free_reuse", "api/test_old_to_young", "api/test_roots", "api/test_epochs",
         "api/test_mark_workers", "stress/test_stress_trees", "model/test_model", "api/test_free",
         "api/test_alloc", "api/test_threads"]
SWAPS = [("==", "!="), ("!=", "=="), ("<=", "<"), (">=", ">"), (" < ", " <= "), (" > ", " >= "),
         ("&&", "||"), ("||", "&&"), (" + 1", ""), (" - 1", ""), ("++", "--"), (" + ", " - "),
         ("true", "false"), ("false", "true")]


def code_lines(text):
    """(number, line) of the lines within functions, comments left out."""
    depth, in_comment = 0, False
    for number, line in enumerate(text.split("\n"), 1):
        inside = depth > 0
        bare = line.strip()
        if in_comment or bare.startswith("/*"):
            in_comment = "*/" not in bare
            continue
        depth += line.count("{") - line.count("}")
        if inside and bare and not bare.startswith(("#", "}", "{")):
            yield number, line


def mutants_of_line(line):
    bare = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    is_statement = re.match(r"[\w*>.&\[\]()+-]+(\[.*\])?\s*(=|[-+|]=|\()|\*?[\w>.-]+(\+\+|--);", bare)
    is_declaration = re.match(r"(const |struct |static |enum |u?int\w* |size_t |bool |uintptr_t |void )", bare)
    if bare.endswith(";") and is_statement and not is_declaration and not bare.startswith(("return", "for")):
        yield "delete", indent + ";"
    condition = re.match(r"(\s*(?:\} else )?if )\((.*)\)( \{)?$", line)
    if condition:
        yield "negate", f"{condition[1]}(!({condition[2]})){condition[3] or ''}"
    for old, new in SWAPS:
        at = line.find(old)
        if at >= 0 and not bare.startswith("GCXI_ASSERT"):
            yield f"{old.strip()} to {new.strip() or 'nothing'}", line[:at] + new + line[at + len(old):]


def all_mutants(files):
    for name in files:
        for number, line in code_lines((ROOT / name).read_text()):
            for what, changed in mutants_of_line(line):
                yield name, number, what, changed


def run(command, cwd, seconds, env=None):
    """Exit code; 'timeout' after so many seconds, and all that it started ends."""
    process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return "timeout"


def copy_tree(to):
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                           capture_output=True, check=True).stdout.split("\n")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def build(tree, preset):
    targets = sorted({pathlib.PurePath(test).name for test in TESTS})
    return run(["cmake", "--build", f"build/{preset}", "-j2", "--target", *targets], tree, 1200)


def first_to_notice(tree, preset, seconds):
    env = dict(os.environ, MODEL_SECONDS="8", MODEL_ALARM=str(seconds))
    if preset == "stress":
        env["GCX_STRESS"] = "200"
    for test in TESTS:
        code = run([f"build/{preset}/tests/{test}"], tree, seconds, env)
        if code != 0:
            return f"{test} ({code})"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--preset", default="dev", help="dev or stress")
    parser.add_argument("--seconds", type=int, default=120, help="for one test; more is a hang")
    parser.add_argument("--only", help="FILE or FILE:LINE")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()

    files = [options.only.split(":")[0]] if options.only else FILES
    mutants = list(all_mutants(files))
    if options.only and ":" in options.only:
        mutants = [m for m in mutants if m[1] == int(options.only.split(":")[1])]
    elif not options.list:
        random.Random(options.seed).shuffle(mutants)
        mutants = mutants[: options.count]
    if options.list:
        for name, number, what, changed in mutants:
            print(f"{name}:{number}: {what}: {changed.strip()}")
        return 0

    with tempfile.TemporaryDirectory(prefix="mutate.") as tmp:
        tree = pathlib.Path(tmp)
        copy_tree(tree)
        if run(["cmake", "--preset", options.preset, "-DGCX_BUILD_BENCH=OFF", "-DGCX_WERROR=OFF"], tree, 300) != 0 \
                or build(tree, options.preset) != 0:
            sys.exit("the tree does not build")
        noticed = first_to_notice(tree, options.preset, options.seconds)
        if noticed:
            sys.exit(f"without any change {noticed} fails")
        killed = survived = unbuilt = 0
        for name, number, what, changed in mutants:
            original = (tree / name).read_text()
            lines = original.split("\n")
            lines[number - 1] = changed
            (tree / name).write_text("\n".join(lines))
            place = f"{name}:{number}: {what}: {original.split(chr(10))[number - 1].strip()}"
            if build(tree, options.preset) != 0:
                unbuilt += 1
            else:
                noticed = first_to_notice(tree, options.preset, options.seconds)
                killed += noticed is not None
                survived += noticed is None
                print(f"{'killed by ' + noticed if noticed else 'SURVIVED'}: {place}", flush=True)
            (tree / name).write_text(original)
        print(f"{killed} killed, {survived} survived, {unbuilt} did not build")
    return 0


if __name__ == "__main__":
    sys.exit(main())
