# SPDX-License-Identifier: MIT
words = (1..1000).map { |i| "word#{i % 17}" }
puts words.tally.to_a.sort.first(3).map { |word, count| "#{word}: #{count}" }.join(", ")
