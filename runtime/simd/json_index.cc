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
  size_ = static_cast<size_t>(end - begin);
  KQLC_CHECK(size_ < UINT32_MAX, "a buffer of more than 4 GB");
  constexpr size_t kSpareWords = 2;  // loads go beyond the last byte's bit
  if (size_ > capacity_ || !quotes_) {
    capacity_ = size_ + size_ / 2;
    quotes_.reset(new uint64_t[capacity_ / 64 + 1 + kSpareWords]);
    // Untouched memory costs nothing, and there are no more lines than bytes.
    lines_.reset(new JsonLine[capacity_ + 1]);
  }
  std::fill_n(quotes_.get() + (size_ + 63) / 64, kSpareWords, 0);
  num_lines_ = kernels().json_lines(begin, end, quotes_.get(), lines_.get());
}

const char* QuoteBits::find_quote(size_t at) const {
  for (; at < size_; at += 64)
    if (const uint64_t window = load(at / 8)) return begin_ + at + std::countr_zero(window);
  return begin_ + size_;
}

}  // namespace kqlc::simd
