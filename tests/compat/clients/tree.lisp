;; Trees, a table of strings.
;; SPDX-License-Identifier: MIT
(defun tree (n) (if (= n 0) nil (cons (tree (- n 1)) (tree (- n 1)))))
(defun leaves (x) (if (null x) 1 (+ (leaves (car x)) (leaves (cdr x)))))
(defvar *keep* (tree 16))
(dotimes (i 20) (leaves (tree 14)))
(print (leaves *keep*))
(let ((h (make-hash-table :test 'equal)))
  (dotimes (i 100000) (setf (gethash (format nil "k~a" i) h) (list i (* i i))))
  (print (gethash "k777" h)))
(terpri)
