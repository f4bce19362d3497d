// churn.c in Go: a large live hash table under a stream of short-lived objects.
//
// SPDX-License-Identifier: MIT
package main

import (
	"runtime"
	"sync"
	"time"

	"gcxbench/internal/harness"
)

const (
	valueMin     = 64
	valueMax     = 128
	temporaries  = 4
	replaceEvery = 100
	batch        = 16
)

type entry struct {
	next *entry
	key  uint64
	val  *byte // of len bytes: the entry is to have 32 bytes, as in C
	len  uint64
}

type job struct {
	bucket            []*entry
	mask              uint64
	entries, ops, sum uint64
	state             uint64
	latency           harness.Latency
}

func valueLength(random uint64) uint64 {
	return valueMin + (random>>32)*(valueMax-valueMin+1)>>32
}

func makeValue(key, n uint64) *byte {
	val := make([]byte, n)
	for i := range val {
		val[i] = byte(key)
	}
	return &val[0]
}

func (j *job) build() {
	buckets := uint64(1)
	for 2*buckets < j.entries {
		buckets *= 2
	}
	j.mask = buckets - 1
	j.bucket = make([]*entry, buckets)
	for key := uint64(0); key < j.entries; key++ {
		n := valueLength(harness.Random(&j.state))
		b := &j.bucket[harness.Mix(key)&j.mask]
		*b = &entry{*b, key, makeValue(key, n), n}
	}
}

func (j *job) find(key uint64) *entry {
	e := j.bucket[harness.Mix(key)&j.mask]
	for e != nil && e.key != key {
		e = e.next
	}
	return e
}

//go:noinline
func makeTemporary(next *entry, key, i uint64) *entry {
	return &entry{next, key, nil, i}
}

func doTemporaries(key uint64) uint64 {
	var head *entry
	for i := uint64(0); i < temporaries; i++ {
		head = makeTemporary(head, key+i, i)
	}
	var sum uint64
	for ; head != nil; head = head.next {
		sum += head.key
	}
	return sum
}

func (j *job) replace() {
	key := harness.RandomBelow(&j.state, j.entries)
	n := valueLength(harness.Random(&j.state))
	e := j.find(key)
	e.val, e.len = makeValue(key, n), n
}

func (j *job) run() {
	j.build()
	last := time.Now()
	for op := uint64(1); op <= j.ops; op++ {
		j.sum += doTemporaries(op)
		if op%replaceEvery == 0 {
			j.replace()
		}
		if op%batch == 0 {
			now := time.Now()
			j.latency.Add(uint64(now.Sub(last)))
			last = now
		}
	}
}

func (j *job) check() {
	n := uint64(temporaries)
	harness.Expect("temporaries", j.sum, n*j.ops*(j.ops+1)/2+n*(n-1)/2*j.ops)
	for key := uint64(0); key < j.entries; key++ {
		e := j.find(key)
		harness.Expect("first byte", uint64(*e.val), key&255)
		j.sum = j.sum*31 + e.len
	}
}

func main() {
	entries := harness.NewFlag("entries", 4000000, 200000)
	ops := harness.NewFlag("ops", 20000000, 1000000)
	threads := harness.NewFlag("threads", 1, 1)
	full := harness.NewFlag("full", 0, 0)
	harness.Parse()
	jobs := make([]*job, threads.Value)
	begin := time.Now()
	var wait sync.WaitGroup
	for i := range jobs {
		jobs[i] = &job{entries: entries.Value / threads.Value, ops: ops.Value / threads.Value,
			state: harness.Mix(uint64(i) + 1)}
		wait.Add(1)
		go func(j *job) {
			j.run()
			wait.Done()
		}(jobs[i])
	}
	wait.Wait()
	elapsed := time.Since(begin).Nanoseconds()
	if full.Value != 0 {
		runtime.GC()
	}
	var sum uint64
	for i, j := range jobs {
		j.check()
		sum += j.sum
		if i > 0 {
			jobs[0].latency.Merge(&j.latency)
		}
	}
	harness.Result(elapsed, ops.Value, sum, &jobs[0].latency, batch)
}
