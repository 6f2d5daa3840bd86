// SPDX-License-Identifier: Apache-2.0
//
// All columns get the same upper limit, the largest with which they fit: narrow columns stay whole, wide ones
// share what is left.
#include "cli/table_width.h"

#include <sys/ioctl.h>

#include <algorithm>

#include "runtime/base/printable.h"
#include "runtime/simd/unicode.h"

namespace kqlc::cli {

namespace {

constexpr size_t kLeastWidth = 8;  // of a column that was cut

size_t width_within(const std::vector<size_t>& widths, size_t limit) {
  size_t sum = widths.empty() ? 0 : kColumnGap * (widths.size() - 1);
  for (size_t width : widths) sum += std::min(width, limit);
  return sum;
}

}  // namespace

size_t terminal_width(int descriptor) {
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool fit_widths(std::vector<size_t>& widths, size_t room) {
  if (widths.empty()) return false;
  size_t fits = 0, too_wide = *std::max_element(widths.begin(), widths.end());
  if (width_within(widths, too_wide) <= room) return false;
  while (too_wide - fits > 1) {
    size_t limit = fits + (too_wide - fits) / 2;
    (width_within(widths, limit) <= room ? fits : too_wide) = limit;
  }
  size_t limit = std::max(fits, kLeastWidth);
  while (widths.size() > 1 && width_within(widths, limit) > room) widths.pop_back();
  for (size_t& width : widths) width = std::min(width, limit);
  if (widths.size() == 1) widths[0] = std::min(widths[0], std::max<size_t>(room, 1));
  return true;
}

std::string cut_text(const std::string& text, size_t width) {
  if (display_width(text) <= width) return text;
  const char* end = text.data() + text.size();
  const char* place = text.data();
  for (size_t used = 1; place != end;) {  // one for the ellipsis
    size_t size = simd::decode_character(place, end).size;
    used += display_width({place, size});
    if (used > width) break;
    place += size;
  }
  return std::string(text.data(), place) + "\xE2\x80\xA6";
}

}  // namespace kqlc::cli
