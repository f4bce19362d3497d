[+ AutoGen5 template txt +]
[+ FOR entry +][+ (string-append (get "name") "=" (number->string (* 3 (string->number (get "value"))))) +] [+ text +]
[+ ENDFOR +]
