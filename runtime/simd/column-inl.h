// SPDX-License-Identifier: Apache-2.0
//
// Filtering a column of strings, over any vector. In: a needle and a column in one of its physical forms.
// Out: a bit per row. A plain column is searched as one run of bytes: no work is done per row, only per hit.
// Hits come in growing order, so the row of a hit is found by galloping on from the row of the one before; a
// hit that reaches into the next row is none; after a hit the search goes on with the next row.
#pragma once

#include "runtime/simd/search-inl.h"

namespace kqlc::simd {
namespace {

inline void set_bit(uint64_t* bitmap, size_t row) { bitmap[row >> 6] |= uint64_t{1} << (row & 63); }

// Strings that follow each other: where a row begins and ends.
template <class Offset>
struct OffsetRows {
  const Offset* offsets;
  const char* data;
  const char* begin(size_t row) const { return data + offsets[row]; }
  const char* end(size_t row) const { return data + offsets[row + 1]; }
};

// Returns the row that holds byte `place`. Requires: it is in rows [row, rows), rows begin in order.
template <class Rows>
size_t row_of(const Rows& of, size_t row, size_t rows, const char* place) {
  size_t step = 1;
  while (row + step < rows && of.begin(row + step) <= place) {
    row += step;
    step *= 2;
  }
  // The answer lies in [row, row + step): halve it.
  for (; step; step /= 2)
    if (row + step < rows && of.begin(row + step) <= place) row += step;
  return row;
}

// Rows [row, rows).
template <class V, class Rows>
void filter_run(const SearchNeedle& needle, const Rows& of, size_t row, size_t rows, uint64_t* bitmap) {
  const char* p = of.begin(row);
  const char* end = of.end(rows - 1);
  while (const char* hit = find<V>(needle, p, end)) {
    row = row_of(of, row, rows, hit);
    const char* row_end = of.end(row);
    if (hit + needle.size > row_end) {
      if (row + 1 == rows) return;
      p = of.begin(row + 1);
    } else if (borders_fit(needle, of.begin(row), hit, row_end)) {
      set_bit(bitmap, row);
      p = row_end;
    } else {
      p = hit + 1;
    }
  }
}

template <class Offset>
void filter_ends(const SearchNeedle& needle, const Offset* offsets, const char* data, size_t rows,
                 uint64_t* bitmap) {
  const bool exact = needle.match == Match::Equals;
  const bool at_end = needle.match == Match::EndsWith;
  for (size_t row = 0; row < rows; ++row) {
    const auto size = static_cast<size_t>(offsets[row + 1] - offsets[row]);
    if (exact ? size != needle.size : size < needle.size) continue;
    const char* place = data + (at_end ? offsets[row + 1] - static_cast<Offset>(needle.size) : offsets[row]);
    if (bytes_fit(needle, place)) set_bit(bitmap, row);
  }
}

inline bool at_ends(Match match) {
  return match == Match::Equals || match == Match::StartsWith || match == Match::EndsWith;
}

template <class V, class Offset>
void filter_offsets(const SearchNeedle& needle, const Offset* offsets, const char* data, size_t rows,
                    uint64_t* bitmap) {
  if (rows == 0) return;
  if (at_ends(needle.match)) return filter_ends(needle, offsets, data, rows, bitmap);
  if (needle.size) return filter_run<V>(needle, OffsetRows<Offset>{offsets, data}, 0, rows, bitmap);
  for (size_t row = 0; row < rows; ++row) set_bit(bitmap, row);
}

// An Arrow string view: up to 12 bytes lie in it, of longer strings a prefix, a buffer's number and a place
// there.
template <class V>
void filter_views(const SearchNeedle& needle, const void* views, const char* const* buffers, size_t rows,
                  uint64_t* bitmap) {
  const bool exact = needle.match == Match::Equals;
  const char* view = static_cast<const char*>(views);
  for (size_t row = 0; row < rows; ++row, view += 16) {
    const size_t size = load_word<uint32_t>(view);
    if (exact ? size != needle.size : size < needle.size) continue;
    const char* data = view + 4;
    if (size > 12) {
      if (exact &&
          (load_word<uint32_t>(data) | load_word<uint32_t>(needle.fold)) != load_word<uint32_t>(needle.bytes))
        continue;
      data = buffers[load_word<int32_t>(view + 8)] + load_word<int32_t>(view + 12);
    }
    if (matches<V>(needle, data, size)) set_bit(bitmap, row);
  }
}

struct StrRows {
  const char* strs;
  size_t size(size_t row) const { return load_word<uint64_t>(strs + row * 16 + 8); }
  const char* begin(size_t row) const { return load_word<const char*>(strs + row * 16); }
  const char* end(size_t row) const { return begin(row) + size(row); }
};

// So many bytes, of one allocation, lie between strings that were left where a file has them, each behind its
// length.
constexpr uintptr_t kStrGap = 4;

// The first row behind `row` whose string does not follow the one before.
inline size_t end_of_run(const StrRows& of, size_t row, size_t rows) {
  for (++row; row < rows; ++row) {
    const auto next = reinterpret_cast<uintptr_t>(of.begin(row));
    if (next - reinterpret_cast<uintptr_t>(of.end(row - 1)) > kStrGap) break;
  }
  return row;
}

template <class V>
void filter_strs(const SearchNeedle& needle, const void* strs, size_t rows, uint64_t* bitmap) {
  const StrRows of{static_cast<const char*>(strs)};
  const bool is_search = !at_ends(needle.match) && needle.size > 0;
  for (size_t row = 0, end; row < rows; row = end) {
    end = is_search ? end_of_run(of, row, rows) : row + 1;
    if (end - row > 1) {
      filter_run<V>(needle, of, row, end, bitmap);
    } else if (of.size(row) >= needle.size && matches<V>(needle, of.begin(row), of.size(row))) {
      set_bit(bitmap, row);
    }
  }
}

}  // namespace
}  // namespace kqlc::simd
