;; Trees, lists, a table.
;; SPDX-License-Identifier: MIT
(define (tree d) (if (= d 0) '() (cons (tree (- d 1)) (tree (- d 1)))))
(define (count t) (if (null? t) 1 (+ (count (car t)) (count (cdr t)))))
(define keep (tree 18))
(let lp ((i 0)) (when (< i 60) (count (tree 16)) (lp (+ i 1))))
(display (count keep)) (newline)
(define h (make-hash-table))
(let lp ((i 0)) (when (< i 200000) (hash-set! h i (number->string i)) (lp (+ i 1))))
(display (hash-ref h 777)) (newline)
