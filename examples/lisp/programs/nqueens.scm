; Ways to place n queens on a board of n by n.
(define (attacks? column distance placed)
  (and (pair? placed)
       (or (= (car placed) column)
           (= (car placed) (+ column distance))
           (= (car placed) (- column distance))
           (attacks? column (+ distance 1) (cdr placed)))))

(define (queens n)
  (define (place row placed)
    (if (= row n)
        1
        (let try ((column 0) (found 0))
          (cond ((= column n) found)
                ((attacks? column 1 placed) (try (+ column 1) found))
                (else (try (+ column 1)
                           (+ found (place (+ row 1) (cons column placed)))))))))
  (place 0 '()))

(display (map queens (cdr (iota (+ 1 (argument 8))))))
(newline)
