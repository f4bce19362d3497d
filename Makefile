# A thin front: CMake presets do the work (CMakePresets.json).

JOBS ?= $(shell nproc)
SOURCES = $(wildcard include/gcx/*.h include/gcx/*/*.h src/*/*.[ch] src/*/*/*.[ch] tests/*/*.[ch] examples/*.c examples/*/*.[ch] bench/*.[ch] bench/*/*.[ch])
CLANG_FORMAT ?= $(shell command -v clang-format-14 || echo clang-format)

.PHONY: help demo test bench bench-quick bench-latency bench-report format format-check clean

help:
	@echo "make demo         see it work beside the Boehm collector (under a minute)"
	@echo "make test         build the dev preset and run all its tests"
	@echo "make bench-quick  the benchmarks, small: about a minute"
	@echo "make bench        the benchmarks, into build/bench.json"
	@echo "make bench-latency pauses by live heap up to 4 GiB, and memory over time: docs/latency.md"
	@echo "make bench-report docs/benchmarks.md and README.md from that"
	@echo "make format       clang-format the tree"
	@echo "make clean        remove build/"
	@echo "Other builds: cmake --preset NAME; see cmake --list-presets"

demo:
	@tools/setup.sh demo
	@tools/demo.sh

test:
	@tools/setup.sh test
	cmake --preset dev
	cmake --build --preset dev -j $(JOBS)
	ctest --preset dev -j $(JOBS)

bench:
	@tools/setup.sh bench
	@mkdir -p build
	bench/run.py --json build/bench.json

bench-quick:
	@tools/setup.sh bench
	@mkdir -p build
	bench/run.py --quick --json build/bench-quick.json

bench-latency:
	@tools/setup.sh bench
	@mkdir -p build
	bench/run.py --workloads latency --peers gcx,boehm,go --json build/latency.json
	bench/memory.py --json build/memory.json
	bench/plots.py build/latency.json --memory build/memory.json

bench-report:
	bench/report.py build/bench.json --readme

format:
	$(CLANG_FORMAT) -i $(SOURCES)

format-check:
	$(CLANG_FORMAT) --dry-run --Werror $(SOURCES)

clean:
	rm -rf build
