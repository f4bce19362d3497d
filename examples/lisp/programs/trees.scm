; Binary trees: a long-lived one, and many that are dropped at once.
(define (make-tree depth)
  (if (= depth 0) '() (cons (make-tree (- depth 1)) (make-tree (- depth 1)))))
(define (check tree)
  (if (null? tree) 1 (+ (check (car tree)) (check (cdr tree)))))

(define depth (argument 12))
(define long-lived (make-tree depth))
(do ((d 4 (+ d 2))) ((> d depth))
  (let ((rounds (expt 2 (- depth d))))
    (do ((i 0 (+ i 1)) (sum 0 (+ sum (check (make-tree d)))))
        ((= i rounds) (write (list rounds 'trees 'of d 'check sum)) (newline)))))
(write (check long-lived)) (newline)
