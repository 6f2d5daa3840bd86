// SPDX-License-Identifier: Apache-2.0
//
// Tables on a terminal. In: the widths that columns would like, and the terminal's. Out: widths that fit, and
// texts cut to them. Only the widest columns give; what has no room even so is left out from the right. A
// table that goes anywhere else is never cut.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kqlc::cli {

inline constexpr size_t kColumnGap = 2;

// Columns of the terminal behind a descriptor; 0: it is no terminal, or says nothing of its width.
size_t terminal_width(int descriptor);

// Makes columns with gaps between them fit into `room`: the widest are narrowed, the last ones taken away
// when all are as narrow as they may be. Returns whether anything was changed.
bool fit_widths(std::vector<size_t>& widths, size_t room);

// Returns the text if it takes at most `width` columns of a terminal, else its start and an ellipsis.
std::string cut_text(const std::string& text, size_t width);

}  // namespace kqlc::cli
