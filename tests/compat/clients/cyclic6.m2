-- A Groebner basis, a table of strings. SPDX-License-Identifier: MIT
R = QQ[a..g]
I = ideal(a+b+c+d+e+f, a*b+b*c+c*d+d*e+e*f+f*a, a*b*c+b*c*d+c*d*e+d*e*f+e*f*a+f*a*b, a*b*c*d+b*c*d*e+c*d*e*f+d*e*f*a+e*f*a*b+f*a*b*c, a*b*c*d*e+b*c*d*e*f+c*d*e*f*a+d*e*f*a*b+e*f*a*b*c+f*a*b*c*d, a*b*c*d*e*f-g^6)
print rank source gens gb I
L = new MutableHashTable
for i from 0 to 100000 do L#i = toString(i*i)
print (L#777)
print length apply(200000, i -> {i, i^2})
