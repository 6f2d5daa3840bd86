// SPDX-License-Identifier: Apache-2.0
//
// Preparing needles and filtering columns with them: the choice of the two bytes to search, the physical
// forms of a column, nulls and dictionaries. The loops over bytes are the kernels'.
#include "runtime/simd/needle.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "runtime/base/check.h"
#include "runtime/simd/targets.h"
#include "runtime/simd/unicode.h"

namespace kqlc::simd {

namespace {

// Bytes per 65,536 bytes of event text: the mean of NDJSON lines (eight kinds of Windows security events) and
// of the command lines in them; bytes not seen count 1.
constexpr uint16_t kFrequency[256] = {
    1,    1,    1,    1,    1,    1,   1,    1,    1,    1,    20,   1,    1,    20,   1,   1,    1,    1,
    1,    1,    1,    1,    1,    1,   1,    1,    1,    1,    1,    1,    1,    1,    483, 1,    2833, 1,
    16,   13,   4,    1,    19,   19,  1,    24,   907,  500,  390,  70,   1247, 478,  574, 451,  497,  305,
    311,  278,  385,  292,  1214, 11,  1,    29,   1,    25,   4,    7322, 2021, 882,  533, 894,  693,  808,
    478,  1005, 279,  184,  288,  454, 336,  280,  760,  1369, 389,  534,  477,  528,  278, 227,  127,  256,
    303,  4,    860,  4,    1,    32,  1,    1556, 569,  1844, 1058, 3263, 406,  1287, 335, 2523, 161,  516,
    1546, 823,  2711, 2127, 620,  56,  1522, 2577, 2200, 1065, 441,  1343, 306,  441,  116, 45,   1,    45,
    1,    1,    1,    1,    1,    1,   1,    1,    1,    1,    1,    1,    1,    1,    1,   1,    1,    1,
    1,    1,    1,    1,    1,    1,   1,    1,    1,    1,    1,    1,    1,    1,    1,   1,    1,    1,
    1,    1,    1,    1,    1,    1,   1,    1,    1,    1,    1,    1,    4,    1,    1,   1,    1,    1,
    1,    1,    1,    1,    1,    1,   1,    1,    1,    1,    1,    1,    1,    1,    4,   1,    1,    1,
    1,    1,    1,    1,    1,    1,   1,    1,    1,    1,    1,    1,    1,    1,    1,   1,    1,    1,
    1,    1,    1,    1,    1,    1,   1,    1,    1,    1,    1,    1,    1,    1,    1,   1,    1,    1,
    1,    1,    1,    1,    1,    1,   1,    1,    1,    1,    1,    1,    1,    1,    1,   1,    1,    1,
    1,    1,    1,    1,
};

bool is_letter(unsigned char byte) { return static_cast<unsigned char>((byte | 0x20) - 'a') < 26; }

size_t bitmap_words(size_t rows) { return (rows + 63) / 64; }
bool bit_of(const uint64_t* bitmap, size_t row) { return bitmap[row >> 6] >> (row & 63) & 1; }
void set_bit(uint64_t* bitmap, size_t row) { bitmap[row >> 6] |= uint64_t{1} << (row & 63); }

void set_all(uint64_t* bitmap, size_t rows) {
  for (size_t row = 0; row < rows; ++row) set_bit(bitmap, row);
}

// Returns the longest run of ASCII characters.
std::string_view longest_ascii_part(std::string_view text) {
  std::string_view best;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() && static_cast<unsigned char>(text[end]) < 0x80) ++end;
    if (end - begin > best.size()) best = text.substr(begin, end - begin);
    begin = end + 1;
  }
  return best;
}

// Chooses the two rarest bytes. The second may not be the same byte again unless there is no other.
void choose_probes(std::string_view text, bool caseless, SearchNeedle* needle) {
  const auto cost = [&](size_t i) { return byte_frequency(static_cast<unsigned char>(text[i]), caseless); };
  size_t first = 0;
  for (size_t i = 1; i < text.size(); ++i)
    if (cost(i) < cost(first)) first = i;
  const auto second_cost = [&](size_t i) {
    return cost(i) + (needle->bytes[i] == needle->bytes[first] ? uint64_t{1} << 32 : 0);
  };
  size_t second = first == 0 && text.size() > 1 ? 1 : 0;
  for (size_t i = 0; i < text.size(); ++i)
    if (i != first && second_cost(i) < second_cost(second)) second = i;
  needle->first = first;
  needle->second = second;
  needle->first_byte = static_cast<uint8_t>(needle->bytes[first]);
  needle->first_fold = static_cast<uint8_t>(needle->fold[first]);
  needle->second_byte = static_cast<uint8_t>(needle->bytes[second]);
  needle->second_fold = static_cast<uint8_t>(needle->fold[second]);
}

}  // namespace

uint32_t byte_frequency(unsigned char byte, bool caseless) noexcept {
  if (!caseless || !is_letter(byte)) return kFrequency[byte];
  return uint32_t{kFrequency[byte]} + kFrequency[byte ^ 0x20];
}

void prepare_search(std::string_view text, bool caseless, Match match, char* storage, SearchNeedle* needle) {
  *needle = {};
  needle->bytes = storage;
  needle->fold = storage + text.size();
  needle->size = text.size();
  needle->match = match;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool folds = caseless && is_letter(static_cast<unsigned char>(text[i]));
    storage[i] = static_cast<char>(folds ? text[i] | 0x20 : text[i]);
    storage[text.size() + i] = folds ? 0x20 : 0;
  }
  if (!text.empty()) choose_probes(text, caseless, needle);
}

PreparedNeedle::PreparedNeedle(Match match, Case letter_case, std::string_view text)
    : text_(text),
      match_(match),
      by_character_(letter_case == Case::Ignored && !is_ascii(text)),
      term_before_(wants_term_before(match, text)),
      term_after_(wants_term_after(match, text)) {
  const std::string_view searched = by_character_ ? longest_ascii_part(text) : text;
  storage_ = std::make_unique<char[]>(2 * searched.size() + 1);
  prepare_search(searched, letter_case != Case::Sensitive, by_character_ ? Match::Contains : match,
                 storage_.get(), &search_);
  search_.term_before = term_before_ && !by_character_;
  search_.term_after = term_after_ && !by_character_;
}

bool PreparedNeedle::matches(Str text) const noexcept {
  if (by_character_) return matches_caseless(text.view(), text_, match_, term_before_, term_after_);
  return kernels().matches(search_, text.data, text.size);
}

bool PreparedNeedle::fits_at(const char* begin, const char* place, const char* end) const noexcept {
  if (static_cast<size_t>(end - place) < search_.size) return false;
  if (by_character_) return matches({begin, static_cast<uint64_t>(end - begin)});
  const char* stop = place + search_.size;
  switch (match_) {
    case Match::Equals:
      return place == begin && stop == end;
    case Match::StartsWith:
      return place == begin;
    case Match::EndsWith:
      return stop == end;
    default:
      return !(term_before_ && alphanumeric_before(begin, place)) &&
             !(term_after_ && alphanumeric_after(stop, end));
  }
}

// The kernel decides alone, or, for a needle that is compared by character, it picks the rows worth a look.
template <class RunKernel, class StrAt>
void PreparedNeedle::filter_with(size_t rows, uint64_t* bitmap, RunKernel run_kernel, StrAt str_at) const {
  if (!by_character_) return run_kernel(bitmap);
  std::vector<uint64_t> candidates(bitmap_words(rows));
  run_kernel(candidates.data());
  for (size_t word = 0; word < candidates.size(); ++word) {
    for (uint64_t left = candidates[word]; left; left &= left - 1) {
      const size_t row = word * 64 + static_cast<size_t>(__builtin_ctzll(left));
      if (matches(str_at(row))) set_bit(bitmap, row);
    }
  }
}

void PreparedNeedle::filter(const int32_t* offsets, const char* data, size_t rows, uint64_t* bitmap) const {
  filter_with(
      rows, bitmap, [&](uint64_t* bits) { kernels().filter_offsets32(search_, offsets, data, rows, bits); },
      [&](size_t row) {
        return Str(data + offsets[row], static_cast<uint64_t>(offsets[row + 1] - offsets[row]));
      });
}

void PreparedNeedle::filter(const int64_t* offsets, const char* data, size_t rows, uint64_t* bitmap) const {
  filter_with(
      rows, bitmap, [&](uint64_t* bits) { kernels().filter_offsets64(search_, offsets, data, rows, bits); },
      [&](size_t row) {
        return Str(data + offsets[row], static_cast<uint64_t>(offsets[row + 1] - offsets[row]));
      });
}

void PreparedNeedle::filter_views(const void* views, const char* const* buffers, size_t rows,
                                  uint64_t* bitmap) const {
  Column column;
  column.values = views;
  column.buffers = buffers;
  filter_with(
      rows, bitmap, [&](uint64_t* bits) { kernels().filter_views(search_, views, buffers, rows, bits); },
      [&](size_t row) { return load_str(column, Encoding::Utf8View, static_cast<int64_t>(row)); });
}

void PreparedNeedle::filter(const Str* strs, size_t rows, uint64_t* bitmap) const {
  static_assert(sizeof(Str) == 16, "the kernels read a pointer and a 64-bit size");
  filter_with(
      rows, bitmap, [&](uint64_t* bits) { kernels().filter_strs(search_, strs, rows, bits); },
      [&](size_t row) { return strs[row]; });
}

// Each distinct value once, unless the dictionary is larger than the batch.
void PreparedNeedle::filter_dictionary(const StringColumn& column, uint64_t* bitmap) const {
  const Column& codes = column.column;
  if (codes.dictionary_size > column.num_rows) {
    for (int64_t row = 0; row < column.num_rows; ++row)
      if (matches(load_str(codes, Encoding::Dictionary, row))) set_bit(bitmap, static_cast<size_t>(row));
    return;
  }
  const auto size = static_cast<size_t>(codes.dictionary_size), rows = static_cast<size_t>(column.num_rows);
  std::vector<uint64_t> values(bitmap_words(size));
  filter(StringColumn{*codes.dictionary, codes.dictionary_size}, values.data());
  if (std::ranges::all_of(values, [](uint64_t word) { return word == 0; })) return;
  std::vector<uint8_t> fits(size + 1);  // the last: codes outside, which rows without a value may have
  for (size_t value = 0; value < size; ++value) fits[value] = bit_of(values.data(), value);
  const auto* code = static_cast<const int32_t*>(codes.values) + codes.offset;
  for (size_t first = 0; first < rows; first += 64) {
    const size_t count = std::min<size_t>(64, rows - first);
    uint64_t found = 0;
    for (size_t i = 0; i < count; ++i)
      found |= uint64_t{fits[std::min(static_cast<size_t>(static_cast<uint32_t>(code[first + i])), size)]}
               << i;
    for (uint64_t left = codes.validity ? found : 0; left; left &= left - 1) {
      const auto row = first + static_cast<size_t>(__builtin_ctzll(left));
      if (!bit_at(codes.validity, static_cast<int64_t>(row) + codes.offset)) found &= ~(left & -left);
    }
    bitmap[first / 64] |= found;
  }
}

// As if there were no nulls; what it says of null rows is not used.
void PreparedNeedle::filter_valid(const StringColumn& column, uint64_t* bitmap) const {
  const Column& from = column.column;
  const auto rows = static_cast<size_t>(column.num_rows);
  switch (from.encoding) {
    case Encoding::Utf8:
      return filter(static_cast<const int32_t*>(from.values) + from.offset, from.data, rows, bitmap);
    case Encoding::LargeUtf8:
      return filter(static_cast<const int64_t*>(from.values) + from.offset, from.data, rows, bitmap);
    case Encoding::Utf8View:
      return filter_views(static_cast<const char*>(from.values) + from.offset * 16, from.buffers, rows,
                          bitmap);
    case Encoding::Strs:
      return filter(static_cast<const Str*>(from.values) + from.offset, rows, bitmap);
    case Encoding::Dictionary:
      return filter_dictionary(column, bitmap);
    case Encoding::Missing:
      if (matches({})) set_all(bitmap, rows);
      return;
    case Encoding::Bits:
    case Encoding::Fixed32:
    case Encoding::Fixed64:
    case Encoding::Fixed128:
      KQLC_UNREACHABLE("a string filter over a column that holds no strings");
  }
}

void PreparedNeedle::filter(const StringColumn& column, uint64_t* bitmap) const {
  const Column& from = column.column;
  if (!from.validity || from.encoding == Encoding::Missing || column.num_rows == 0) {
    if (column.num_rows) filter_valid(column, bitmap);
    return;
  }
  // A view of a null row may point anywhere, so such columns are read row by row.
  const bool empty_matches = matches({});
  const bool is_coded = from.encoding == Encoding::Dictionary && from.dictionary_size <= column.num_rows;
  if (is_coded && !empty_matches) return filter_dictionary(column, bitmap);
  const auto rows = static_cast<size_t>(column.num_rows);
  std::vector<uint64_t> found(bitmap_words(rows));
  const bool by_row = from.encoding == Encoding::Utf8View || from.encoding == Encoding::Strs;
  if (!by_row) filter_valid(column, found.data());
  for (size_t row = 0; row < rows; ++row) {
    const auto place = static_cast<int64_t>(row);
    bool holds = empty_matches;
    if (bit_at(from.validity, place + from.offset))
      holds = by_row ? matches(load_str(from, from.encoding, place)) : bit_of(found.data(), row);
    if (holds) set_bit(bitmap, row);
  }
}

}  // namespace kqlc::simd
