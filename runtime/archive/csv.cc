// SPDX-License-Identifier: Apache-2.0
//
// CSV and TSV with a header line. In: a file, maybe compressed. Out: blocks of rows, one a chunk. Arrow's
// reader finds the fields (RFC 4180: quotes, doubled quotes, line ends inside quotes); every field stays text
// and becomes the requested type here, by the same rules as JSON strings. A row with another number of fields
// is a bad line.
#include <arrow/csv/api.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "runtime/archive/arrow_columns.h"

namespace kqlc::archive {
namespace {

constexpr int32_t kBlockBytes = 1 << 20;

// Rows that are left out, found while a block is read.
struct BadRows {
  std::vector<std::pair<int64_t, std::string>> rows;
};

class CsvSource : public Source {
 public:
  CsvSource(const File& file, std::shared_ptr<BadRows> bad_rows,
            std::shared_ptr<arrow::csv::StreamingReader> reader)
      : file_(file), bad_rows_(std::move(bad_rows)), reader_(std::move(reader)) {}

  Result<Taken> read_chunk(Worker& worker, bool wait) override {
    std::shared_ptr<arrow::RecordBatch> batch;
    uint64_t row;
    {
      std::lock_guard lock(mutex_);
      if (ended_) return Taken::End;
      auto next = reader_->Next();
      row = rows_;
      count_bad_rows(worker);
      ended_ = !next.ok() || !*next;
      if (!next.ok()) return error_of(next.status(), file_);
      if (ended_) return Taken::End;
      batch = *next;
      rows_ += batch->num_rows();
      worker.report.lines += batch->num_rows();
      bytes_done_ = std::min<uint64_t>(file_.bytes, reader_->bytes_read());
    }
    emit_record_batch(file_, *batch, row, worker);
    return Taken::Chunk;
  }

  uint64_t bytes_done() const override { return bytes_done_; }

 private:
  void count_bad_rows(Worker& worker) {
    for (auto& [number, message] : bad_rows_->rows) {
      uint64_t row = number > 1 ? static_cast<uint64_t>(number) - 2 : rows_;
      count_bad_line(&worker.report, position_of(file_, row), message);
      ++worker.report.lines;
    }
    bad_rows_->rows.clear();
  }

  File file_;
  std::shared_ptr<BadRows> bad_rows_;
  std::shared_ptr<arrow::csv::StreamingReader> reader_;
  std::mutex mutex_;
  bool ended_ = false;
  uint64_t rows_ = 0;
  std::atomic<uint64_t> bytes_done_{0};
};

arrow::csv::ParseOptions parse_options(const File& file, const std::shared_ptr<BadRows>& bad_rows) {
  auto options = arrow::csv::ParseOptions::Defaults();
  options.newlines_in_values = true;
  if (file.path.find(".tsv") != std::string::npos) options.delimiter = '\t';
  options.invalid_row_handler = [bad_rows](const arrow::csv::InvalidRow& row) {
    bad_rows->rows.emplace_back(row.number, std::to_string(row.actual_columns) + " fields instead of " +
                                                std::to_string(row.expected_columns));
    return arrow::csv::InvalidRowResult::Skip;
  };
  return options;
}

arrow::Result<std::shared_ptr<arrow::csv::StreamingReader>> open_reader(
    const File& file, std::shared_ptr<arrow::io::InputStream> input, const std::vector<std::string>& names,
    const std::shared_ptr<BadRows>& bad_rows) {
  auto read = arrow::csv::ReadOptions::Defaults();
  read.use_threads = false;
  read.block_size = kBlockBytes;
  auto convert = arrow::csv::ConvertOptions::Defaults();
  convert.check_utf8 = false;
  convert.strings_can_be_null = false;
  convert.include_columns = names;
  for (const std::string& name : names) convert.column_types[name] = arrow::binary();
  return arrow::csv::StreamingReader::Make(arrow::io::default_io_context(), std::move(input), read,
                                           parse_options(file, bad_rows), convert);
}

}  // namespace

Result<SourcePtr> open_csv(const File& file, const ScanRequest& request) {
  std::vector<ColumnRequest> own;
  KQLC_TRY_ASSIGN(own, read_columns(file));
  std::vector<std::string> names;
  for (const ColumnRequest& column : own) {
    bool wanted = std::any_of(request.columns.begin(), request.columns.end(),
                              [&](const ColumnRequest& other) { return other.name == column.name; });
    if (wanted) names.push_back(column.name);
  }
  // Arrow takes an empty list for all columns; one of them is enough to count rows.
  for (size_t i = 0; i < own.size(); ++i) {
    bool wanted = std::find(names.begin(), names.end(), own[i].name) != names.end();
    bool again = std::any_of(own.begin(), own.begin() + static_cast<ptrdiff_t>(i),
                             [&](const ColumnRequest& other) { return other.name == own[i].name; });
    if (wanted && again) return Error{ErrorCode::Format, file.path + ": two columns " + own[i].name};
  }
  if (names.empty() && !own.empty()) names.push_back(own[0].name);
  std::shared_ptr<arrow::io::InputStream> input;
  KQLC_TRY_ASSIGN(input, open_input(file));
  auto bad_rows = std::make_shared<BadRows>();
  auto reader = open_reader(file, std::move(input), names, bad_rows);
  if (!reader.ok()) return error_of(reader.status(), file);
  return SourcePtr(std::make_unique<CsvSource>(file, bad_rows, std::move(reader).ValueUnsafe()));
}

}  // namespace kqlc::archive
