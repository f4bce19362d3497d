// risefall.c in Go: a program whose live heap rises and falls.
//
// SPDX-License-Identifier: MIT
package main

import (
	"fmt"
	"time"

	"gcxbench/internal/harness"
)

const sessionNodes = 32768

type node struct {
	next   *node
	number uint64
	words  [6]uint64
}

var sessions []*node

func tell(phase string) {
	fmt.Println("phase", phase)
}

func beginSession(session uint64) {
	for i := uint64(0); i < sessionNodes; i++ {
		sessions[session] = &node{next: sessions[session], number: session + i}
	}
}

func checkSession(session uint64) uint64 {
	i := uint64(sessionNodes)
	for n := sessions[session]; n != nil; n = n.next {
		i--
		harness.Expect("node", n.number, session+i)
	}
	harness.Expect("nodes left", i, 0)
	return session
}

func main() {
	highMib := harness.NewFlag("high", 2000, 200)
	lowMib := harness.NewFlag("low", 100, 10)
	idle := harness.NewFlag("idle", 8000, 2000)
	rounds := harness.NewFlag("rounds", 2, 1)
	harness.Parse()
	high, low := highMib.Value/2, lowMib.Value/2
	sessions = make([]*node, high)
	begin, sum := time.Now(), uint64(0)
	for round := uint64(0); round < rounds.Value; round++ {
		tell("rise")
		first := low
		if round == 0 {
			first = 0
		}
		for i := first; i < high; i++ {
			beginSession(i)
		}
		tell("fall")
		for i := low; i < high; i++ {
			sessions[i] = nil
		}
		time.Sleep(time.Duration(idle.Value) * time.Millisecond)
	}
	tell("end")
	for i := uint64(0); i < low; i++ {
		sum += checkSession(i)
	}
	harness.Result(time.Since(begin).Nanoseconds(), rounds.Value*high, sum, nil, 0)
}
