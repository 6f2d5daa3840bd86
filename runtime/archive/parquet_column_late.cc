// SPDX-License-Identifier: Apache-2.0
//
// Pages of which few values are wanted. First the levels in front of them, then their codes or values, then
// the dictionary's values of all codes: each of these steps is made for all pages of the chunk at once.

#include <algorithm>
#include <bit>
#include <cstring>

#include "runtime/archive/arrow_time.h"
#include "runtime/archive/parquet_column.h"

namespace kqlc::archive {
namespace {

using parquet::Encoding;

// Levels of a page with few runs of nulls are not longer.
constexpr size_t kLevelBytes = 256;
// One row of so many, or less, is few.
constexpr int64_t kRowsOfFew = 1024;
// So many pages are read together; more would only take memory.
constexpr size_t kMostLate = 64;
// Runs of codes begin with a few bytes that a guess of their length leaves out.
constexpr size_t kRunBytes = 64;

}  // namespace

// Where more than a few values are wanted, most of a page's streams hold one, and most of a dictionary's:
// then they are unpacked at once.
void PageColumn::put_off(ChunkPages& pages, std::shared_ptr<parquet::Page> page, size_t place,
                         const uint64_t* selection) {
  auto& data = static_cast<const parquet::DataPage&>(*page);
  if (data.encoding() != Encoding::PLAIN && !is_dictionary(data.encoding()))
    fail("a page has another encoding than its column says");
  const auto rows = static_cast<size_t>(places_[place].num_rows);
  LatePage& late = late_.emplace_back();
  late.place = place;
  late.page = {places_[place].row, rows, rows, data.encoding(), {}};
  const bool is_few = places_[place].num_wanted <= places_[place].num_rows / kRowsOfFew;
  if (is_few) {
    late.data = pages.late_data(data, place, late_.size());
  } else {
    const ChunkPages::Data whole = pages.read_data(data, false);
    late.data = {whole.levels, LateBytes(whole.values)};
    if (field_.form != PageForm::Text && has_dictionary_) fixed_dictionary_.need_all();
  }
  late.stored = std::move(page);
  if (!is_few || late_.size() == kMostLate) take_late(selection);
}

void PageColumn::take_late(const uint64_t* selection) {
  if (late_.empty()) return;
  if (nullable_) read_late_levels(selection);
  for (LatePage& late : late_) {
    choose_rows(late, selection);
    want_values(late);
  }
  unpack_late();
  for (LatePage& late : late_)
    if (is_dictionary(late.page.encoding)) pick_codes(late);
  if (field_.form != PageForm::Text) unpack_dictionary();
  for (LatePage& late : late_) {
    Place& place = places_[late.place];
    place.made = Made::Some;
    if (late.page.num_values > 0 && !take_chosen(late)) {
      late.data.values.need_all();
      late.page.values = late.data.values.bytes().subspan(late.values_begin);
      take_page(late.page);
      place.made = Made::All;
    }
    place.filled = late.page.num_values > 0;
    note_known(place, selection);
    if (search_.filter) search_codes(place, selection);
  }
  late_.clear();
}

void PageColumn::unpack_late() {
  std::vector<LateBytes*> all;
  for (LatePage& late : late_) all.push_back(&late.data.values);
  LateBytes::unpack(all);
}

// How many rows of the page there are up to the last that is selected.
size_t PageColumn::rows_behind(const LatePage& late, const uint64_t* selection) const {
  const Place& place = places_[late.place];
  for (size_t word = last_word(place) + 1; word-- > static_cast<size_t>(place.row) / 64;) {
    if (selection[word] == 0) continue;
    if (const uint64_t bits = selection[word] & rows_of(place, word))
      return word * 64 + static_cast<size_t>(64 - std::countl_zero(bits)) - static_cast<size_t>(place.row);
  }
  return 0;
}

// Codes stand close behind their levels: what is probably wanted of them is unpacked at once.
void PageColumn::read_late_levels(const uint64_t* selection) {
  for (LatePage& late : late_) {
    const size_t size = late.data.values.bytes().size();
    const size_t codes =
        is_dictionary(late.page.encoding) ? size * rows_behind(late, selection) / late.page.num_rows : 0;
    late.data.values.want(0, std::min(size, codes + kLevelBytes));
  }
  unpack_late();
  for (LatePage& late : late_) {
    auto& page = static_cast<const parquet::DataPage&>(*late.stored);
    LateBytes& values = late.data.values;
    values.need_first(sizeof(uint32_t));
    values.need_first(levels_end(page, values.bytes()));
    late.values_begin =
        read_levels(page, late.data.levels, values.bytes(), places_[late.place], &late.page.num_values);
  }
}

// The rows of the page that are selected and have a value, and which of its values are theirs.
void PageColumn::choose_rows(LatePage& late, const uint64_t* selection) const {
  const Page& page = late.page;
  const auto first = static_cast<size_t>(page.row);
  const bool has_nulls = page.num_values != page.num_rows;
  size_t counted = 0, values = 0;  // the rows before, and their values
  for (size_t i = 0; i < page.num_rows;) {
    const size_t row = first + i, word = row / 64;
    const uint64_t bits = selection[word] >> (row % 64);
    if (bits == 0) {
      i += 64 - row % 64;
      continue;
    }
    i += static_cast<size_t>(std::countr_zero(bits));
    if (i >= page.num_rows) break;
    for (; has_nulls && counted < i; ++counted)
      values += bit_at(validity_, static_cast<int64_t>(first + counted));
    if (!has_nulls || bit_at(validity_, static_cast<int64_t>(first + i))) {
      late.rows.push_back(static_cast<uint32_t>(i));
      late.values.push_back(static_cast<uint32_t>(has_nulls ? values : i));
    }
    ++i;
  }
}

// Codes are found from the first one on, so all up to the last that is wanted are; about how many bytes these
// take is guessed.
void PageColumn::want_values(LatePage& late) const {
  LateBytes& bytes = late.data.values;
  const size_t begin = late.values_begin, size = bytes.bytes().size() - begin;
  if (late.values.empty()) return;
  if (is_dictionary(late.page.encoding)) {
    const size_t share = (late.values.back() + size_t{1}) * size / late.page.num_values;
    return bytes.want_first(begin + std::min(size, share + kRunBytes));
  }
  const size_t width = fixed_width();
  if (size / width < late.page.num_values) fail("a page ends in a value");
  if (bounds_) bytes.end_early();
  for (uint32_t value : late.values) bytes.want(begin + value * width, begin + (value + size_t{1}) * width);
}

void PageColumn::pick_codes(LatePage& late) const {
  LateBytes& values = late.data.values;
  const size_t head = late.values_begin + 1;
  if (late.page.num_values > 0 && values.bytes().size() < head) fail("a page ends in its codes");
  late.codes.resize(late.values.size());
  if (late.codes.empty()) return;
  values.need_first(head);
  const PageBytes bytes = values.bytes();
  if (!pick_hybrid(bytes.subspan(head), bytes[head - 1], late.values, late.codes.data(),
                   [&](size_t count) { values.need_first(head + count); }))
    fail("a page ends in its codes");
  check_codes(late.codes.data(), late.codes.size());
}

// What the codes of all pages stand for.
void PageColumn::unpack_dictionary() {
  std::vector<uint32_t> codes;
  for (const LatePage& late : late_) codes.insert(codes.end(), late.codes.begin(), late.codes.end());
  std::ranges::sort(codes);
  const auto same = std::ranges::unique(codes);
  codes.erase(same.begin(), same.end());
  const size_t width = fixed_width();
  for (uint32_t code : codes) fixed_dictionary_.want(code * width, (code + size_t{1}) * width);
  LateBytes* const dictionary = &fixed_dictionary_;
  LateBytes::unpack({&dictionary, 1});
}

// Makes room for the values of a page of which some rows are made.
void PageColumn::clear_page(const Page& page) {
  const size_t width = fixed_width();
  if (!values_) {
    block_ = worker_.late_memory().zeroed.take(static_cast<size_t>(num_rows_) * width);
    values_ = block_.bytes.get();
  }
  if (!block_.bytes) std::memset(values_ + static_cast<size_t>(page.row) * width, 0, page.num_rows * width);
}

// Whether each of the values that were made may be one of the row group.
bool PageColumn::are_bounded(const LatePage& late) const {
  const auto fits = [&](int64_t value) { return value >= bounds_->least && value <= bounds_->greatest; };
  const uint8_t* values = values_ + static_cast<size_t>(late.page.row) * fixed_width();
  return std::ranges::all_of(late.rows, [&](uint32_t row) {
    return field_.form == PageForm::Fixed32 ? fits(reinterpret_cast<const int32_t*>(values)[row])
                                            : fits(reinterpret_cast<const int64_t*>(values)[row]);
  });
}

// Returns false where the page has to be taken as a whole: where a time is none, which is counted once, and
// where a value is none of the row group's, so either that or what the file says of them is damaged.
bool PageColumn::take_chosen(const LatePage& late) {
  const size_t width = fixed_width();
  clear_page(late.page);
  const uint8_t* dictionary = fixed_dictionary_.bytes().data();
  if (width == sizeof(int32_t))
    take_chosen_values(late, reinterpret_cast<const uint32_t*>(dictionary));
  else
    take_chosen_values(late, reinterpret_cast<const uint64_t*>(dictionary));
  auto* times = reinterpret_cast<int64_t*>(values_) + late.page.row;
  if (field_.form == PageForm::Time && !std::ranges::all_of(late.rows, [&](uint32_t row) {
        return datetime_ticks(times[row], field_.ticks, &times[row]);
      }))
    return false;
  return !bounds_ || are_bounded(late);
}

// Without a dictionary of numbers, codes are what is wanted.
template <class T>
void PageColumn::take_chosen_values(const LatePage& late, const T* dictionary) {
  T* out = reinterpret_cast<T*>(values_) + late.page.row;
  const uint8_t* values = late.data.values.bytes().data() + late.values_begin;
  for (size_t i = 0; i < late.rows.size(); ++i) {
    T& value = out[late.rows[i]];
    if (!is_dictionary(late.page.encoding))
      std::memcpy(&value, values + size_t{late.values[i]} * sizeof(T), sizeof(T));
    else
      value = dictionary ? dictionary[late.codes[i]] : static_cast<T>(late.codes[i]);
  }
}

}  // namespace kqlc::archive
