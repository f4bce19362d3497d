// slice.c in Go: append.
//
// SPDX-License-Identifier: MIT
package main

import (
	"gcxbench/internal/harness"
	"gcxbench/internal/parts"
)

const elems = 100000

func appendTo(s []int64) {
	for i := int64(0); i < elems; i++ {
		s = append(s, i)
	}
	harness.Expect("sum of ends", uint64(s[0]+s[elems-1]), elems-1)
}

func main() {
	parts.Run(10000000, 2000000, []parts.Part{
		{Name: "append", Run: func(n uint64) {
			for k := uint64(0); k < n; k += elems {
				appendTo(nil)
			}
		}},
		{Name: "with_cap", Run: func(n uint64) {
			for k := uint64(0); k < n; k += elems {
				appendTo(make([]int64, 0, elems))
			}
		}},
		{Name: "pointers", Run: func(n uint64) {
			for k := uint64(0); k < n; k += elems {
				var s []*uint64
				for i := uint64(0); i < elems; i++ {
					s = append(s, &n)
				}
				harness.Expect("length", uint64(len(s)), elems)
			}
		}},
	})
}
