// Package parts is parts.h for the Go programs.
//
// SPDX-License-Identifier: MIT
package parts

import (
	"fmt"
	"time"

	"gcxbench/internal/harness"
)

const rounds = 5

// Part is one thing to measure; Prepare may be nil.
type Part struct {
	Name    string
	Prepare func(n uint64)
	Run     func(n uint64)
}

// Run measures the parts, or the one that --case names.
func Run(n, quick uint64, parts []Part) {
	size := harness.NewFlag("n", n, quick)
	only := harness.NewFlag("case", 99, 99)
	harness.Parse()
	for i, part := range parts {
		if only.Value != 99 && only.Value != uint64(i) {
			continue
		}
		best := time.Duration(1 << 62)
		for round := 0; round < rounds; round++ {
			if part.Prepare != nil {
				part.Prepare(size.Value)
			}
			begin := time.Now()
			part.Run(size.Value)
			if took := time.Since(begin); took < best {
				best = took
			}
		}
		fmt.Printf("case %s\n", part.Name)
		harness.Result(best.Nanoseconds(), size.Value, 0, nil, 0)
	}
}
