// SPDX-License-Identifier: Apache-2.0
//
// The values of a page lie close together and are spread to their rows afterwards, from the last one on, so
// that it can be done in place.
#include "runtime/archive/parquet_column.h"

#include <parquet/types.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "runtime/archive/arrow_time.h"
#include "runtime/simd/unicode.h"

namespace kqlc::archive {
namespace {

using parquet::Encoding;
using Sort = parquet::LogicalType::Type;

// Less than one row of so many of a page: the wanted values are read alone.
constexpr int64_t kSparse = 16;

bool is_text(const arrow::DataType& type) {
  if (type.id() == arrow::Type::DICTIONARY)
    return is_text(*static_cast<const arrow::DictionaryType&>(type).value_type());
  return arrow::is_base_binary_like(type.id()) || arrow::is_binary_view_like(type.id());
}

int64_t ticks_of_unit(const parquet::LogicalType& type) {
  switch (static_cast<const parquet::TimestampLogicalType&>(type).time_unit()) {
    case parquet::LogicalType::TimeUnit::MILLIS:
      return datetime::kTicksPerMillisecond;
    case parquet::LogicalType::TimeUnit::MICROS:
      return datetime::kTicksPerMicrosecond;
    default:
      return 0;
  }
}

template <class T>
void look_up(const std::vector<uint32_t>& codes, size_t count, const uint8_t* dictionary, T* out) {
  const T* values = reinterpret_cast<const T*>(dictionary);
  for (size_t i = 0; i < count; ++i) out[i] = values[codes[i]];
}

}  // namespace

PageField page_field(const parquet::ColumnDescriptor& leaf, const arrow::DataType& own, Type requested) {
  if (leaf.max_repetition_level() != 0 || leaf.max_definition_level() > 1) return {};
  const parquet::Type::type physical = leaf.physical_type();
  const parquet::LogicalType* logical = leaf.logical_type().get();
  const bool is_time = logical && logical->type() == Sort::TIMESTAMP;
  switch (requested) {
    case Type::String:
    case Type::Dynamic:
      return {physical == parquet::Type::BYTE_ARRAY && is_text(own) ? PageForm::Text : PageForm::Other};
    case Type::Int:
      return {physical == parquet::Type::INT32 && own.id() == arrow::Type::INT32 ? PageForm::Fixed32
                                                                                 : PageForm::Other};
    case Type::Long:
      return {physical == parquet::Type::INT64 && own.id() == arrow::Type::INT64 ? PageForm::Fixed64
                                                                                 : PageForm::Other};
    case Type::Real:
      return {physical == parquet::Type::DOUBLE && own.id() == arrow::Type::DOUBLE ? PageForm::Fixed64
                                                                                   : PageForm::Other};
    case Type::Bool:
      return {physical == parquet::Type::BOOLEAN && own.id() == arrow::Type::BOOL ? PageForm::Bits
                                                                                  : PageForm::Other};
    case Type::DateTime:
      if (physical != parquet::Type::INT64 || !is_time || own.id() != arrow::Type::TIMESTAMP) return {};
      return {PageForm::Time, ticks_of_unit(*logical)};
    default:
      return {};
  }
}

bool has_plain_pages(const parquet::ColumnChunkMetaData& chunk) {
  return std::ranges::all_of(chunk.encodings(), [](Encoding::type encoding) {
    return encoding == Encoding::PLAIN || is_dictionary(encoding) || encoding == Encoding::RLE ||
           encoding == Encoding::BIT_PACKED;
  });
}

namespace {

// Whether the dictionary has all values of a chunk.
bool is_all_codes(const parquet::ColumnChunkMetaData& chunk) {
  if (!chunk.has_dictionary_page() || chunk.encoding_stats().empty()) return false;
  return std::ranges::all_of(chunk.encoding_stats(), [](const parquet::PageEncodingStats& pages) {
    return pages.page_type == parquet::PageType::DICTIONARY_PAGE || is_dictionary(pages.encoding);
  });
}

}  // namespace

PageColumn::PageColumn(const ColumnRequest& request, PageField field, int leaf, int64_t num_rows,
                       uint64_t position, std::optional<Bounds> bounds, Worker& worker)
    : request_(request),
      field_(field),
      leaf_(leaf),
      num_rows_(num_rows),
      position_(position),
      bounds_(bounds),
      worker_(worker),
      arena_(worker.rows.arena()) {
  column_.type = request.type;
}

// A block of which nobody knows what was written is not given back.
PageColumn::~PageColumn() {
  if (!block_.bytes || is_reading_) return;
  clear_made();
  worker_.late->zeroed.give_back(std::move(block_));
}

// Rows that were not made are 0 already.
void PageColumn::clear_made() {
  const size_t width = fixed_width();
  for (size_t word = 0; word < known_.size(); ++word) {
    if (known_[word] == 0) continue;
    uint8_t* rows = values_ + word * 64 * width;
    const size_t count = std::min<size_t>(64, static_cast<size_t>(num_rows_) - word * 64);
    if (known_[word] == ~uint64_t{0}) {
      std::memset(rows, 0, count * width);
      continue;
    }
    for (uint64_t left = known_[word]; left; left &= left - 1)
      if (const auto row = static_cast<size_t>(std::countr_zero(left)); row < count)
        std::memset(rows + row * width, 0, width);
  }
}

void* PageColumn::zeroed(size_t bytes) {
  void* place = arena_.allocate(bytes);
  std::memset(place, 0, bytes);
  return place;
}

// The bits of a word of a bitmap of all rows that stand for rows of the page.
uint64_t PageColumn::rows_of(const Place& place, size_t word) {
  const auto first = static_cast<size_t>(place.row), end = static_cast<size_t>(place.row + place.num_rows);
  uint64_t bits = ~uint64_t{0};
  if (word == first / 64) bits &= ~uint64_t{0} << (first % 64);
  if (word == end / 64) bits &= (uint64_t{1} << (end % 64)) - 1;
  return bits;
}

size_t PageColumn::last_word(const Place& place) {
  return static_cast<size_t>(place.row + place.num_rows - 1) / 64;
}

// Of a number, or a code.
size_t PageColumn::fixed_width() const {
  return field_.form == PageForm::Text || field_.form == PageForm::Fixed32 ? sizeof(int32_t)
                                                                           : sizeof(int64_t);
}

// How many rows of the page are wanted that were not made; of more than a few, only that they are.
int64_t PageColumn::count_wanted(const Place& place, const uint64_t* selection) const {
  if (place.made == Made::All || place.num_rows == 0) return 0;
  if (!selection) return place.num_rows;
  int64_t wanted = 0;
  const size_t last = last_word(place);
  for (size_t word = static_cast<size_t>(place.row) / 64; word <= last && !is_many(wanted, place); ++word)
    if (const uint64_t bits = selection[word] & ~known_[word])
      wanted += std::popcount(bits & rows_of(place, word));
  return wanted;
}

bool PageColumn::is_many(int64_t rows, const Place& place) {
  return rows > 0 && rows >= place.num_rows / kSparse;
}

bool PageColumn::is_known(const uint64_t* selection) const {
  if (complete_) return true;
  if (!selection || known_.empty()) return false;
  for (size_t word = 0; word < known_.size(); ++word)
    if (selection[word] & ~known_[word]) return false;
  return true;
}

// Whether so few rows are wanted of a page that they are read alone. Texts that are no codes are read in
// order.
bool PageColumn::is_late(const parquet::DataPage& page, const Place& place) const {
  if (field_.form == PageForm::Bits || (field_.form == PageForm::Text && !is_dictionary(page.encoding())))
    return false;
  return place.made == Made::None && !is_many(place.num_wanted, place);
}

void PageColumn::note_known(const Place& place, const uint64_t* selection) {
  const size_t last = last_word(place);
  for (size_t word = static_cast<size_t>(place.row) / 64; word <= last; ++word)
    if (const uint64_t bits = place.made == Made::All ? ~uint64_t{0} : selection[word])
      known_[word] |= bits & rows_of(place, word);
}

void PageColumn::load(arrow::io::RandomAccessFile& file, parquet::RowGroupReader& group,
                      const uint64_t* selection) {
  if (num_rows_ == 0 || is_known(selection)) return;
  known_.resize((static_cast<size_t>(num_rows_) + 63) / 64);
  nullable_ = group.metadata()->schema()->Column(leaf_)->max_definition_level() > 0;
  if (nullable_ && !validity_) validity_ = static_cast<uint8_t*>(zeroed((num_rows_ + 7) / 8));
  read_pages(file, group, selection);
  complete_ = std::ranges::all_of(
      places_, [](const Place& place) { return place.made == Made::All || place.num_rows == 0; });
  clear_rest();
  describe();
}

void PageColumn::read_pages(arrow::io::RandomAccessFile& file, parquet::RowGroupReader& group,
                            const uint64_t* selection) {
  size_t number = 0;  // of the page that comes next
  int64_t row = 0;
  is_reading_ = true;
  ChunkPages pages(file, group, leaf_, worker_, [&](const parquet::DataPageStats& page) {
    if (page.num_values < 0 || page.num_values > num_rows_ - row) fail("a page has more rows than its group");
    if (number == places_.size()) places_.push_back({row, page.num_values});
    Place& place = places_[number++];
    row += place.num_rows;
    place.num_wanted = count_wanted(place, selection);
    return place.num_wanted == 0;
  });
  while (auto page = pages.next()) {
    if (page->type() == parquet::PageType::DICTIONARY_PAGE) {
      take_dictionary(pages, std::move(page));
    } else if (page->type() == parquet::PageType::DATA_PAGE ||
               page->type() == parquet::PageType::DATA_PAGE_V2) {
      if (number == 0) fail("a page was not announced");
      Place& place = places_[number - 1];
      auto& data = static_cast<const parquet::DataPage&>(*page);
      if (data.num_values() != place.num_rows) fail("a page has another number of rows than was announced");
      if (is_late(data, place)) {
        put_off(pages, std::move(page), number - 1, selection);
      } else {
        take_data(pages, data, number - 1, selection);
      }
    }
  }
  take_late(selection);
  if (row != num_rows_) fail("the pages have fewer rows than their group");
  is_reading_ = false;
}

bool PageColumn::find_values(arrow::io::RandomAccessFile& file, parquet::RowGroupReader& group,
                             Column* values, int64_t* size) {
  if (field_.form != PageForm::Text || !places_.empty() || num_rows_ == 0) return false;
  if (!has_dictionary_) {
    auto chunk = group.metadata()->ColumnChunk(leaf_);
    if (!is_all_codes(*chunk)) return false;
    ChunkPages pages(file, group, leaf_, worker_, nullptr, true);
    auto page = pages.next();
    if (!page || page->type() != parquet::PageType::DICTIONARY_PAGE) return false;
    take_dictionary(pages, std::move(page));
  }
  // One without values is a contradiction, which the codes show.
  if (dictionary_size_ == 0 || static_cast<int64_t>(dictionary_size_) > num_rows_ / kFewValues) return false;
  values->type = request_.type;
  values->encoding = kqlc::Encoding::Strs;
  values->values = dictionary_;
  *size = static_cast<int64_t>(dictionary_size_);
  return true;
}

// Rows of pages that were not asked for, or hold only nulls, are 0, or have code 0.
void PageColumn::clear_rest() {
  const size_t width = fixed_width();
  if (!values_ || block_.bytes || field_.form == PageForm::Bits) return;
  for (const Place& place : places_)
    if (!place.filled)
      std::memset(values_ + static_cast<size_t>(place.row) * width, 0,
                  static_cast<size_t>(place.num_rows) * width);
}

// How many of a page's bytes stand in front of its values: levels, behind their length unless they are old.
// None where levels stand apart.
size_t PageColumn::levels_end(const parquet::DataPage& page, PageBytes bytes) const {
  if (!nullable_ || page.type() != parquet::PageType::DATA_PAGE) return 0;
  if (has_old_levels(page)) return (static_cast<size_t>(page.num_values()) + 7) / 8;
  uint32_t length;
  if (bytes.size() < sizeof length) fail("a page ends in its levels");
  std::memcpy(&length, bytes.data(), sizeof length);
  return sizeof length + length;
}

// Sets the bits of the rows that have a value, counts them, and returns levels_end().
size_t PageColumn::read_levels(const parquet::DataPage& page, PageBytes apart, PageBytes bytes,
                               const Place& place, size_t* num_values) {
  const auto rows = static_cast<size_t>(place.num_rows), begin = static_cast<size_t>(place.row);
  *num_values = rows;
  if (!nullable_) return 0;
  const bool old = has_old_levels(page);
  const size_t end = levels_end(page, bytes), head = end == 0 || old ? 0 : sizeof(uint32_t);
  if (bytes.size() < end) fail("a page ends in its levels");
  const PageBytes levels = end == 0 ? apart : bytes.first(end).subspan(head);
  const int64_t set =
      old ? decode_old_bits(levels, rows, validity_, begin) : decode_bits(levels, rows, validity_, begin);
  if (set < 0) fail("a page has fewer levels than rows");
  *num_values = static_cast<size_t>(set);
  has_nulls_ |= *num_values != rows;
  return end;
}

// Texts that are not in the dictionary stay where they are unpacked, unless some are looked for.
void PageColumn::take_data(ChunkPages& pages, const parquet::DataPage& page, size_t number,
                           const uint64_t* selection) {
  const bool keep = field_.form == PageForm::Text && !is_dictionary(page.encoding());
  Place& place = places_[number];
  Page read{place.row, static_cast<size_t>(place.num_rows), 0, page.encoding(), {}};
  if (keep && search_.filter) {
    if (page.encoding() != Encoding::PLAIN) fail("a page has another encoding than its column says");
    const ChunkPages::Data data = pages.read_data(page, false);
    read.values = data.values.subspan(read_levels(page, data.levels, data.values, place, &read.num_values));
    if (search_texts(read, place, selection)) return;
  }
  const ChunkPages::Data data =
      is_dictionary(page.encoding()) ? pages.read_codes(page, number) : pages.read_data(page, keep);
  read.values = data.values.subspan(read_levels(page, data.levels, data.values, place, &read.num_values));
  if (search_.filter && !keep && search_packed(read, place, selection)) return;
  take_page(read);
  place.made = Made::All;
  place.filled = read.num_values > 0;
  note_known(place, selection);
  if (!search_.filter) return;
  if (keep)
    search_made(read, selection);
  else
    search_codes(place, selection);
}

void PageColumn::take_page(const Page& page) {
  if (page.num_values == 0) return;
  switch (field_.form) {
    case PageForm::Fixed32:
      return take_fixed(page, sizeof(int32_t));
    case PageForm::Fixed64:
      return take_fixed(page, sizeof(int64_t));
    case PageForm::Time:
      take_fixed(page, sizeof(int64_t));
      return take_times(page);
    case PageForm::Bits:
      return take_bits(page);
    default:
      if (is_dictionary(page.encoding)) return take_codes(page);
      return has_dictionary_ ? add_texts(page) : take_texts(page);
  }
}

// One of numbers is unpacked when it is known which of them are wanted; when it is asked for again, as a
// whole.
void PageColumn::take_dictionary(ChunkPages& pages, std::shared_ptr<parquet::Page> page) {
  if (has_dictionary_ && (field_.form == PageForm::Text || fixed_dictionary_.is_whole())) return;
  const bool is_again = has_dictionary_;
  auto& stored = static_cast<const parquet::DictionaryPage&>(*page);
  if (stored.encoding() != Encoding::PLAIN && stored.encoding() != Encoding::PLAIN_DICTIONARY)
    fail("a dictionary is not plain");
  if (stored.num_values() < 0) fail("a dictionary has a negative size");
  dictionary_size_ = static_cast<size_t>(stored.num_values());
  has_dictionary_ = true;
  if (field_.form == PageForm::Text) {
    const std::span<uint8_t> bytes = pages.keep_dictionary(stored);
    if (texts_) fail("a dictionary comes behind texts");
    if (dictionary_size_ > bytes.size() / sizeof(uint32_t)) fail("a dictionary ends in a text");
    dictionary_ = arena_.allocate_array<Str>(dictionary_size_);
    find_texts(bytes, dictionary_size_, dictionary_);
    num_texts_ = dictionary_size_;
    return;
  }
  if (field_.form == PageForm::Bits) fail("truth values have a dictionary");
  fixed_dictionary_ = pages.late_dictionary(stored, fixed_dictionary_.bytes());
  if (bounds_) fixed_dictionary_.end_early();
  dictionary_page_ = std::move(page);
  if (fixed_dictionary_.bytes().size() / fixed_width() < dictionary_size_)
    fail("a dictionary ends in a value");
  if (is_again) fixed_dictionary_.need_all();
}

// The codes of a page's values, each inside the dictionary.
void PageColumn::decode_codes(const Page& page, uint32_t* out) const {
  const PageBytes bytes = page.values;
  if (bytes.empty() || !decode_hybrid(bytes.subspan(1), bytes[0], page.num_values, out))
    fail("a page ends in its codes");
  check_codes(out, page.num_values);
}

// Quicker than to find the largest code: a dictionary has fewer than 2^31 values, so of a code that is
// outside either the code itself or what it lacks to the last one has the highest bit.
void PageColumn::check_codes(const uint32_t* codes, size_t count) const {
  const auto size = static_cast<uint32_t>(dictionary_size_);
  uint32_t all = 0;
  for (size_t i = 0; i < count; ++i) all |= codes[i] | (size - 1 - codes[i]);
  if (count && (size == 0 || all >> 31)) fail("a code is outside the dictionary");
}

void PageColumn::take_fixed(const Page& page, size_t width) {
  if (!values_) values_ = static_cast<uint8_t*>(arena_.allocate(static_cast<size_t>(num_rows_) * width));
  uint8_t* out = values_ + static_cast<size_t>(page.row) * width;
  if (is_dictionary(page.encoding)) {
    codes_.resize(page.num_values);
    decode_codes(page, codes_.data());
    fixed_dictionary_.need_all();
    if (width == sizeof(int32_t))
      look_up(codes_, page.num_values, fixed_dictionary_.bytes().data(), reinterpret_cast<int32_t*>(out));
    else
      look_up(codes_, page.num_values, fixed_dictionary_.bytes().data(), reinterpret_cast<int64_t*>(out));
  } else {
    if (page.encoding != Encoding::PLAIN) fail("a page has another encoding than its column says");
    if (page.values.size() / width < page.num_values) fail("a page ends in a value");
    std::memcpy(out, page.values.data(), page.num_values * width);
  }
  const auto row = static_cast<size_t>(page.row);
  if (width == sizeof(int32_t))
    spread(reinterpret_cast<int32_t*>(out), page.num_values, page.num_rows, validity_, row);
  else
    spread(reinterpret_cast<int64_t*>(out), page.num_values, page.num_rows, validity_, row);
}

// A time that no datetime can be is null.
void PageColumn::take_times(const Page& page) {
  auto* times = reinterpret_cast<int64_t*>(values_) + page.row;
  for (size_t i = 0; i < page.num_rows; ++i) {
    const int64_t row = page.row + static_cast<int64_t>(i), value = times[i];
    if (datetime_ticks(value, field_.ticks, &times[i])) continue;
    times[i] = 0;
    if (validity_ && !bit_at(validity_, row)) continue;
    count_problem(&worker_.report, request_.name, position_ + static_cast<uint64_t>(row),
                  std::to_string(value), request_.type);
    if (!validity_) {
      validity_ = static_cast<uint8_t*>(zeroed((num_rows_ + 7) / 8));
      std::memset(validity_, 0xFF, (num_rows_ + 7) / 8);
    }
    validity_[row / 8] &= static_cast<uint8_t>(~(1u << (row % 8)));
    has_nulls_ = true;
  }
}

void PageColumn::take_bits(const Page& page) {
  if (!values_) values_ = static_cast<uint8_t*>(zeroed((num_rows_ + 7) / 8));
  std::vector<uint8_t> bits((page.num_values + 7) / 8);
  PageBytes from = page.values;
  if (page.encoding == Encoding::PLAIN) {
    if (from.size() < bits.size()) fail("a page ends in a value");
    std::memcpy(bits.data(), from.data(), bits.size());
  } else {
    if (page.encoding != Encoding::RLE || from.size() < sizeof(uint32_t))
      fail("a page has another encoding than its column says");
    if (decode_bits(from.subspan(sizeof(uint32_t)), page.num_values, bits.data(), 0) < 0)
      fail("a page ends in a value");
  }
  int64_t next = 0;
  for (int64_t row = page.row; row < page.row + static_cast<int64_t>(page.num_rows); ++row) {
    if (validity_ && !bit_at(validity_, row)) continue;
    if (bit_at(bits.data(), next++)) values_[row / 8] |= static_cast<uint8_t>(1u << (row % 8));
  }
}

void PageColumn::take_codes(const Page& page) {
  if (!values_)
    values_ = static_cast<uint8_t*>(arena_.allocate(static_cast<size_t>(num_rows_) * sizeof(uint32_t)));
  uint32_t* out = reinterpret_cast<uint32_t*>(values_) + page.row;
  decode_codes(page, out);
  spread(out, page.num_values, page.num_rows, validity_, static_cast<size_t>(page.row));
}

// Puts a page's texts behind those of the dictionary, where every row has a code of its own.
void PageColumn::add_texts(const Page& page) {
  if (page.encoding != Encoding::PLAIN) fail("a page has another encoding than its column says");
  if (page.num_values > page.values.size() / sizeof(uint32_t)) fail("a page ends in a text");
  if (!has_room_) make_room();
  find_texts(page.values, page.num_values, dictionary_ + num_texts_);
  uint32_t* out = reinterpret_cast<uint32_t*>(values_) + page.row;
  for (size_t i = 0; i < page.num_values; ++i) out[i] = static_cast<uint32_t>(num_texts_ + i);
  num_texts_ += page.num_values;
  spread(out, page.num_values, page.num_rows, validity_, static_cast<size_t>(page.row));
}

// A row that was found may be made once more, with its page.
void PageColumn::make_room() {
  const size_t rows = static_cast<size_t>(num_rows_) * (search_.filter ? 2 : 1);
  Str* texts = arena_.allocate_array<Str>(dictionary_size_ + rows);
  std::copy_n(dictionary_, dictionary_size_, texts);
  dictionary_ = texts;
  has_room_ = true;
  if (!values_)
    values_ = static_cast<uint8_t*>(arena_.allocate(static_cast<size_t>(num_rows_) * sizeof(uint32_t)));
}

void PageColumn::take_texts(const Page& page) {
  if (!texts_) texts_ = static_cast<Str*>(zeroed(static_cast<size_t>(num_rows_) * sizeof(Str)));
  if (page.encoding != Encoding::PLAIN) fail("a page has another encoding than its column says");
  if (page.num_values > page.values.size() / sizeof(uint32_t)) fail("a page ends in a text");
  Str* out = texts_ + page.row;
  find_texts(page.values, page.num_values, out);
  spread(out, page.num_values, page.num_rows, validity_, static_cast<size_t>(page.row));
}

// Texts that are no UTF-8 are repaired.
void PageColumn::find_texts(std::span<uint8_t> bytes, size_t count, Str* out) {
  if (!split_texts(bytes, count, out)) fail("a page ends in a text");
  if (simd::is_utf8({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) return;
  for (Str& text : std::span(out, count)) text = worker_.repaired(text);
}

// A column of which every row is null needs no values.
void PageColumn::describe() {
  column_.validity = has_nulls_ ? validity_ : nullptr;
  column_.encoding = kqlc::Encoding::Missing;
  if (texts_) {
    column_.encoding = kqlc::Encoding::Strs;
    column_.values = texts_;
    column_.dictionary = nullptr;
  } else if (values_ && field_.form == PageForm::Text) {
    dictionary_column_.type = request_.type;
    dictionary_column_.encoding = kqlc::Encoding::Strs;
    dictionary_column_.values = dictionary_;
    column_.encoding = kqlc::Encoding::Dictionary;
    column_.values = values_;
    column_.dictionary = &dictionary_column_;
    column_.dictionary_size = static_cast<int64_t>(num_texts_);
  } else if (values_) {
    column_.encoding = physical_type(request_.type).encoding;
    column_.values = values_;
  }
}

}  // namespace kqlc::archive
