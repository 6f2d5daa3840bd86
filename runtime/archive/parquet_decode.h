// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a page of Parquet become values. In: bytes as they stand in a page, unpacked. Out: bitmaps of
// definition levels, dictionary indices, texts. Pages come from outside: every function looks at each length
// before it follows it and returns false where the bytes contradict themselves. Source: Apache Parquet,
// "Data encodings".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "runtime/exec/column.h"

namespace kqlc::archive {

using PageBytes = std::span<const uint8_t>;

// Reads `count` values of `width` bits (0 to 32) in the RLE / bit-packing hybrid. Returns false where there
// are fewer, or width is more.
bool decode_hybrid(PageBytes bytes, int width, size_t count, uint32_t* out);

// Reads those values of the hybrid whose numbers are `numbers`, which grow, into out. Returns false where
// there are fewer, or width is more. Before bytes are read `need` is told how many of the first ones have to
// be readable, or more than there are.
bool pick_hybrid(PageBytes bytes, int width, std::span<const uint32_t> numbers, uint32_t* out,
                 const std::function<void(size_t)>& need);

// Those of the values of a hybrid that were looked for: their numbers, which grow, and what they are.
struct HybridHits {
  std::vector<uint32_t> numbers, values;
  uint32_t greatest = 0;  // of all values
};

// Looks through `count` values of `width` bits for those among `wanted`. Returns false where there are fewer
// values, and nullopt where nothing was found out, since it is no quicker than to decode them: of none or
// very many bits, or with more hits than one in kValuesOfHit.
inline constexpr size_t kValuesOfHit = 16;
std::optional<bool> search_hybrid(PageBytes bytes, int width, size_t count, std::span<const uint32_t> wanted,
                                  HybridHits* out);

// Reads `count` values of one bit in the hybrid, into bits [begin, begin + count) of `bitmap`, which are
// zero. Returns how many are 1, or -1 where there are fewer values. A bit of a level of a column that is not
// nested says that the row has a value.
int64_t decode_bits(PageBytes bytes, size_t count, uint8_t* bitmap, size_t begin);

// The same of the encoding BIT_PACKED of old files, where the first bit is the highest one of a byte.
int64_t decode_old_bits(PageBytes bytes, size_t count, uint8_t* bitmap, size_t begin);

// Finds `count` texts of the encoding PLAIN: each a length of four bytes and its bytes. The lengths are
// overwritten by zeros, so the bytes as a whole are UTF-8 exactly where each text is. Returns false where a
// text ends outside.
bool split_texts(std::span<uint8_t> bytes, size_t count, Str* out);

// Moves `count` values that lie close together to the rows of [begin, begin + num_rows) that have one.
template <class T>
void spread(T* values, size_t count, size_t num_rows, const uint8_t* validity, size_t begin) {
  if (count == num_rows) return;
  for (size_t row = num_rows; row-- > 0;)
    values[row] = bit_at(validity, static_cast<int64_t>(begin + row)) ? values[--count] : T{};
}

}  // namespace kqlc::archive
