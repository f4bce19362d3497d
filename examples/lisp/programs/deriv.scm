; Symbolic differentiation, after Gabriel's benchmark, with a simplifier.
(define (sum a b)
  (cond ((equal? a 0) b)
        ((equal? b 0) a)
        ((and (number? a) (number? b)) (+ a b))
        (else `(+ ,a ,b))))

(define (product a b)
  (cond ((or (equal? a 0) (equal? b 0)) 0)
        ((equal? a 1) b)
        ((equal? b 1) a)
        ((and (number? a) (number? b)) (* a b))
        (else `(* ,a ,b))))

(define (deriv e x)
  (cond ((number? e) 0)
        ((symbol? e) (if (eq? e x) 1 0))
        (else
         (case (car e)
           ((+) (sum (deriv (cadr e) x) (deriv (caddr e) x)))
           ((*) (sum (product (cadr e) (deriv (caddr e) x))
                     (product (deriv (cadr e) x) (caddr e))))
           ((expt) (product (product (caddr e)
                                     (list 'expt (cadr e) (- (caddr e) 1)))
                            (deriv (cadr e) x)))
           (else (error "unknown operation" (car e)))))))

(define (size e)
  (if (pair? e) (+ (size (car e)) (size (cdr e))) 1))

(define polynomial '(+ (* 3 (expt x 2)) (+ (* a (* x y)) b)))
(write (deriv polynomial 'x)) (newline)
(write (deriv polynomial 'y)) (newline)

(define (power n) (if (= n 0) 1 `(* ,polynomial ,(power (- n 1)))))
(do ((i 0 (+ i 1)) (total 0 (+ total (size (deriv (power 8) 'x)))))
    ((= i (argument 300)) (display total) (newline)))
