#!/usr/bin/env python3
"""Runs programs of a distribution that use the Boehm collector on the stock
library and on ours, in turn, and compares: what they print, their status, the
files they write. A table tells elapsed and processor time and peak memory as
parts of the stock library's, and the longest stop in ms.

Usage: clients.py [--runs N] [--markdown] OUR_LIBRARY_DIR [CLIENT...]
Programs that are not installed are named and left out. Ours runs as it is and
with GCX_CONCURRENT=1 (c.). Time and memory are medians of N runs (5) in turn; stops
are medians of N runs' longest, in runs of their own, for there each library
tells of its collections: GCX_TRACE=json, GC_PRINT_STATS.
Exit status 1 if a program did not do the same.
SPDX-License-Identifier: MIT
"""
import argparse
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
FILES = HERE / "clients"

# Name, what it does, its command. It runs in a folder with all inputs.
CLIENTS = [
    ("Guile 3.0", "trees, lists, a table", "guile-3.0 allocation.scm"),
    ("Guile 3.0", "compiles a module", "guile-3.0 compile.scm module.scm module.go"),
    ("Guile 2.2", "trees, lists, a table", "guile-2.2 allocation.scm"),
    ("w3m", "`-dump` of 12 MB", "w3m -dump page.html"),
    ("ECL", "trees, a table of strings", "ecl --norc --shell tree.lisp"),
    ("Maxima on ECL", "algebra", "maxima-sage -q --batch sums.mac"),
    ("Macaulay2", "a Groebner basis", "M2-binary --script cyclic6.m2"),
    ("Nix", "an expression", "nix-instantiate --eval --strict set.nix"),
    ("Neko", "trees, strings", "neko tree.n"),
    ("Neko", "`nekoc`", "nekoc long.neko"),
    ("Asymptote", "trees, arrays", "asy -noV tree.asy"),
    ("Inkscape", "8000 shapes", "inkscape --export-type=svg --export-filename=out.svg shapes.svg"),
    ("Stalin", "compiles", "stalin -On -c tree"),
    ("Crystal", "checks a program", "crystal build --no-codegen words.cr"),
    ("GNU poke", "strings, records", "poke -q -L records.pk"),
    ("Parser 3", "a table, strings", "parser3 table.p"),
    ("fauhdlc", "compiles VHDL", "fauhdlc -o long.o long.vhd"),
    ("AutoGen", "a list of 400", "autogen -T list.tpl list.def"),
    ("Lepton EDA", "a netlist", "lepton-netlist -g geda -o net /usr/share/doc/lepton-eda/examples/TwoStageAmp/TwoStageAmp.sch"),
    ("debfoster", "orphaned packages", "debfoster -q -n -s bash"),
    ("mmv", "renames 2000 files", "mmv -n many/*.a many/#1.b"),
    ("chase", "300 file names", "chase -f links"),
    ("Objective-C", "trees, on `libobjc_gc`", "./objects"),
    ("LilyPond", "engraves two staves", "lilypond -s --svg notes.ly"),
]


def write_inputs(folder):
    for path in FILES.iterdir():
        shutil.copy(path, folder)
    for name in ("allocation.scm", "compile.scm"):
        shutil.copy(HERE / name, folder)
    subprocess.run([sys.executable, HERE / "page.py", folder / "page.html", "12000000"], check=True)
    subprocess.run([sys.executable, HERE / "module.py", folder / "module.scm", "60"], check=True)
    shapes = (f'<g id="g{i}"><rect id="r{i}" x="{i % 80 * 10}" y="{i // 80 * 8}" width="9" height="7" '
              f'style="fill:#{i * 997 % 0xffffff:06x};stroke:none"/><title>t{i}</title></g>\n' for i in range(8000))
    (folder / "shapes.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="800" height="800">\n'
                                       + "".join(shapes) + "</svg>\n")
    (folder / "list.def").write_text("autogen definitions list;\n" + "".join(
        f"entry = {{ name = n{i}; value = {i}; text = 'some text of {i}'; }};\n" for i in range(400)))
    (folder / "long.neko").write_text("".join(
        f"f{i} = function(x, y) {{ if( x > {i} ) x + y * {i} else $array(x, y, \"s{i}\") }};\n" for i in range(6000)))
    loop = "        for i in 0 to 100 loop\n            sum := sum + i * count;\n        end loop;\n"
    (folder / "long.vhd").write_text((folder / "counter.vhd").read_text().replace(loop, loop * 400))
    (folder / "many").mkdir()
    for i in range(2000):
        (folder / f"many/file{i}.a").touch()
    (folder / "links").write_text("".join(f"{path}\n" for path in sorted(FILES.iterdir()) for _ in range(30)))
    for build in ("nekoc tree.neko", "gcc -std=gnu11 -w -O1 -o objects objects.m -lobjc_gc"):
        if shutil.which(build.split()[0]):
            subprocess.run(build.split(), cwd=folder, stderr=subprocess.DEVNULL)


class Watch:
    """Notices when this machine stood still: nothing that was measured meanwhile counts."""

    def __init__(self):
        self.longest = 0
        threading.Thread(target=self.tick, daemon=True).start()

    def tick(self):
        last = time.perf_counter()
        while True:
            time.sleep(0.02)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last)
            last = now

    def undisturbed(self, run, *args):
        for _ in range(10):
            self.longest = 0
            result = run(*args)
            if self.longest < 3:
                break
        return result


class Run:
    """One run: what it left, its time in seconds and its peak memory in KiB."""

    def __init__(self, command, inputs, home, variables):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name) / "in"
            folder.mkdir()
            for path in inputs.iterdir():
                if path.is_file():
                    os.link(path, folder / path.name)
                elif path.name in command:
                    shutil.copytree(path, folder / path.name, copy_function=os.link)
            before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
            env = os.environ | {"HOME": str(home), "GUILE_AUTO_COMPILE": "0", "LD_LIBRARY_PATH": ""} | variables
            with open(f"{name}/out", "w+b") as out, open(f"{name}/err", "w+b") as err:
                begin = time.perf_counter()
                process = subprocess.Popen(command.split(), cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                           stdout=out, stderr=err)
                _, status, usage = os.wait4(process.pid, 0)
                self.seconds = time.perf_counter() - begin
                process.returncode = status
                out.seek(0), err.seek(0)
                self.out = out.read().replace(name.encode(), b"")
                self.err = err.read().decode(errors="replace").replace(name, "")
            self.status = status
            self.kib = usage.ru_maxrss
            self.processor = usage.ru_utime + usage.ru_stime
            self.files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
                          if path.is_file() and before.get(path) != path.stat().st_mtime_ns}

    def same(self):
        """What has to be the same. Numbers on stderr are addresses, times, processes."""
        return {"status": self.status, "stdout": self.out, "stderr": re.sub(r"0x[0-9a-f]+|\d+", "N", self.err),
                "files": self.files}


def longest_ms(text):
    """Of a run that told of its collections; None if there were none."""
    ours = [int(n) / 1e6 for n in re.findall(r'^\{"gc":.*"pause_ns":(\d+)', text, flags=re.M)]
    stock = [int(ms) + int(ns) / 1e6 for ms, ns in re.findall(r"World-stopped marking took (\d+) ms (\d+) ns", text)]
    return max(ours + stock, default=None)


def median_stop(watch, command, inputs, home, variables, runs):
    stops = [longest_ms(watch.undisturbed(Run, command, inputs, home, variables).err) for _ in range(runs)]
    stops = [stop for stop in stops if stop is not None]
    return f"{statistics.median(stops):.1f}" if stops else "none"


def measure(watch, command, inputs, home, ours, runs):
    """The cells of the table, and what differed."""
    libraries = {"stock": {}, "ours": {"LD_LIBRARY_PATH": ours},
                 "concurrent": {"LD_LIBRARY_PATH": ours, "GCX_CONCURRENT": "1"}}
    results = {name: [] for name in libraries}
    Run(command, inputs, home, {})  # caches of the program's own
    for _ in range(runs):
        for name, variables in libraries.items():
            results[name].append(watch.undisturbed(Run, command, inputs, home, variables))
    wanted = results["stock"][0].same()
    differences = {f"{name}: {what}" for name, all_runs in results.items() for run in all_runs
                   for what, value in run.same().items() if value != wanted[what]}
    if wanted["status"] != 0:
        differences.add(f"status {wanted['status']} on the stock library")

    def ratio(name, of):
        return statistics.median(map(of, results[name])) / statistics.median(map(of, results["stock"]))

    cells = [f"{ratio(name, of):.2f}" for name in ("ours", "concurrent") for of in (
        lambda run: run.seconds, lambda run: run.processor, lambda run: run.kib)]
    tells = {"stock": {"GC_PRINT_STATS": "1"}, "ours": {"GCX_TRACE": "json"}, "concurrent": {"GCX_TRACE": "json"}}
    cells += [median_stop(watch, command, inputs, home, libraries[name] | tells[name], runs) for name in libraries]
    seconds = statistics.median(run.seconds for run in results["stock"])
    mib = statistics.median(run.kib for run in results["stock"]) / 1024
    return [f"{seconds:.2f}", f"{mib:.0f}", *cells], sorted(differences)


HEAD = ["stock s", "stock MiB", "elapsed", "processor", "memory", "elapsed, c.", "processor, c.", "memory, c.",
        "stop, stock", "stop, ours", "stop, c."]


def row(name, what, cells, is_markdown):
    if is_markdown:
        return "| " + " | ".join([name, what, *cells]) + " |"
    return f"{name:18} {what:26}" + "".join(f" {cell:>13}" for cell in cells)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("libraries")
    parser.add_argument("clients", nargs="*")
    args = parser.parse_args()
    failed = 0
    watch = Watch()
    with tempfile.TemporaryDirectory() as name:
        inputs, home = pathlib.Path(name) / "inputs", pathlib.Path(name) / "home"
        inputs.mkdir(), home.mkdir()
        write_inputs(inputs)
        print(row("client", "work", HEAD, args.markdown))
        for client, what, command in CLIENTS:
            if args.clients and client not in args.clients:
                continue
            if not shutil.which(command.split()[0]) and not (inputs / command.split()[0]).exists():
                print(f"# {client}: no {command.split()[0]}")
                continue
            libraries = str(pathlib.Path(args.libraries).resolve())
            cells, differences = measure(watch, command, inputs, home, libraries, args.runs)
            print(row(client, what, cells, args.markdown), flush=True)
            for difference in differences:
                failed = 1
                print(f"# {client}, {what}: not the same: {difference}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
