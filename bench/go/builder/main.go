// builder.c in Go: strings.Builder and concatenation.
//
// SPDX-License-Identifier: MIT
package main

import (
	"strings"

	"gcxbench/internal/harness"
	"gcxbench/internal/parts"
)

const piece = "0123456789"

func build(b *strings.Builder, n uint64) {
	for i := uint64(0); i < n; i++ {
		b.WriteString(piece)
	}
	harness.Expect("length", uint64(len(b.String())), 10*n)
}

func main() {
	parts.Run(1000000, 200000, []parts.Part{
		{Name: "build", Run: func(n uint64) {
			var b strings.Builder
			build(&b, n)
		}},
		{Name: "grown", Run: func(n uint64) {
			var b strings.Builder
			b.Grow(int(10 * n))
			build(&b, n)
		}},
		{Name: "concat", Run: func(n uint64) {
			s := ""
			for i := uint64(0); i < n/100; i++ {
				s += piece
			}
			harness.Expect("length", uint64(len(s)), n/100*10)
		}},
	})
}
