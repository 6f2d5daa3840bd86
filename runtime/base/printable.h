// SPDX-License-Identifier: Apache-2.0
//
// Text for a terminal. In: bytes that somebody else wrote (event data, rules, file names). Out: the same with
// control characters shown as escapes, so that nothing but the program itself moves the cursor or changes
// colours.
#pragma once

#include <string>
#include <string_view>

namespace kqlc {

// Shows ASCII control characters (line ends too) as \xHH, those of the upper half (U+0080 to U+009F) as
// \u00HH and bytes that are no UTF-8 as \xHH.
std::string printable(std::string_view text);

// Returns how many columns of a terminal the text takes: two for wide characters, none for combining ones,
// one for a byte that is no UTF-8. Source: Unicode Standard Annex 11, as utf8proc has it.
size_t display_width(std::string_view text);

}  // namespace kqlc
