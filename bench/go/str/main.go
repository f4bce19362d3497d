// str.c in Go: strings that grow by appending and doubling copies.
//
// SPDX-License-Identifier: MIT
package main

import (
	"bytes"
	"time"

	"gcxbench/internal/harness"
)

const (
	appends    = 8
	appendMax  = 128
	firstBytes = 32
	ringSize   = 4096
)

var source [appendMax + 16]byte
var ring [ringSize][]byte

func part(random uint64) []byte {
	n := 1 + random&(appendMax-1)
	at := (random >> 8) & 15
	return source[at : at+n]
}

func appendPart(s, from []byte) []byte {
	length := len(s)
	if length+len(from) > cap(s) {
		capacity := 2 * cap(s)
		for capacity < length+len(from) {
			capacity *= 2
		}
		grown := make([]byte, length, capacity)
		copy(grown, s)
		s = grown
	}
	s = s[:length+len(from)]
	copy(s[length:], from)
	return s
}

func build(random uint64) []byte {
	s := make([]byte, 0, firstBytes)
	for i := 0; i < appends; i++ {
		s = appendPart(s, part(random))
		random >>= 8
	}
	return s
}

func check(s []byte, random uint64) {
	for i := 0; i < appends; i++ {
		from := part(random)
		if !bytes.Equal(s[:len(from)], from) {
			harness.Expect("string differs", 1, 0)
		}
		s = s[len(from):]
		random >>= 8
	}
}

func main() {
	n := harness.NewFlag("n", 5000000, 300000)
	harness.Parse()
	for i := range source {
		source[i] = byte(harness.Mix(uint64(i)))
	}
	var sum uint64
	begin := time.Now()
	for i := uint64(0); i < n.Value; i++ {
		s := build(harness.Mix(i + 1))
		sum = sum*31 + uint64(len(s)) + uint64(s[len(s)-1])
		ring[i%ringSize] = s
	}
	elapsed := time.Since(begin).Nanoseconds()
	first := uint64(0)
	if n.Value > ringSize {
		first = n.Value - ringSize
	}
	for i := first; i < n.Value; i++ {
		check(ring[i%ringSize], harness.Mix(i+1))
	}
	harness.Result(elapsed, n.Value, sum, nil, 0)
}
