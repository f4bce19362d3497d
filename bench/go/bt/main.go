// bt.c in Go: binary trees, bottom-up or with -top=1 top-down.
//
// SPDX-License-Identifier: MIT
package main

import (
	"sync"
	"time"

	"gcxbench/internal/harness"
)

const depthMin = 4

type node struct{ left, right *node }

func makeUp(depth uint64) *node {
	if depth == 0 {
		return &node{}
	}
	left, right := makeUp(depth-1), makeUp(depth-1)
	return &node{left, right}
}

func makeDown(depth uint64) *node {
	n := new(node)
	if depth > 0 {
		n.left = makeDown(depth - 1)
		n.right = makeDown(depth - 1)
	}
	return n
}

func (n *node) nodes() uint64 {
	if n == nil {
		return 0
	}
	return 1 + n.left.nodes() + n.right.nodes()
}

func run(depth uint64, build func(uint64) *node) uint64 {
	nodes := build(depth + 1).nodes()
	kept := build(depth)
	for d := uint64(depthMin); d <= depth; d += 2 {
		for i := uint64(0); i < 1<<(depth-d+depthMin); i++ {
			nodes += build(d).nodes()
		}
	}
	return nodes + kept.nodes()
}

func treeNodes(depth uint64) uint64 { return 2<<depth - 1 }

func allNodes(n uint64) uint64 {
	nodes := treeNodes(n+1) + treeNodes(n)
	for d := uint64(depthMin); d <= n; d += 2 {
		nodes += treeNodes(d) << (n - d + depthMin)
	}
	return nodes
}

func main() {
	n := harness.NewFlag("n", 20, 16)
	threads := harness.NewFlag("threads", 1, 1)
	top := harness.NewFlag("top", 0, 0)
	harness.Parse()
	build := makeUp
	if top.Value != 0 {
		build = makeDown
	}
	counts := make([]uint64, threads.Value)
	begin := time.Now()
	var wait sync.WaitGroup
	for i := range counts {
		wait.Add(1)
		go func(i int) {
			counts[i] = run(n.Value, build)
			wait.Done()
		}(i)
	}
	wait.Wait()
	elapsed := time.Since(begin).Nanoseconds()
	var nodes uint64
	for _, count := range counts {
		nodes += count
	}
	harness.Expect("nodes", nodes, allNodes(n.Value)*threads.Value)
	harness.Result(elapsed, nodes, nodes, nil, 0)
}
