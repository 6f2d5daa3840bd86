// SPDX-License-Identifier: Apache-2.0
//
// Which literals a text must hold for a regular expression to match. In: a pattern of `matches regex`. Out: a
// few texts of which each match contains one; none where nothing is known. A missed match is the worst
// mistake: what this reader does not know for certain (a flag, an escape, a class) counts as any text, and a
// pattern that it cannot follow gives nothing. Source: the syntax of Rust's crate regex, which runs the
// patterns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kqlc::ir {

inline constexpr size_t kMostRegexLiterals = 64;

// Texts of at least `least` characters, at most kMostRegexLiterals, of which every text that matches contains
// one, simd::Case::IgnoredInAscii; empty: nothing is known.
std::vector<std::string> required_literals(std::string_view pattern, size_t least);

}  // namespace kqlc::ir
