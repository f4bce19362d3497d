% SPDX-License-Identifier: MIT
\version "2.24.0"
\header { tagline = ##f }
music = \relative c' { \repeat unfold 40 { c4 d8 e f g a b | c2 g4 e8 d } }
\score { << \new Staff \music \new Staff { \clef bass \music } >> \layout { } }
