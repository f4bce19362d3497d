/* boot.c -- what is defined in the language itself: macros, and the functions
 * that call functions, so that continuations pass through them.
 *
 * SPDX-License-Identifier: MIT */
#include "lisp.h"

#define CXR(name, outer, inner) "(define (" name " x) (" outer " (" inner " x)))\n"

const char lisp_boot[] = CXR("caar", "car", "car") CXR("cadr", "car", "cdr") CXR(
    "cdar", "cdr",
    "car") CXR("cddr", "cdr",
               "cdr") CXR("caddr", "car",
                          "cddr") CXR("cdddr", "cdr",
                                      "cddr") CXR("caadr", "car",
                                                  "cadr") CXR("cdadr", "cdr",
                                                              "cadr") CXR("cadddr", "car", "cdddr")

    "(define-macro (when test . body) `(if ,test (begin ,@body) #f))\n"
    "(define-macro (unless test . body) `(if ,test #f (begin ,@body)))\n"
    "(define-macro (let* bindings . body)"
    "  (if (or (null? bindings) (null? (cdr bindings)))"
    "      `(let ,bindings ,@body)"
    "      `(let (,(car bindings)) (let* ,(cdr bindings) ,@body))))\n"
    "(define-macro (letrec* bindings . body) `(letrec ,bindings ,@body))\n"
    "(define-macro (do bindings end . body)"
    "  `(let %loop ,(map1 (lambda (b) (list (car b) (cadr b))) bindings)"
    "     (if ,(car end) (begin ,@(cdr end))"
    "         (begin ,@body"
    "           (%loop ,@(map1 (lambda (b) (if (null? (cddr b)) (car b) (caddr b)))"
    "                          bindings))))))\n"
    "(define-macro (case key . clauses)"
    "  `(let ((%key ,key))"
    "     (cond ,@(map1 (lambda (c) (if (eq? (car c) 'else) c"
    "                                   `((memv %key ',(car c)) ,@(cdr c))))"
    "                   clauses))))\n"

    "(define (map1 f l)"
    "  (let loop ((l l) (done '()))"
    "    (if (pair? l) (loop (cdr l) (cons (f (car l)) done)) (reverse done))))\n"
    "(define (map f l . more)"
    "  (if (null? more) (map1 f l)"
    "      (let loop ((ls (cons l more)) (done '()))"
    "        (if (pair? (car ls))"
    "            (loop (map1 cdr ls) (cons (apply f (map1 car ls)) done))"
    "            (reverse done)))))\n"
    "(define (for-each f l . more)"
    "  (if (null? more)"
    "      (let loop ((l l)) (when (pair? l) (f (car l)) (loop (cdr l))))"
    "      (let loop ((ls (cons l more)))"
    "        (when (pair? (car ls)) (apply f (map1 car ls)) (loop (map1 cdr ls))))))\n"
    "(define (filter keep? l)"
    "  (let loop ((l l) (done '()))"
    "    (cond ((null? l) (reverse done))"
    "          ((keep? (car l)) (loop (cdr l) (cons (car l) done)))"
    "          (else (loop (cdr l) done)))))\n"
    "(define (fold-left f all l)"
    "  (if (null? l) all (fold-left f (f all (car l)) (cdr l))))\n"
    "(define (iota n)"
    "  (let loop ((i (- n 1)) (l '())) (if (< i 0) l (loop (- i 1) (cons i l)))))\n"
    "(define (list-tail l n) (if (= n 0) l (list-tail (cdr l) (- n 1))))\n"
    "(define (list-ref l n) (car (list-tail l n)))\n"
    "(define (list->vector l)"
    "  (let ((v (make-vector (length l))))"
    "    (let loop ((l l) (i 0))"
    "      (if (null? l) v (begin (vector-set! v i (car l)) (loop (cdr l) (+ i 1)))))))\n"
    "(define (vector . items) (list->vector items))\n"
    "(define (zero? x) (= x 0)) (define (positive? x) (> x 0)) (define (negative? x) (< x 0))\n"
    "(define (even? x) (= (remainder x 2) 0)) (define (odd? x) (not (even? x)))\n"
    "(define (abs x) (if (< x 0) (- x) x))\n"
    "(define (max a . l) (fold-left (lambda (a b) (if (< a b) b a)) a l))\n"
    "(define (min a . l) (fold-left (lambda (a b) (if (< b a) b a)) a l))\n"

    "(define %winds '())\n"
    "(define (dynamic-wind before thunk after)"
    "  (before)"
    "  (set! %winds (cons (cons before after) %winds))"
    "  (let ((result (thunk))) (set! %winds (cdr %winds)) (after) result))\n"
    "(define (%rewind to)"
    "  (define (common a b)"
    "    (cond ((eq? a b) a) ((> (length a) (length b)) (common (cdr a) b))"
    "          ((< (length a) (length b)) (common a (cdr b)))"
    "          (else (common (cdr a) (cdr b)))))"
    "  (let ((base (common %winds to)))"
    "    (let out () (unless (eq? %winds base)"
    "      (let ((after (cdar %winds))) (set! %winds (cdr %winds)) (after) (out))))"
    "    (let in ((to to)) (unless (eq? to base) (in (cdr to)) ((caar to)) (set! %winds to)))))\n"
    "(define call/cc ((lambda (raw) (lambda (receiver)"
    "  (raw (lambda (k) (let ((winds %winds))"
    "    (receiver (lambda results"
    "      (unless (eq? %winds winds) (%rewind winds)) (apply k results))))))))"
    "  call/cc))\n"
    "(define call-with-current-continuation call/cc)\n"

    "(define (argument default)"
    "  (if (null? (command-line)) default (string->number (car (command-line)))))\n";
