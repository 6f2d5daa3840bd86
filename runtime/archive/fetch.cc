// SPDX-License-Identifier: Apache-2.0
//
// A fetch is a scan that is told which rows are wanted. The latest rows lie at the end of an archive, often
// in one row group, so threads share the columns of columnar files. Threads write rows or columns of their
// own, so nothing is locked; validity is packed into bits when all are through.
#include "runtime/archive/fetch.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/archive/source.h"
#include "runtime/base/memory_limit.h"

namespace kqlc::archive {

namespace {

// Values that are worth a thread.
constexpr size_t kCellsOfThread = 256;

}  // namespace

bool is_fetchable(const File& file) {
  return file.compression == Compression::None &&
         (file.format == Format::Ndjson || file.format == Format::Parquet ||
          file.format == Format::ArrowFile);
}

WantedRange wanted_between(const std::vector<uint64_t>& wanted_rows, uint64_t first, uint64_t end) {
  auto begin = std::ranges::lower_bound(wanted_rows, first);
  auto last = std::lower_bound(begin, wanted_rows.end(), end);
  return {static_cast<size_t>(begin - wanted_rows.begin()), static_cast<size_t>(last - wanted_rows.begin())};
}

FetchedRows::FetchedRows(const ScanRequest& request, const std::vector<uint64_t>& locators,
                         const std::vector<uint64_t>& others, int threads)
    : requests_(request.columns), num_rows_(locators.size()) {
  std::vector<std::pair<uint64_t, size_t>> wanted;
  for (uint64_t locator : locators) wanted.emplace_back(locator, wanted.size());
  for (uint64_t locator : others) wanted.emplace_back(locator, wanted.size());
  std::ranges::sort(wanted);
  for (auto [locator, place] : wanted) {
    if (!sorted_.empty() && sorted_.back() == locator) continue;  // a row that is fetched is looked at anyway
    sorted_.push_back(locator);
    places_.push_back(place < num_rows_ ? place : num_rows_ + (places_.size() - num_fetched_));
    num_fetched_ += place < num_rows_;
  }
  found_.resize(num_rows_ + places_.size() - num_fetched_);
  for (const ColumnRequest& column : requests_) {
    Store& store = stores_.emplace_back();
    store.width = physical_type(column.type).width;
    store.values = std::make_unique<uint8_t[]>(locators.size() * std::max<size_t>(store.width, 1));
    store.valid = std::make_unique<uint8_t[]>(locators.size());
  }
  for (int i = 0; i < threads; ++i) arenas_.push_back(std::make_unique<Arena>());
}

Result<void> FetchedRows::read(const std::vector<File>& files, const ScanRequest& request,
                               const ScanControl& control, size_t memory_limit, ScanReport* report) {
  const size_t share = memory_limit / arenas_.size();
  const auto use = [&](int thread, const Batch& batch) {
    Arena& arena = *arenas_[static_cast<size_t>(thread)];
    take(arena, batch);
    if (memory_limit && arena.bytes() > share) fits_ = false;
    return fits_.load();
  };
  return scan_files(files, request, control, use, report);
}

// Rows that are looked for, but not fetched, have no columns.
void FetchedRows::take_row(Arena& arena, const Batch& batch, int64_t row, size_t place) {
  if (batch.first_column == 0) found_[place] = 1;
  if (place >= num_rows_) return;
  for (size_t i = 0; i < batch.num_columns; ++i) {
    const Column& column = batch.columns[i];
    const Type type = requests_[batch.first_column + i].type;
    Store& store = stores_[batch.first_column + i];
    uint8_t* value = store.values.get() + place * std::max<size_t>(store.width, 1);
    if (type == Type::String || type == Type::Dynamic) {
      const Str text = arena.copy(load_str(column, column.encoding, row));
      std::memcpy(value, &text, sizeof text);
      store.valid[place] = 1;
      continue;
    }
    Cell cell = load(column, type, column.encoding, row);
    store.valid[place] = cell.valid;
    if (store.width)
      std::memcpy(value, &cell.l, store.width);
    else
      *value = cell.valid && cell.b;
  }
}

// Rows without locators of their own follow one by one, so of a large batch only the wanted ones are visited.
void FetchedRows::take(Arena& arena, const Batch& batch) {
  if (!batch.locators) {
    WantedRange range =
        wanted_between(sorted_, batch.position, batch.position + static_cast<uint64_t>(batch.num_rows));
    for (size_t i = range.begin; i < range.end; ++i)
      take_row(arena, batch, static_cast<int64_t>(sorted_[i] - batch.position), places_[i]);
    return;
  }
  for (int64_t row = 0; row < batch.num_rows; ++row) {
    auto found = std::ranges::lower_bound(sorted_, batch.locators[row]);
    if (found != sorted_.end() && *found == batch.locators[row])
      take_row(arena, batch, row, places_[static_cast<size_t>(found - sorted_.begin())]);
  }
}

void FetchedRows::finish() {
  for (size_t i = 0; i < stores_.size(); ++i) {
    Store& store = stores_[i];
    auto pack = [&](const uint8_t* bytes) {
      std::vector<uint8_t> bits((num_rows_ + 7) / 8);
      for (size_t row = 0; row < num_rows_; ++row)
        if (bytes[row]) bits[row >> 3] |= static_cast<uint8_t>(1u << (row & 7));
      return bits;
    };
    store.validity = pack(store.valid.get());
    if (!store.width) store.bits = pack(store.values.get());
    Column& column = columns_.emplace_back();
    column.type = requests_[i].type;
    column.encoding = physical_type(column.type).encoding;
    column.values = store.width ? static_cast<const void*>(store.values.get()) : store.bits.data();
    column.validity = store.validity.data();
  }
}

Result<std::unique_ptr<FetchedRows>> FetchedRows::fetch(const std::vector<File>& files, ScanRequest request,
                                                        const ScanControl& control,
                                                        const std::vector<uint64_t>& locators,
                                                        const std::vector<uint64_t>& others,
                                                        size_t memory_limit, ScanReport* report) {
  const Error over_limit{ErrorCode::Limit,
                         say_memory_limit(memory_limit, "columns that are fetched for the rows found")};
  size_t row_bytes = 2 * sizeof(uint64_t);
  for (const ColumnRequest& column : request.columns) row_bytes += 1 + physical_type(column.type).width;
  if (memory_limit && (locators.size() + others.size()) * row_bytes > memory_limit) return over_limit;
  std::unique_ptr<FetchedRows> out(new FetchedRows(request, locators, others, std::max(1, control.threads)));
  request.wanted_rows = &out->sorted_;
  std::vector<File> holding;
  for (const File& file : files) {
    WantedRange range =
        wanted_between(out->sorted_, position_of(file, 0), position_of(file, 0) + kPositionSpan);
    if (range.begin < range.end) holding.push_back(file);
  }
  ScanReport own;
  ScanControl few = control;
  const size_t cells = out->sorted_.size() * std::max<size_t>(1, out->requests_.size());
  few.threads = static_cast<int>(std::min<size_t>(std::max(1, control.threads), 1 + cells / kCellsOfThread));
  if (!holding.empty()) KQLC_TRY(out->read(holding, request, few, memory_limit, &own));
  if (!out->fits_) return over_limit;
  // A file that was replaced or written to since it was scanned has other rows at the same places.
  if (own.bad_lines || !own.errors.empty() || !own.lost.empty() ||
      !std::ranges::all_of(holding, is_unchanged) || std::ranges::find(out->found_, 0) != out->found_.end())
    return Error{ErrorCode::Format, "a row that was found could not be fetched"};
  for (const auto& [column, problem] : own.problems) report->problems.insert({column, problem});
  for (const auto& [column, count] : own.missing_columns) report->missing_columns.insert({column, count});
  out->finish();
  return out;
}

}  // namespace kqlc::archive
