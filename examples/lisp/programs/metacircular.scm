; An evaluator for the language in the language, after Abelson and Sussman,
; that runs programs: the second one is an evaluator again.
(define apply-below apply)

(define (m-eval e env)
  (cond ((symbol? e) (lookup e env))
        ((not (pair? e)) e)
        (else
         (case (car e)
           ((quote) (cadr e))
           ((if) (if (m-eval (cadr e) env)
                     (m-eval (caddr e) env)
                     (m-eval (cadddr e) env)))
           ((lambda) (list 'closure (cadr e) (cddr e) env))
           ((define) (define-in! env (cadr e) (m-eval (caddr e) env)))
           ((begin) (sequence (cdr e) env))
           (else (m-apply (m-eval (car e) env)
                          (map (lambda (operand) (m-eval operand env)) (cdr e))))))))

(define (sequence forms env)
  (let ((first (m-eval (car forms) env)))
    (if (null? (cdr forms)) first (sequence (cdr forms) env))))

(define (m-apply f args)
  (if (and (pair? f) (eq? (car f) 'closure))
      (sequence (caddr f) (cons (map cons (cadr f) args) (cadddr f)))
      (apply-below f args)))

(define (lookup name env)
  (if (null? env)
      (error "unbound" name)
      (let ((found (assq name (car env))))
        (if found (cdr found) (lookup name (cdr env))))))

(define (define-in! env name value)
  (set-car! env (cons (cons name value) (car env)))
  name)

(define globals
  (list (list (cons '+ +) (cons '- -) (cons '* *) (cons '= =) (cons '< <)
              (cons 'car car) (cons 'cdr cdr) (cons 'cons cons) (cons 'list list)
              (cons 'null? null?) (cons 'pair? pair?) (cons 'eq? eq?)
              (cons 'symbol? symbol?) (cons 'assq assq))))

(define (run program) (m-eval program globals))

(run '(define fib (lambda (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))))
(display (run (list 'fib (argument 15)))) (newline)

; One floor up: numbers, names, one-argument functions and calls.
(run '(define ev (lambda (e env)
  (if (symbol? e) (cdr (assq e env))
  (if (pair? e)
      (if (eq? (car e) 'fn)
          (list 'fn (car (cdr e)) (car (cdr (cdr e))) env)
          (if (eq? (car e) 'plus)
              (+ (ev (car (cdr e)) env) (ev (car (cdr (cdr e))) env))
              (ap (ev (car e) env) (ev (car (cdr e)) env))))
      e)))))
(run '(define ap (lambda (f x)
  (ev (car (cdr (cdr f)))
      (cons (cons (car (cdr f)) x) (car (cdr (cdr (cdr f)))))))))
(display (run '(ev '(((fn f (fn x (f (f (f x))))) (fn n (plus n 7))) 21) '())))
(newline)
