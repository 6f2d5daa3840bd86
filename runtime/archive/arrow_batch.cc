// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a mapped file may change while they are looked at, so each number that says where something is
// is read once: into its copy, which is what is checked and what is followed.
#include "runtime/archive/arrow_batch.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <mutex>

#include "runtime/archive/arrow_time.h"
#include "runtime/archive/arrow_validate.h"
#include "runtime/simd/unicode.h"

namespace kqlc::archive {
namespace {

// With fewer wanted rows than this share of all, only they are made.
constexpr int64_t kSparse = 8;
// Text that is looked at twice in a row.
constexpr int32_t kBytesAtOnce = 1 << 15;

arrow::Status contradiction(const ColumnRequest& column) {
  return arrow::Status::Invalid("column ", column.name, " contradicts itself");
}

int64_t unit_of(const arrow::DataType& type) {
  switch (static_cast<const arrow::TimestampType&>(type).unit()) {
    case arrow::TimeUnit::SECOND:
      return datetime::kTicksPerSecond;
    case arrow::TimeUnit::MILLI:
      return datetime::kTicksPerMillisecond;
    case arrow::TimeUnit::MICRO:
      return datetime::kTicksPerMicrosecond;
    default:
      return 0;
  }
}

const uint8_t* validity_of(const arrow::Array& array) {
  auto& bits = array.data()->buffers[0];
  return bits && array.null_count() ? bits->data() : nullptr;
}

// Calls `visit` with each wanted row until it returns false; returns whether it never did.
template <class Visit>
bool visit_rows(int64_t num_rows, const uint64_t* selection, Visit visit) {
  if (!selection) {
    for (int64_t row = 0; row < num_rows; ++row)
      if (!visit(row)) return false;
    return true;
  }
  for (int64_t word = 0; word * 64 < num_rows; ++word)
    for (uint64_t bits = selection[word]; bits; bits &= bits - 1)
      if (const int64_t row = word * 64 + std::countr_zero(bits); row < num_rows && !visit(row)) return false;
  return true;
}

// Whether no text begins inside a character; then all are UTF-8 where the whole is.
bool begin_well(const int32_t* offsets, int64_t count, const char* data) {
  bool well = true;
  for (int64_t i = 0; i < count && offsets[i] < offsets[count]; ++i)
    well &= (static_cast<uint8_t>(data[offsets[i]]) & 0xC0) != 0x80;
  return well;
}

// Whether each of the texts is UTF-8. They are looked at some at a time, so that where they begin is still in
// the cache.
bool are_utf8(const int32_t* offsets, int64_t count, const char* data) {
  for (int64_t begin = 0, end = 0; begin < count; begin = end) {
    for (end = begin + 1; end < count && offsets[end] - offsets[begin] < kBytesAtOnce;) ++end;
    const std::string_view some(data + offsets[begin], static_cast<size_t>(offsets[end] - offsets[begin]));
    if (!simd::is_ascii(some) && !(simd::is_utf8(some) && begin_well(offsets + begin, end - begin, data)))
      return false;
  }
  return true;
}

// What offsets into text lead to.
struct TextBytes {
  const char* data = nullptr;
  int64_t size = 0;
};
TextBytes bytes_of(const arrow::ArrayData& data) {
  auto& buffer = data.buffers[2];
  if (!buffer) return {};
  return {reinterpret_cast<const char*>(buffer->data()), buffer->size()};
}

// Copies bytes; of a mapped file if there is a copier.
bool copy_bytes(const PlaceCopier* copier, const void* from, size_t bytes, void* out) {
  if (copier) return copier->copy_bytes(from, bytes, out);
  std::memcpy(out, from, bytes);
  return true;
}

// The offsets of `count` texts and one more, each checked after it was read.
bool copy_offsets(const PlaceCopier* copier, const arrow::ArrayData& data, int64_t count, int32_t* out) {
  if (!data.buffers[1] || data.buffers[1]->size() < (data.offset + count + 1) * int64_t{sizeof(int32_t)})
    return false;
  if (!copy_bytes(copier, reinterpret_cast<const int32_t*>(data.buffers[1]->data()) + data.offset,
                  static_cast<size_t>(count + 1) * sizeof(int32_t), out))
    return false;
  bool grow = out[0] >= 0;
  for (int64_t i = 0; i < count; ++i) grow &= out[i] <= out[i + 1];
  return grow && out[count] <= bytes_of(data).size;
}

// Times that are looked at at once: read from a mapped file they stay in the cache, and no page of it is
// mapped.
constexpr int64_t kTimesAtOnce = 8192;

struct TimeBounds {
  int64_t least = std::numeric_limits<int64_t>::max(), greatest = std::numeric_limits<int64_t>::min();

  // Of `count` rows from `first` on, whose times stand in `times`.
  void include(const int64_t* times, const uint8_t* validity, int64_t first, int64_t count) {
    // Several of each, so that none waits for the one before.
    constexpr int64_t kLanes = 4;
    int64_t least_of[kLanes], greatest_of[kLanes];
    std::ranges::fill(least_of, least);
    std::ranges::fill(greatest_of, greatest);
    const auto include_row = [&](int64_t lane, int64_t row) {
      least_of[lane] = std::min(least_of[lane], times[row]);
      greatest_of[lane] = std::max(greatest_of[lane], times[row]);
    };
    int64_t row = 0;
    for (; !validity && row + kLanes <= count; row += kLanes)
      for (int64_t lane = 0; lane < kLanes; ++lane) include_row(lane, row + lane);
    for (; row < count; ++row)
      if (!validity || bit_at(validity, first + row)) include_row(0, row);
    least = std::ranges::min(least_of);
    greatest = std::ranges::max(greatest_of);
  }
};

}  // namespace

arrow::Result<const TextDictionaries::Texts*> TextDictionaries::find(
    const std::shared_ptr<arrow::ArrayData>& dictionary, ScanReport* report) {
  std::lock_guard lock(mutex_);
  for (const auto& [data, texts] : known_)
    if (data == dictionary) return texts.get();
  auto made = std::make_unique<Texts>();
  made->size = dictionary->length;
  std::vector<int32_t> offsets(static_cast<size_t>(made->size) + 1);
  if (made->size && !copy_offsets(nullptr, *dictionary, made->size, offsets.data()))
    return arrow::Status::Invalid("a dictionary contradicts itself");
  const char* data = bytes_of(*dictionary).data;
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    Str text(data + offsets[i], static_cast<uint64_t>(offsets[i + 1] - offsets[i]));
    if (text.size == 0) text = {};
    if (!simd::is_utf8(text.view())) {
      text = made->arena.copy(Str(std::string_view(simd::repair_utf8(text.view()))));
      ++report->repaired_lines;
    }
    made->texts.push_back(text);
  }
  made->column.encoding = Encoding::Strs;
  made->column.values = made->texts.data();
  return known_.emplace_back(dictionary, std::move(made)).second.get();
}

BatchColumns::BatchColumns(const File& file, const arrow::RecordBatch& batch, uint64_t row, size_t first,
                           size_t count, PlaceCopier* copier, TextDictionaries& dictionaries, Worker& worker)
    : num_rows_(batch.num_rows()),
      position_(position_of(file, row)),
      first_(first),
      requests_(std::span(worker.request.columns).subspan(first, count)),
      copier_(copier),
      dictionaries_(dictionaries),
      worker_(worker) {
  for (const ColumnRequest& request : requests_) {
    Source& source = sources_.emplace_back();
    source.array = batch.GetColumnByName(request.name);
    if (source.array) source.kind = kind_of(*source.array, request.type);
    if (!source.array && row == 0) ++worker.report.missing_columns[request.name];
    columns_.emplace_back().type = request.type;
  }
}

BatchColumns::Kind BatchColumns::kind_of(const arrow::Array& array, Type requested) {
  const bool is_text = requested == Type::String || requested == Type::Dynamic;
  if (array.offset() != 0) return Kind::Other;
  switch (array.type_id()) {
    case arrow::Type::DICTIONARY: {
      auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      const bool known = is_text && coded.indices()->type_id() == arrow::Type::INT32 &&
                         coded.dictionary()->type_id() == arrow::Type::STRING &&
                         coded.dictionary()->null_count() == 0;
      return known ? Kind::Codes : Kind::Other;
    }
    case arrow::Type::STRING:
      return is_text ? Kind::Texts : Kind::Other;
    case arrow::Type::TIMESTAMP:
      return requested == Type::DateTime ? Kind::Times : Kind::Other;
    default:
      return Kind::Other;
  }
}

void BatchColumns::emit(bool late, const std::shared_ptr<const StableMemory>* stable) {
  Batch batch;
  batch.num_rows = num_rows_;
  batch.position = position_;
  batch.columns = columns_.data();
  batch.num_columns = columns_.size();
  batch.first_column = first_;
  batch.stable = stable;
  batch.loader = late ? this : nullptr;
  if (num_rows_) worker_.emit(batch);
  if (failure_)
    worker_.report.rows -= static_cast<uint64_t>(num_rows_);  // of no use to whoever asked for all
  worker_.rows.clear();
}

bool BatchColumns::is_sparse(const uint64_t* selection) const {
  int64_t wanted = 0;
  for (int64_t word = 0; word * 64 < num_rows_; ++word) wanted += std::popcount(selection[word]);
  return wanted < num_rows_ / kSparse;
}

// The second time, all rows are made.
bool BatchColumns::load(size_t column, const uint64_t* selection) {
  Source& source = sources_[column];
  if (source.failed) return false;
  if (source.complete || source.kind == Kind::Missing || num_rows_ == 0) return true;
  if (source.begun || (selection && !is_sparse(selection))) selection = nullptr;
  arrow::Status status = make(column, selection);
  source.begun = true;
  source.complete = status.ok() && (!selection || source.kind == Kind::Other);
  source.failed = !status.ok();
  if (source.failed && !failure_) failure_ = status;
  return status.ok();
}

// Ticks grow with the numbers they are made of. A number that is no time spoils the range.
bool BatchColumns::find_range(size_t column, int64_t* least, int64_t* greatest) {
  const Source& source = sources_[column];
  if (source.kind != Kind::Times || num_rows_ == 0 || !source.array->Validate().ok()) return false;
  const auto* times = reinterpret_cast<const int64_t*>(source.array->data()->buffers[1]->data());
  const uint8_t* validity = validity_of(*source.array);
  TimeBounds bounds;
  std::vector<int64_t> some(static_cast<size_t>(std::min(num_rows_, kTimesAtOnce)));
  for (int64_t row = 0; row < num_rows_; row += kTimesAtOnce) {
    const int64_t count = std::min(kTimesAtOnce, num_rows_ - row);
    if (!copy_bytes(copier_, times + row, static_cast<size_t>(count) * sizeof *times, some.data()))
      return false;
    bounds.include(some.data(), validity, row, count);
  }
  const int64_t scale = unit_of(*source.array->type());
  return bounds.least <= bounds.greatest && datetime_ticks(bounds.least, scale, least) &&
         datetime_ticks(bounds.greatest, scale, greatest);
}

bool BatchColumns::find_values(size_t column, Column* values, int64_t* size) {
  const Source& source = sources_[column];
  if (source.kind != Kind::Codes || source.begun || !source.array->Validate().ok()) return false;
  auto& coded = static_cast<const arrow::DictionaryArray&>(*source.array);
  if (coded.dictionary()->length() > num_rows_ / kFewValues) return false;
  auto texts = dictionaries_.find(coded.data()->dictionary, &worker_.report);
  if (!texts.ok()) return false;
  *values = (*texts)->column;
  *size = (*texts)->size;
  return true;
}

bool BatchColumns::load_all(const uint64_t* selection) {
  for (size_t i = 0; i < columns_.size(); ++i)
    if (!load(i, selection)) return false;
  return true;
}

arrow::Status BatchColumns::make(size_t column, const uint64_t* selection) {
  Source& source = sources_[column];
  if (!source.begun) ARROW_RETURN_NOT_OK(source.array->Validate());
  switch (source.kind) {
    case Kind::Codes:
      return make_codes(column, selection);
    case Kind::Texts:
      return selection ? make_texts(column, selection) : make_all_texts(column);
    case Kind::Times:
      return make_times(column, selection);
    default:
      return make_other(column);
  }
}

arrow::Status BatchColumns::make_other(size_t column) {
  std::shared_ptr<arrow::Array>& array = sources_[column].array;
  if (copier_) {
    ARROW_ASSIGN_OR_RAISE(auto copied, copier_->copy(*array->data()));
    array = arrow::MakeArray(copied);
  }
  ARROW_ASSIGN_OR_RAISE(array, validate_array(array));
  columns_[column] = make_column(*array, requests_[column], position_, worker_);
  return arrow::Status::OK();
}

// The code of a row without a value may be anything; kernels look all codes up, so it becomes 0.
arrow::Status BatchColumns::make_codes(size_t column, const uint64_t* selection) {
  auto& coded = static_cast<const arrow::DictionaryArray&>(*sources_[column].array);
  ARROW_ASSIGN_OR_RAISE(const TextDictionaries::Texts* texts,
                        dictionaries_.find(coded.data()->dictionary, &worker_.report));
  Column& out = columns_[column];
  if (texts->size == 0 && coded.null_count() == num_rows_) return arrow::Status::OK();
  const auto* from = reinterpret_cast<const uint32_t*>(coded.data()->buffers[1]->data());
  const uint8_t* validity = validity_of(coded);
  auto* codes = worker_.rows.arena().allocate_array<uint32_t>(static_cast<size_t>(num_rows_));
  const auto size = static_cast<uint32_t>(std::min<int64_t>(texts->size, UINT32_MAX));
  if (selection) {
    std::memset(codes, 0, static_cast<size_t>(num_rows_) * sizeof *codes);
  } else {
    if (!copy_bytes(copier_, from, static_cast<size_t>(num_rows_) * sizeof *codes, codes))
      return arrow::Status::IOError("column ", requests_[column].name, " cannot be read");
    from = codes;
    uint32_t most = 0;
    for (int64_t row = 0; row < num_rows_; ++row) most = std::max(most, codes[row]);
    if (most < size) validity = nullptr;  // nothing is left to be looked at
  }
  if (selection || !(validity == nullptr && validity_of(coded) != nullptr)) {
    const bool fits = visit_rows(num_rows_, selection, [&](int64_t row) {
      const uint32_t code = from[row];
      codes[row] = code < size ? code : 0;
      return code < size || (validity && !bit_at(validity, row));
    });
    if (!fits || size == 0) return contradiction(requests_[column]);
  }
  auto* dictionary = worker_.rows.arena().allocate_array<Column>(1);
  *dictionary = texts->column;
  dictionary->type = out.type;
  out.encoding = Encoding::Dictionary;
  out.validity = validity_of(coded);
  out.values = codes;
  out.dictionary = dictionary;
  out.dictionary_size = texts->size;
  return arrow::Status::OK();
}

// Of some rows.
arrow::Status BatchColumns::make_texts(size_t column, const uint64_t* selection) {
  const arrow::Array& array = *sources_[column].array;
  const TextBytes bytes = bytes_of(*array.data());
  const auto* offsets = reinterpret_cast<const int32_t*>(array.data()->buffers[1]->data());
  const uint8_t* validity = validity_of(array);
  auto* texts = worker_.rows.arena().allocate_array<Str>(static_cast<size_t>(num_rows_));
  std::memset(static_cast<void*>(texts), 0, static_cast<size_t>(num_rows_) * sizeof *texts);
  const bool fits = visit_rows(num_rows_, selection, [&](int64_t row) {
    if (validity && !bit_at(validity, row)) return true;
    int32_t ends[2];
    std::memcpy(ends, offsets + row, sizeof ends);
    if (ends[0] < 0 || ends[0] > ends[1] || ends[1] > bytes.size) return false;
    if (ends[0] < ends[1])
      texts[row] = worker_.repaired(Str(bytes.data + ends[0], static_cast<uint64_t>(ends[1] - ends[0])));
    return true;
  });
  if (!fits) return contradiction(requests_[column]);
  columns_[column].encoding = Encoding::Strs;
  columns_[column].values = texts;
  return arrow::Status::OK();
}

arrow::Status BatchColumns::make_all_texts(size_t column) {
  const arrow::Array& array = *sources_[column].array;
  auto* offsets = worker_.rows.arena().allocate_array<int32_t>(static_cast<size_t>(num_rows_) + 1);
  if (!copy_offsets(copier_, *array.data(), num_rows_, offsets)) return contradiction(requests_[column]);
  const char* data = bytes_of(*array.data()).data;
  if (!are_utf8(offsets, num_rows_, data)) return make_texts(column, nullptr);
  Column& out = columns_[column];
  out.encoding = Encoding::Utf8;
  out.validity = validity_of(array);
  out.values = offsets;
  out.data = data;
  return arrow::Status::OK();
}

// A time that no datetime can be is null and counted.
arrow::Status BatchColumns::make_times(size_t column, const uint64_t* selection) {
  const arrow::Array& array = *sources_[column].array;
  const ColumnRequest& request = requests_[column];
  const auto* from = reinterpret_cast<const int64_t*>(array.data()->buffers[1]->data());
  const int64_t scale = unit_of(*array.type());
  const uint8_t* validity = validity_of(array);
  const auto size = static_cast<size_t>(num_rows_), bitmap_size = (size + 7) / 8;
  Arena& arena = worker_.rows.arena();
  auto* times = arena.allocate_array<int64_t>(size);
  if (selection) {
    std::memset(times, 0, size * sizeof *times);
  } else {
    if (!copy_bytes(copier_, from, size * sizeof *times, times))
      return arrow::Status::IOError("column ", request.name, " cannot be read");
    from = times;
  }
  uint8_t* without = nullptr;  // the validity, once a row is found that has no time
  visit_rows(num_rows_, selection, [&](int64_t row) {
    const int64_t value = from[row];
    if (datetime_ticks(value, scale, times + row)) return true;
    times[row] = 0;
    if (validity && !bit_at(validity, row)) return true;
    count_problem(&worker_.report, request.name, position_ + static_cast<uint64_t>(row),
                  json_text(array, row), request.type);
    if (!without) {
      without = static_cast<uint8_t*>(arena.allocate(bitmap_size));
      if (validity) std::memcpy(without, validity, bitmap_size);
      if (!validity) std::memset(without, 0xFF, bitmap_size);
    }
    without[row / 8] &= static_cast<uint8_t>(~(1u << (row % 8)));
    return true;
  });
  Column& out = columns_[column];
  out.encoding = Encoding::Fixed64;
  out.validity = without ? without : validity;
  out.values = times;
  return arrow::Status::OK();
}

}  // namespace kqlc::archive
