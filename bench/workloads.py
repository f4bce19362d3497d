"""workloads.py -- what run.py runs: the peers, the workloads, the targets.

SPDX-License-Identifier: MIT
"""

# name: (suffix of the program, environment, what it is)
PEERS = {
    "gcx": ("gcx", {}, "libgcx, pages tracked by the kernel"),
    "gcx-barrier": ("gcx_barrier", {}, "libgcx, explicit write barrier"),
    "gcx-full": ("gcx", {"GCX_BARRIER": "none"}, "libgcx, full cycles only"),
    "boehm": ("boehm", {}, "Boehm collector, defaults"),
    "boehm1": ("boehm", {"GC_MARKERS": "1"}, "Boehm collector, one marker"),
    "boehm-tuned": ("boehm_tuned", {}, "Boehm collector, inline free lists, no interior pointers"),
    "malloc": ("malloc", {}, "the C library's malloc and free"),
    "mimalloc": ("mimalloc", {}, "mimalloc"),
    "jemalloc": ("jemalloc", {}, "jemalloc"),
    "go": ("go", {}, "the same program in Go"),
}
MAIN_PEERS = ["gcx", "gcx-barrier", "boehm", "malloc", "mimalloc"]
ONE_MARKER = {"GCX_MARK_WORKERS": "1", "GC_MARKERS": "1"}


class Workload:
    """A program with its flags; `quick` are the flags for --quick."""

    def __init__(self, name, title, program, flags=(), quick=(), threads=1, groups=("all",),
                 skip=(), only=None, env=None, live_mib=0):
        self.name, self.title, self.program = name, title, program
        self.flags, self.quick, self.threads = list(flags), list(quick), threads
        self.groups, self.skip, self.only, self.env = groups, skip, only, env or {}
        self.live_mib = live_mib  # where it may be too much for a machine

    def takes(self, peer):
        return peer not in self.skip and (self.only is None or peer in self.only)

    def arguments(self, quick):
        return self.flags + (["--quick"] + self.quick if quick else [])


MAIN = ("all", "main")
COLLECTORS = ("gcx", "gcx-barrier", "gcx-full", "boehm", "boehm1", "boehm-tuned")


def scaled(count):
    """Flags of churn with count entries, of 132 bytes, and a full mark at the end."""
    return ["--entries=%d" % count, "--ops=%d" % min(5 * count, 20000000), "--full=1"]


def scaling_workloads():
    found = []
    for threads in (1, 2, 4, 8):
        flags = ["--threads=%d" % threads]
        found.append(Workload("bt-threads%d" % threads, "ScaleTrees", "bt", flags + ["--n=17"],
                              ["--n=13"], threads, ("all", "scale"), skip=("gcx-barrier",)))
        found.append(Workload("churn-threads%d" % threads, "ScaleChurn", "churn",
                              flags + ["--entries=1000000", "--ops=8000000"],
                              ["--entries=200000", "--ops=1000000"], threads, ("all", "scale")))
    for mib in (16, 64, 256, 1024, 4096, 8192):
        found.append(Workload("churn-live%d" % mib, "LiveChurn%dMiB" % mib, "churn",
                              scaled(mib * 7900), scaled(mib * 100), 1, ("all", "scale"),
                              only=COLLECTORS + ("go",), live_mib=mib))
    return found


def latency_workloads():
    found = []
    for where, name in ((0, "heap"), (1, "global"), (2, "stack")):
        found.append(Workload("latency-" + name, "Latency" + name.capitalize(), "latency",
                              ["--where=%d" % where], [], 1, ("all", "latency")))
        for mib in (512, 4096):
            found.append(Workload("latency-%s-live%d" % (name, mib),
                                  "Latency%sLive%dMiB" % (name.capitalize(), mib), "latency",
                                  ["--where=%d" % where, "--live=%d" % mib],
                                  ["--live=%d" % (mib // 8)], 1, ("all", "latency"),
                                  only=COLLECTORS + ("go",), live_mib=mib))
    return found


def lifetime_workloads():
    found = []
    for mode, name in ((0, "conservative"), (1, "precise"), (2, "noscan")):
        found.append(Workload("kinds-" + name, "Kinds" + name.capitalize(), "kinds",
                              ["--mode=%d" % mode], groups=("all", "lifetimes"),
                              only=COLLECTORS))
    for order, name in ((0, ""), (1, "-reverse")):
        found.append(Workload("ephemerons" + name, "Ephemerons" + name[1:].capitalize(),
                              "ephemerons", ["--reverse=%d" % order],
                              groups=("all", "lifetimes"), only=COLLECTORS))
    found.append(Workload("cleanups", "Cleanups", "finalizers", groups=("all", "lifetimes"),
                          only=COLLECTORS))
    found.append(Workload("finalizers", "Finalizers", "finalizers", ["--finalizers=1"],
                          groups=("all", "lifetimes"), only=COLLECTORS))
    return found


PARTS = {
    "pool": ("pair", "batch", "limit", "buffer", "shared"),
    "scope": ("request", "request_quarantined", "request_scoped", "alloc", "calloc", "bump",
              "pair"),
    "slice": ("append", "with_cap", "pointers"),
    "builder": ("build", "grown", "concat"),
    "map": ("insert", "presized", "find", "miss", "iterate", "delete"),
    "defer": ("call", "three", "resource"),
}


def ext_workloads():
    """What is built on top of gcx.h, beside what Go has built in."""
    return [Workload("%s-%s" % (program, case), program.title() + case.title().replace("_", ""),
                     program, ["--case=%d" % i], [], 2 if case == "shared" else 1, ("all", "ext"),
                     only=("gcx", "go"))
            for program, cases in PARTS.items() for i, case in enumerate(cases)]


def runtime_workloads():
    return [Workload("lisp-" + name, "Lisp" + name.capitalize(), "lisp", ["--program=%d" % number],
                     groups=("all", "runtime"), only=("gcx", "gcx-barrier", "gcx-full", "boehm",
                                                      "boehm1"))
            for number, name in enumerate(("trees", "closures", "deriv", "metacircular"))]


WORKLOADS = [
    Workload("bt", "BinaryTrees", "bt", groups=MAIN, skip=("gcx-barrier",)),
    Workload("bt-top", "BinaryTreesTopDown", "bt", ["--top=1"], groups=MAIN),
    Workload("btmt", "BinaryTreesTwoThreads", "bt", ["--n=19", "--threads=2"], ["--n=15"], 2,
             MAIN, skip=("gcx-barrier",)),
    Workload("gcbench", "GCBench", "gcbench", groups=MAIN),
    Workload("churn", "Churn", "churn", groups=MAIN),
    Workload("str", "Strings", "str", groups=MAIN, skip=("gcx-barrier",)),
    Workload("big", "BigBuffers", "big", groups=MAIN, skip=("gcx-barrier",)),
    Workload("quads", "QuadTrees", "quads", groups=MAIN),
    Workload("marklimit-table", "MarkLimitTable", "marklimit", groups=("all", "mark"),
             only=("gcx", "boehm"), env=ONE_MARKER),
    Workload("marklimit-tree", "MarkLimitTree", "marklimit", ["--shape=1"],
             groups=("all", "mark"), only=("gcx", "boehm"), env=ONE_MARKER),
] + lifetime_workloads() + latency_workloads() + scaling_workloads() + ext_workloads() + runtime_workloads()

# (workload, peer): elapsed at most this part of Boehm's default in the same rounds.
MUST = {
    ("bt", "gcx"): .30, ("btmt", "gcx"): .21, ("gcbench", "gcx"): .38,
    ("churn", "gcx-barrier"): .16, ("churn", "gcx"): .23, ("str", "gcx"): .33, ("big", "gcx"): .24,
    ("ephemerons", "gcx"): .35, ("cleanups", "gcx"): .05,
}
BT_RSS_MAX_KB = 145 * 1000 * 1000 // 1024
CHURN_PAUSE_MAX_US = 100 * 1000
MINOR_PAUSE_MAX_US = 1000
