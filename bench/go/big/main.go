// big.c in Go: buffers of 64 KiB to 4 MiB, one byte per page written.
//
// SPDX-License-Identifier: MIT
package main

import (
	"time"

	"gcxbench/internal/harness"
)

const (
	ringSize = 16
	page     = 4096
	lgMin    = 16
	lgSpan   = 6
	steps    = 1 << 12
)

var ring [ringSize][]byte

func fillSizes() []uint64 {
	const step = 1.000169238705
	sizes := make([]uint64, lgSpan*steps)
	for octave := 0; octave < lgSpan; octave++ {
		size := float64(uint64(1) << (lgMin + octave))
		for i := 0; i < steps; i++ {
			sizes[octave*steps+i] = uint64(size)
			size = float64(size * step)
		}
	}
	return sizes
}

func main() {
	n := harness.NewFlag("n", 4000, 1000)
	harness.Parse()
	sizes := fillSizes()
	state, total := uint64(88172645463325252), uint64(0)
	begin := time.Now()
	for i := uint64(0); i < n.Value; i++ {
		size := sizes[harness.RandomBelow(&state, lgSpan*steps)]
		ring[i%ringSize] = nil
		buffer := make([]byte, size)
		for at := uint64(0); at < size; at += page {
			buffer[at] = byte(at / page)
		}
		ring[i%ringSize] = buffer
		total += size
	}
	elapsed := time.Since(begin).Nanoseconds()
	for _, buffer := range ring {
		for at := 0; at < len(buffer); at += page {
			harness.Expect("byte of a page", uint64(buffer[at]), uint64(at/page)&255)
		}
	}
	harness.Result(elapsed, n.Value, total, nil, 0)
}
