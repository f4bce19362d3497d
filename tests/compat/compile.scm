;; Compiles a module, as guild does. Arguments: the module, the object file.
;; SPDX-License-Identifier: MIT
(use-modules (system base compile))
(display (compile-file (cadr (command-line)) #:output-file (caddr (command-line))))
(newline)
