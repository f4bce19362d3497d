// map.c in Go: map[uint64]uint64.
//
// SPDX-License-Identifier: MIT
package main

import (
	"gcxbench/internal/harness"
	"gcxbench/internal/parts"
)

var m map[uint64]uint64

func insertAll(n uint64) {
	for i := uint64(0); i < n; i++ {
		m[harness.Mix(i)] = i
	}
	harness.Expect("entries", uint64(len(m)), n)
}

func insert(n uint64) {
	m = map[uint64]uint64{}
	insertAll(n)
}

func presized(n uint64) {
	m = make(map[uint64]uint64, n)
	insertAll(n)
}

func find(n uint64) {
	sum, at := uint64(0), uint64(0)
	for i := uint64(0); i < n; i++ {
		sum += m[harness.Mix(at)]
		at += 7919
		if at >= n {
			at -= n
		}
	}
	harness.Expect("sum", sum, n*(n-1)/2)
}

func miss(n uint64) {
	found := uint64(0)
	for i := n; i < 2*n; i++ {
		if _, ok := m[harness.Mix(i)]; ok {
			found++
		}
	}
	harness.Expect("found", found, 0)
}

func iterate(n uint64) {
	sum := uint64(0)
	for _, v := range m {
		sum += v
	}
	harness.Expect("sum", sum, n*(n-1)/2)
}

func remove(n uint64) {
	for i := uint64(0); i < n; i++ {
		delete(m, harness.Mix(i))
	}
	harness.Expect("entries", uint64(len(m)), 0)
}

func main() {
	parts.Run(1000000, 200000, []parts.Part{
		{Name: "insert", Run: insert},
		{Name: "presized", Run: presized},
		{Name: "find", Prepare: presized, Run: find},
		{Name: "miss", Prepare: presized, Run: miss},
		{Name: "iterate", Prepare: insert, Run: iterate},
		{Name: "delete", Prepare: presized, Run: remove},
	})
}
