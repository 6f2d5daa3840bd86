// SPDX-License-Identifier: Apache-2.0
//
// Rows of a chunk that are looked for by their texts: by value of the dictionary where rows have codes, else
// where a page's texts are unpacked, of which only those that are found are kept.

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

#include "runtime/archive/parquet_column.h"
#include "runtime/simd/unicode.h"

namespace kqlc::archive {
namespace {

// So many codes are looked for where they are packed.
constexpr size_t kFewCodes = 8;

}  // namespace

bool PageColumn::find_rows(arrow::io::RandomAccessFile& file, parquet::RowGroupReader& group,
                           const uint64_t* selection, const TextFilter& filter, uint64_t* rows) {
  if (field_.form != PageForm::Text || !known_.empty() || num_rows_ == 0) return false;
  search_.filter = &filter;
  search_.rows = rows;
  search_.of_values.clear();
  search_.finds_many = false;
  const std::unique_ptr<Search, void (*)(Search*)> end(&search_,
                                                       [](Search* search) { search->filter = nullptr; });
  load(file, group, selection);
  return true;
}

// Looks for texts of a page that are not in the dictionary, and keeps those that are found. Returns false
// where some have to be repaired: that is done once, for all.
bool PageColumn::search_texts(const Page& page, Place& place, const uint64_t* selection) {
  if (page.num_values > page.values.size() / sizeof(uint32_t)) fail("a page ends in a text");
  search_.texts.resize(page.num_rows);
  if (!split_texts(page.values, page.num_values, search_.texts.data())) fail("a page ends in a text");
  if (!simd::is_utf8({reinterpret_cast<const char*>(page.values.data()), page.values.size()})) return false;
  spread(search_.texts.data(), page.num_values, page.num_rows, validity_, static_cast<size_t>(page.row));
  find_chosen(page, selection);
  keep_found(page);
  place.made = Made::Some;
  place.filled = true;
  note_known(place, search_.rows);
  return true;
}

// Looks for texts of a page that was made whole.
void PageColumn::search_made(const Page& page, const uint64_t* selection) {
  const auto first = static_cast<size_t>(page.row);
  search_.texts.assign(page.num_rows, {});
  for (size_t i = 0; i < page.num_rows; ++i)
    if (!validity_ || bit_at(validity_, static_cast<int64_t>(first + i)))
      search_.texts[i] =
          texts_ ? texts_[first + i] : dictionary_[reinterpret_cast<const uint32_t*>(values_)[first + i]];
  find_chosen(page, selection);
}

// Which selected rows of the page pass, by their texts.
void PageColumn::find_chosen(const Page& page, const uint64_t* selection) {
  const auto first = static_cast<size_t>(page.row);
  search_.found.assign((page.num_rows + 63) / 64, 0);
  kqlc::Column texts;
  texts.type = request_.type;
  texts.encoding = kqlc::Encoding::Strs;
  texts.values = search_.texts.data();
  search_.filter->filter(StringColumn{texts, static_cast<int64_t>(page.num_rows)}, search_.found.data());
  found_rows_.clear();
  for (size_t word = 0; word < search_.found.size(); ++word)
    for (uint64_t left = search_.found[word]; left; left &= left - 1) {
      const size_t at = word * 64 + static_cast<size_t>(std::countr_zero(left)), row = first + at;
      if (!(selection[row / 64] >> (row % 64) & 1)) continue;
      found_rows_.push_back(static_cast<uint32_t>(at));
      search_.rows[row / 64] |= uint64_t{1} << (row % 64);
    }
}

// The texts of the chosen rows. A row without one has no code.
void PageColumn::keep_found(const Page& page) {
  const auto first = static_cast<size_t>(page.row);
  if (has_dictionary_) {
    if (!has_room_) make_room();
    std::memset(values_ + first * sizeof(uint32_t), 0, page.num_rows * sizeof(uint32_t));
  } else if (!texts_) {
    texts_ = static_cast<Str*>(zeroed(static_cast<size_t>(num_rows_) * sizeof(Str)));
  }
  for (uint32_t row : found_rows_) {
    if (validity_ && !bit_at(validity_, static_cast<int64_t>(first + row))) continue;
    const Str text = arena_.copy(search_.texts[row]);
    if (!has_dictionary_) {
      texts_[first + row] = text;
      continue;
    }
    dictionary_[num_texts_] = text;
    reinterpret_cast<uint32_t*>(values_)[first + row] = static_cast<uint32_t>(num_texts_++);
  }
}

// Which values of the dictionary pass, and whether a row without one does.
void PageColumn::search_values() {
  std::vector<uint64_t> found(dictionary_size_ / 64 + 1);
  kqlc::Column values;
  values.type = request_.type;
  values.encoding = kqlc::Encoding::Strs;
  values.values = dictionary_;
  search_.filter->filter(StringColumn{values, static_cast<int64_t>(dictionary_size_)}, found.data());
  search_.of_values.resize(dictionary_size_ + 1);
  search_.few.clear();
  for (size_t i = 0; i < dictionary_size_; ++i) {
    search_.of_values[i] = found[i / 64] >> (i % 64) & 1;
    if (search_.of_values[i] && search_.few.size() <= kFewCodes)
      search_.few.push_back(static_cast<uint32_t>(i));
  }
  const Str empty;
  found[0] = 0;
  values.values = &empty;
  search_.filter->filter(StringColumn{values, 1}, found.data());
  search_.finds_empty = found[0] & 1;
}

// Of the rows of a page that were made those whose code has a value that passes. Rows without a value have
// code 0, those of a page without values none.
void PageColumn::search_codes(const Place& place, const uint64_t* selection) {
  if (search_.of_values.empty()) search_values();
  const auto* codes = reinterpret_cast<const uint32_t*>(values_);
  for (size_t word = static_cast<size_t>(place.row) / 64; word <= last_word(place); ++word) {
    const uint64_t wanted = selection[word] & rows_of(place, word);
    if (wanted == 0) continue;
    uint64_t passes = place.filled ? passing(codes + word * 64, wanted) : 0;
    if (validity_) {
      const uint64_t has_value = valid_bits(word);
      passes = (passes & has_value) | (search_.finds_empty ? ~has_value : 0);
    }
    search_.rows[word] |= passes & wanted;
  }
}

// Which rows of the page its values of these numbers, which grow, belong to.
void PageColumn::numbers_to_rows(const Page& page, std::vector<uint32_t>& numbers) const {
  if (page.num_values == page.num_rows) return;
  const auto first = static_cast<size_t>(page.row);
  size_t row = 0, values = 0;  // the rows before, and their values
  for (uint32_t& number : numbers) {
    while (true) {
      const size_t place = first + row, count = std::min(64 - place % 64, page.num_rows - row);
      const uint64_t bits = valid_bits(place / 64) >> (place % 64) & (~uint64_t{0} >> (64 - count));
      const auto own = static_cast<size_t>(std::popcount(bits));
      if (values + own > number) {
        uint64_t left = bits;
        for (size_t before = number - values; before > 0; --before) left &= left - 1;
        number = static_cast<uint32_t>(row + static_cast<size_t>(std::countr_zero(left)));
        break;
      }
      values += own;
      row += count;
    }
  }
}

// A word of the bitmap of rows that have a value.
uint64_t PageColumn::valid_bits(size_t word) const {
  uint64_t bits = 0;
  std::memcpy(&bits, validity_ + word * 8,
              std::min<size_t>(8, (static_cast<size_t>(num_rows_) + 7) / 8 - word * 8));
  return bits;
}

// Looks for the few values that pass where codes are packed, and keeps those codes alone. Returns false where
// the page has to be made whole, since much may pass.
bool PageColumn::search_packed(const Page& page, Place& place, const uint64_t* selection) {
  if (search_.of_values.empty()) search_values();
  if (search_.finds_many || page.num_values == 0 || page.values.empty() || search_.few.size() > kFewCodes)
    return false;
  if (page.num_values != page.num_rows && search_.finds_empty) return false;
  const auto found =
      search_hybrid(page.values.subspan(1), page.values[0], page.num_values, search_.few, &search_.hits);
  search_.finds_many = !found;
  if (!found) return false;
  if (!*found) fail("a page ends in its codes");
  check_codes(&search_.hits.greatest, 1);
  clear_page(page);
  numbers_to_rows(page, search_.hits.numbers);
  for (size_t i = 0; i < search_.hits.numbers.size(); ++i) {
    const size_t row = static_cast<size_t>(page.row) + search_.hits.numbers[i];
    if (!(selection[row / 64] >> (row % 64) & 1)) continue;
    reinterpret_cast<uint32_t*>(values_)[row] = search_.hits.values[i];
    search_.rows[row / 64] |= uint64_t{1} << (row % 64);
  }
  place.made = Made::Some;
  place.filled = true;
  note_known(place, search_.rows);
  return true;
}

// Which of 64 codes are wanted and pass.
uint64_t PageColumn::passing(const uint32_t* codes, uint64_t wanted) const {
  uint64_t passes = 0;
  if (wanted == ~uint64_t{0}) {
    for (size_t i = 0; i < 64; ++i) passes |= uint64_t{search_.of_values[codes[i]]} << i;
    return passes;
  }
  for (uint64_t left = wanted; left; left &= left - 1) {
    const auto i = static_cast<size_t>(std::countr_zero(left));
    passes |= uint64_t{search_.of_values[codes[i]]} << i;
  }
  return passes;
}

}  // namespace kqlc::archive
