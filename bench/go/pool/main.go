// pool.c in Go: sync.Pool, nanoseconds per get and put.
//
// SPDX-License-Identifier: MIT
package main

import (
	"sync"

	"gcxbench/internal/parts"
)

const batch = 64

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
	prepare := func(uint64) { open() }
	parts.Run(20000000, 2000000, []parts.Part{
		{Name: "pair", Prepare: prepare, Run: pairs},
		{Name: "batch", Prepare: prepare, Run: batches},
		{Name: "limit", Prepare: prepare, Run: pairs},
		{Name: "buffer", Run: buffer},
		{Name: "shared", Prepare: prepare, Run: shared},
	})
}
