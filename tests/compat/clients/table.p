@main[]
$h[^hash::create[]]
^for[i](1;8000){^for[j](1;8){$h.[k${i}_$j][value ^eval($i*$j)]}}
^h._count[]
$h.[k777_7]
$s[]
^for[i](1;3000){$s[$s ^eval($i*$i)]}
^s.length[]
