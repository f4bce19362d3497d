#!/usr/bin/env python3
"""Writes a Scheme module of that many procedures. Usage: module.py FILE COUNT

SPDX-License-Identifier: MIT"""
import sys

with open(sys.argv[1], "w") as module:
    count = int(sys.argv[2])
    module.write("(define-module (generated) #:use-module (srfi srfi-11) #:export (f0))\n")
    for i in range(count):
        module.write(f"""
(define-syntax-rule (twice{i} e) (begin e e))
(define (f{i} x y)
  (let loop ((i 0) (acc '()))
    (cond ((= i {i % 7 + 2}) (reverse acc))
          ((odd? i) (loop (+ i 1) (cons (string-append "k{i}" (number->string (* x i))) acc)))
          (else (let-values (((q r) (values (quotient (+ x {i}) 3) (modulo (+ x y) 7))))
                  (twice{i} (set! x (+ x q)))
                  (loop (+ i 1) (cons `(r{i} ,q ,@(if (> r 0) (list r) '())) acc)))))))
""")
