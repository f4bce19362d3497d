; The set as text: doubles are no objects, so little is allocated.
(define (steps cr ci most)
  (let loop ((zr 0.) (zi 0.) (n 0))
    (let ((rr (* zr zr)) (ii (* zi zi)))
      (if (or (= n most) (> (+ rr ii) 4.))
          n
          (loop (+ (- rr ii) cr) (+ (* 2. zr zi) ci) (+ n 1))))))

(define (picture width height most)
  (do ((y 0 (+ y 1))) ((= y height))
    (do ((x 0 (+ x 1)) (row '() (cons (if (= most (steps (- (/ (* 3. x) width) 2.25)
                                                         (- (/ (* 2.5 y) height) 1.25)
                                                         most))
                                          #\* #\space)
                                      row)))
        ((= x width) (display (list->string (reverse (cons #\| row)))) (newline)))))

(let ((n (argument 24)))
  (picture (* 2 n) n 200))
