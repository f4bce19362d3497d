// scope.go beside bench/micro/scope.c: Go has no scopes, so all three ways to
// serve a request are one; a pair is an object that the compiler puts on the stack.
//
// SPDX-License-Identifier: MIT
package main

import (
	"unsafe"

	"gcxbench/internal/parts"
)

const (
	objects = 10000
	stays   = objects / 10
	entries = 100000
)

type head struct {
	next  *head
	value uint64
}

type head32 struct {
	head
	more [2]uint64
}

type head48 struct {
	head
	more [4]uint64
}

type head96 struct {
	head
	more [10]uint64
}

type object64 struct{ words [8]uint64 }

var (
	cache []*head
	at    uint64
	sum   uint64
	sink  *object64
	slab  = make([]object64, objects)
)

func makeHead(i uint64) *head {
	switch i % 4 {
	case 0:
		return new(head)
	case 1:
		return (*head)(unsafe.Pointer(new(head32)))
	case 2:
		return (*head)(unsafe.Pointer(new(head48)))
	default:
		return (*head)(unsafe.Pointer(new(head96)))
	}
}

func request() {
	var list *head
	for i := uint64(0); i < objects; i++ {
		o := makeHead(i)
		o.next = list
		o.value = i
		list = o
	}
	i := 0
	for o := list; o != nil; i++ {
		next := o.next
		sum += o.value
		if i%stays == 0 {
			o.next = nil
			cache[at%entries] = o
			at++
		}
		o = next
	}
}

func prepare(uint64) {
	cache = make([]*head, entries)
	for i := range cache {
		cache[i] = (*head)(unsafe.Pointer(new(head48)))
	}
}

func requests(n uint64) {
	for i := uint64(0); i < n; i += objects {
		request()
	}
}

func allocs(n uint64) {
	for i := uint64(0); i < n; i++ {
		sink = new(object64)
		sink.words[0] = i
	}
}

func bumps(n uint64) {
	for i := uint64(0); i < n; i++ {
		o := &slab[i%objects]
		*o = object64{}
		o.words[0] = i
	}
}

//go:noinline
func one(i uint64) uint64 {
	o := new(object64)
	o.words[i%8] = i
	return o.words[(i+1)%8]
}

func pairs(n uint64) {
	for i := uint64(0); i < n; i++ {
		sum += one(i)
	}
}

func main() {
	parts.Run(20000000, 2000000, []parts.Part{
		{Name: "request", Prepare: prepare, Run: requests},
		{Name: "request_quarantined", Prepare: prepare, Run: requests},
		{Name: "request_scoped", Prepare: prepare, Run: requests},
		{Name: "alloc", Run: allocs},
		{Name: "calloc", Run: allocs},
		{Name: "bump", Run: bumps},
		{Name: "pair", Run: pairs},
	})
}
