; A churn of closures: counters that come and go, some of which stay for long.
(define (make-counter)
  (let ((n 0)) (lambda () (set! n (+ n 1)) n)))

(define (churn total kept)
  (let ((ring (make-vector kept #f)))
    (let loop ((i 0))
      (when (< i total)
        (let ((counter (make-counter))
              (at (remainder (* i 7) kept)))
          (counter)
          (when (vector-ref ring at) ((vector-ref ring at)))
          (when (= 0 (remainder i 3)) (vector-set! ring at counter))
          (loop (+ i 1)))))
    (fold-left (lambda (sum counter) (if counter (+ sum (counter)) sum))
               0 (vector->list ring))))

(display (churn (argument 1000000) 1000))
(newline)
