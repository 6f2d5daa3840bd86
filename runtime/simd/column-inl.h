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

// Returns the row that holds byte `place`. Requires: it is in rows [row, rows), offsets[row] <= place.
template <class Offset>
size_t row_of(const Offset* offsets, size_t row, size_t rows, Offset place) {
  size_t step = 1;
  while (row + step < rows && offsets[row + step] <= place) {
    row += step;
    step *= 2;
  }
  // The answer lies in [row, row + step): halve it.
  for (; step; step /= 2)
    if (row + step < rows && offsets[row + step] <= place) row += step;
  return row;
}

template <class V, class Offset>
void filter_run(const SearchNeedle& needle, const Offset* offsets, const char* data, size_t rows,
                uint64_t* bitmap) {
  const char* end = data + offsets[rows];
  const char* p = data + offsets[0];
  size_t row = 0;
  while (const char* hit = find<V>(needle, p, end)) {
    row = row_of(offsets, row, rows, static_cast<Offset>(hit - data));
    const char* row_begin = data + offsets[row];
    const char* row_end = data + offsets[row + 1];
    p = row_end;
    if (hit + needle.size > row_end) continue;
    if (borders_fit(needle, row_begin, hit, row_end)) {
      set_bit(bitmap, row);
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
  if (needle.size) return filter_run<V>(needle, offsets, data, rows, bitmap);
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

inline const char* str_begin(const char* strs, size_t row) { return load_word<const char*>(strs + row * 16); }
inline size_t str_size(const char* strs, size_t row) { return load_word<uint64_t>(strs + row * 16 + 8); }
inline const char* str_end(const char* strs, size_t row) {
  return str_begin(strs, row) + str_size(strs, row);
}

// So many bytes, of one allocation, lie between strings that were left where a file has them, each behind its
// length.
constexpr uintptr_t kStrGap = 4;

// The first row behind `row` whose string does not follow the one before.
inline size_t end_of_run(const char* strs, size_t row, size_t rows) {
  for (++row; row < rows; ++row) {
    const auto next = reinterpret_cast<uintptr_t>(str_begin(strs, row));
    if (next - reinterpret_cast<uintptr_t>(str_end(strs, row - 1)) > kStrGap) break;
  }
  return row;
}

// Rows [row, rows), whose strings follow each other.
template <class V>
void filter_str_run(const SearchNeedle& needle, const char* strs, size_t row, size_t rows, uint64_t* bitmap) {
  const char* p = str_begin(strs, row);
  const char* end = str_end(strs, rows - 1);
  while (const char* hit = find<V>(needle, p, end)) {
    // The row of the hit: galloping on, then halving.
    size_t step = 1;
    for (; row + step < rows && str_begin(strs, row + step) <= hit; step *= 2) row += step;
    for (; step; step /= 2)
      if (row + step < rows && str_begin(strs, row + step) <= hit) row += step;
    const char* row_end = str_end(strs, row);
    if (hit + needle.size > row_end) {
      if (row + 1 == rows) return;
      p = str_begin(strs, ++row);
    } else if (borders_fit(needle, str_begin(strs, row), hit, row_end)) {
      set_bit(bitmap, row);
      p = row_end;
    } else {
      p = hit + 1;
    }
  }
}

template <class V>
void filter_strs(const SearchNeedle& needle, const void* all, size_t rows, uint64_t* bitmap) {
  const char* strs = static_cast<const char*>(all);
  const bool is_search = !at_ends(needle.match) && needle.size > 0;
  for (size_t row = 0, end; row < rows; row = end) {
    end = is_search ? end_of_run(strs, row, rows) : row + 1;
    if (end - row > 1) {
      filter_str_run<V>(needle, strs, row, end, bitmap);
    } else if (const size_t size = str_size(strs, row);
               size >= needle.size && matches<V>(needle, str_begin(strs, row), size)) {
      set_bit(bitmap, row);
    }
  }
}

}  // namespace
}  // namespace kqlc::simd
