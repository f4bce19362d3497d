// defer.c in Go: defer, and a finalizer for what is to be closed, as os.File has.
//
// SPDX-License-Identifier: MIT
package main

import (
	"runtime"

	"gcxbench/internal/harness"
	"gcxbench/internal/parts"
)

var sum uint64

func add(i uint64) { sum += i }

//go:noinline
func one(i uint64) {
	defer add(i)
}

//go:noinline
func three(i uint64) {
	defer add(i)
	defer add(i + 1)
	defer add(i + 2)
}

type resource struct{ value uint64 }

func (r *resource) close() {
	runtime.SetFinalizer(r, nil)
	add(r.value)
}

func main() {
	parts.Run(100000000, 10000000, []parts.Part{
		{Name: "call", Run: func(n uint64) {
			sum = 0
			for i := uint64(0); i < n; i++ {
				one(i)
			}
			harness.Expect("sum", sum, n*(n-1)/2)
		}},
		{Name: "three", Run: func(n uint64) {
			sum = 0
			for i := uint64(0); i < n; i++ {
				three(i)
			}
			harness.Expect("sum", sum, n*(n-1)/2*3+n*3)
		}},
		{Name: "resource", Run: func(n uint64) {
			sum = 0
			for i := uint64(0); i < n/100; i++ {
				r := &resource{1}
				runtime.SetFinalizer(r, (*resource).close)
				r.close()
			}
			harness.Expect("closed", sum, n/100)
		}},
	})
}
