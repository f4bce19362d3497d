# Sets, lists, trees, strings. SPDX-License-Identifier: MIT
let
  range = a: b: if a > b then [] else [a] ++ range (a + 1) b;
  xs = builtins.genList (i: { name = "k${toString i}"; value = { inherit i; square = i * i; text = "v${toString i}"; }; }) 200000;
  set = builtins.listToAttrs xs;
  tree = n: if n == 0 then null else { l = tree (n - 1); r = tree (n - 1); };
  count = t: if t == null then 1 else count t.l + count t.r;
in { a = builtins.foldl' (s: x: s + x.square) 0 (builtins.attrValues set); b = count (tree 17); c = builtins.length (builtins.sort (x: y: x.name < y.name) xs); d = builtins.stringLength (builtins.concatStringsSep "," (map (x: x.name) xs)); }
