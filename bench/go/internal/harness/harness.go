// Package harness is harness.h for the Go programs: the same random numbers, the
// same result line.
//
// SPDX-License-Identifier: MIT
package harness

import (
	"flag"
	"fmt"
	"math/bits"
	"os"
	"runtime"
	"strings"
)

// Random advances a xorshift64* state, which is never 0.
func Random(state *uint64) uint64 {
	x := *state
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	*state = x
	return x * 0x2545F4914F6CDD1D
}

// RandomBelow is in [0, n), n up to 2^32.
func RandomBelow(state *uint64, n uint64) uint64 {
	return ((Random(state) >> 32) * n) >> 32
}

// Mix is a bijection that scatters keys.
func Mix(x uint64) uint64 {
	x = (x ^ (x >> 31)) * 0x7fb5d329728ea185
	x = (x ^ (x >> 27)) * 0x81dadef4bc2dd44d
	return x ^ (x >> 33)
}

// Expect ends the program if a result is not what it must be.
func Expect(what string, got, want uint64) {
	if got != want {
		fmt.Fprintf(os.Stderr, "bench: %s is %d, not %d\n", what, got, want)
		os.Exit(1)
	}
}

const (
	lgSub = 5
	sub   = 1 << lgSub
)

// Latency is a histogram with 32 buckets per power of two.
type Latency struct {
	N, MaxNs uint64
	count    [64 * sub]uint64
}

func bucketOf(ns uint64) int {
	if ns < sub {
		return int(ns)
	}
	shift := bits.Len64(ns) - 1 - lgSub
	return (shift+1)<<lgSub + int(ns>>shift) - sub
}

func floorOf(bucket int) uint64 {
	if bucket < sub {
		return uint64(bucket)
	}
	return uint64(bucket&(sub-1)+sub) << (bucket>>lgSub - 1)
}

// Add counts one duration.
func (l *Latency) Add(ns uint64) {
	l.N++
	l.count[bucketOf(ns)]++
	if ns > l.MaxNs {
		l.MaxNs = ns
	}
}

// Merge adds the counts of another histogram.
func (l *Latency) Merge(from *Latency) {
	l.N += from.N
	if from.MaxNs > l.MaxNs {
		l.MaxNs = from.MaxNs
	}
	for i := range l.count {
		l.count[i] += from.count[i]
	}
}

// At is the duration below which a part of the samples lie.
func (l *Latency) At(part float64) uint64 {
	want, seen := uint64(float64(l.N)*part), uint64(0)
	for i, n := range l.count {
		seen += n
		if seen > want {
			return floorOf(i)
		}
	}
	return l.MaxNs
}

// PeakRSS is the most that was resident, in KiB. Not ru_maxrss: that starts with
// what the parent had resident at the fork.
func PeakRSS() (kb uint64) {
	status, _ := os.ReadFile("/proc/self/status")
	if _, after, found := strings.Cut(string(status), "VmHWM:"); found {
		fmt.Sscan(after, &kb)
	}
	return kb
}

// Result prints the line that the runner reads. latency may be nil.
func Result(elapsedNs int64, ops, checksum uint64, latency *Latency, batch uint64) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	var pauseMax uint64
	for _, ns := range stats.PauseNs {
		if ns > pauseMax {
			pauseMax = ns
		}
	}
	fmt.Printf("result elapsed_ns=%d ops=%d checksum=%016x cycles=%d minor_cycles=0 full_cycles=%d",
		elapsedNs, ops, checksum, stats.NumGC, stats.NumGC)
	fmt.Printf(" pause_max_us=%d minor_pause_max_us=0 full_pause_max_us=%d pause_total_us=%d",
		pauseMax/1000, pauseMax/1000, stats.PauseTotalNs/1000)
	fmt.Printf(" heap_peak_kb=%d meta_kb=0", stats.HeapSys/1024)
	if latency != nil {
		fmt.Printf(" latency_ops=%d p50_ns=%d p99_ns=%d p9999_ns=%d max_ns=%d", batch,
			latency.At(.5), latency.At(.99), latency.At(.9999), latency.MaxNs)
	}
	fmt.Printf(" peak_rss_kb=%d\n", PeakRSS())
}

// Flag is one number of the command line, with its default for --quick.
type Flag struct {
	Value, quick uint64
	name         string
}

var flags []*Flag

// NewFlag declares a flag; call Parse afterwards.
func NewFlag(name string, value, quick uint64) *Flag {
	f := &Flag{value, quick, name}
	flags = append(flags, f)
	return f
}

// Parse reads the command line as harness.h does.
func Parse() {
	quick := flag.Bool("quick", false, "small sizes")
	for _, f := range flags {
		flag.Uint64Var(&f.Value, f.name, f.Value, "")
	}
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, f := range flags {
		if *quick && !given[f.name] {
			f.Value = f.quick
		}
	}
}
