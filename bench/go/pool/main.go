// pool.c in Go: sync.Pool, nanoseconds per get and put.
//
// SPDX-License-Identifier: MIT
package main

import (
	"fmt"
	"sync"
	"time"

	"gcxbench/internal/harness"
)

const (
	batch  = 64
	rounds = 5
)

var pool *sync.Pool

type item struct{ words [8]uint64 }

func open() {
	pool = &sync.Pool{New: func() any { return new(item) }}
}

func pairs(n uint64) {
	for i := uint64(0); i < n; i++ {
		it := pool.Get().(*item)
		it.words[0] = i
		pool.Put(it)
	}
}

func batches(n uint64) {
	var items [batch]any
	for i := uint64(0); i < n; i += batch {
		for k := range items {
			items[k] = pool.Get()
		}
		for k := range items {
			pool.Put(items[k])
		}
	}
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 4096); return &b }}

func buffer(n uint64) {
	for i := uint64(0); i < n; i++ {
		b := buffers.Get().(*[]byte)
		(*b)[0] = byte(i)
		buffers.Put(b)
	}
}

func shared(n uint64) {
	var group sync.WaitGroup
	group.Add(1)
	go func() {
		pairs(n)
		group.Done()
	}()
	pairs(n)
	group.Wait()
}

func main() {
	n := harness.NewFlag("n", 20000000, 2000000)
	only := harness.NewFlag("case", 99, 99)
	harness.Parse()
	cases := []struct {
		name string
		run  func(uint64)
	}{{"pair", pairs}, {"batch", batches}, {"limit", pairs}, {"buffer", buffer}, {"shared", shared}}
	for i, c := range cases {
		if only.Value != 99 && only.Value != uint64(i) {
			continue
		}
		open()
		best := time.Duration(1 << 62)
		for round := 0; round < rounds; round++ {
			begin := time.Now()
			c.run(n.Value)
			if took := time.Since(begin); took < best {
				best = took
			}
		}
		fmt.Printf("result name=%s elapsed_ns=%d ops=%d ns_x100=%d checksum=0 peak_rss_kb=0\n",
			c.name, best.Nanoseconds(), n.Value, uint64(best.Nanoseconds())*100/n.Value)
	}
}
