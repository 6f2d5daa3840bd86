// SPDX-License-Identifier: Apache-2.0
//
// Three rows of the table of edits are kept: a swap of neighbours looks two rows back.
#include "compiler/source/nearest.h"

#include <algorithm>
#include <vector>

namespace kqlc::source {

size_t nearest_bound(std::string_view name) { return std::min<size_t>(4, name.size() / 3 + 1); }

size_t edit_distance(std::string_view a, std::string_view b) {
  constexpr size_t kLimit = 64;
  if (a.size() > kLimit || b.size() > kLimit) return kLimit;
  auto same = [](char x, char y) { return (x | 32) == (y | 32); };
  std::vector<size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1)});
      bool swapped = i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]);
      if (swapped) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    std::swap(before, row);
    std::swap(row, next);
  }
  return row[b.size()];
}

}  // namespace kqlc::source
