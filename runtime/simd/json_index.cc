// SPDX-License-Identifier: Apache-2.0
//
// Memory for the index: it grows to the largest buffer seen and is used again.
#include "runtime/simd/json_index.h"

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/simd/targets.h"

namespace kqlc::simd {

void JsonIndex::build(const char* begin, const char* end) {
  begin_ = begin;
  const auto size = static_cast<size_t>(end - begin);
  KQLC_CHECK(size < UINT32_MAX, "a buffer of more than 4 GB");
  if (size > capacity_ || !quotes_) {
    capacity_ = size + size / 2;
    // Untouched memory costs nothing, and there are no more quotes and lines than bytes.
    quotes_.reset(new uint32_t[capacity_ + kSpareQuotes]);
    lines_.reset(new JsonLine[capacity_ + 1]);
  }
  counts_ = kernels().json_lines(begin, end, quotes_.get(), lines_.get());
  static_assert(kQuotesAhead < kSpareQuotes);
  std::fill_n(quotes_.get() + counts_.quotes, kQuotesAhead + 1, static_cast<uint32_t>(size));
}

}  // namespace kqlc::simd
