// latency.c in Go: the longest time that one operation of a message queue takes.
//
// SPDX-License-Identifier: MIT
package main

import (
	"time"

	"gcxbench/internal/harness"
)

const (
	bufferBytes = 1024
	globalMax   = 1 << 20
	frameSlots  = 32
)

type buffer [bufferBytes]byte

type node struct {
	next, other *node
	words       [6]uint64
}

type job struct {
	ring, ops, sum uint64
	last           time.Time
	latency        harness.Latency
}

// frame is what a call of the deep recursion holds; up leads to its caller's.
type frame struct {
	up    *frame
	slots [frameSlots]*buffer
}

var (
	live   *node
	global [globalMax]*buffer
)

func buildLive(mib uint64) {
	for i := uint64(0); i < mib*(1024*1024/64); i++ {
		n := &node{next: live}
		if live != nil {
			n.other = live.next
		}
		n.words[0] = i
		live = n
	}
}

func checkLive(mib uint64) {
	i := mib * (1024 * 1024 / 64)
	for n := live; n != nil; n = n.next {
		i--
		harness.Expect("live node", n.words[0], i)
	}
	harness.Expect("live nodes left", i, 0)
}

//go:noinline
func makeBuffer(op uint64) *buffer {
	b := new(buffer)
	for i := range b {
		b[i] = byte(op)
	}
	return b
}

// operate checks the buffer that leaves and puts a new one in its place.
func (j *job) operate(slot **buffer, op uint64) {
	if oldest := *slot; oldest != nil {
		harness.Expect("buffer", uint64(oldest[0]), (op-j.ring)&255)
		harness.Expect("buffer's end", uint64(oldest[bufferBytes-1]), (op-j.ring)&255)
		j.sum += uint64(oldest[op%bufferBytes])
	}
	*slot = makeBuffer(op)
	now := time.Now()
	j.latency.Add(uint64(now.Sub(j.last)))
	j.last = now
}

func (j *job) runSlice(slots []*buffer) {
	j.last = time.Now()
	for op := uint64(0); op < j.ops; op++ {
		j.operate(&slots[op%j.ring], op)
	}
}

// descend calls itself until the frames have room for the ring. They are filled from
// the deepest up: which slot comes next does not matter.
func (j *job) descend(up *frame, depth uint64) {
	f := frame{up: up}
	if (depth+1)*frameSlots < j.ring {
		j.descend(&f, depth+1)
		return
	}
	j.last = time.Now()
	at := &f
	for op := uint64(0); op < j.ops; op++ {
		slot := op % j.ring
		if slot == 0 {
			at = &f
		} else if slot%frameSlots == 0 {
			at = at.up
		}
		j.operate(&at.slots[slot%frameSlots], op)
	}
}

func (j *job) run(where uint64) {
	switch where {
	case 0:
		j.runSlice(make([]*buffer, j.ring))
	case 1:
		j.runSlice(global[:])
	default:
		j.descend(nil, 0)
	}
}

func main() {
	ring := harness.NewFlag("ring", 200000, 20000)
	ops := harness.NewFlag("ops", 3000000, 300000)
	where := harness.NewFlag("where", 0, 0)
	liveMib := harness.NewFlag("live", 64, 16)
	harness.Parse()
	buildLive(liveMib.Value)
	j := &job{ring: ring.Value, ops: ops.Value}
	begin := time.Now()
	j.run(where.Value)
	elapsed := time.Since(begin).Nanoseconds()
	checkLive(liveMib.Value)
	harness.Result(elapsed, ops.Value, j.sum, &j.latency, 1)
}
