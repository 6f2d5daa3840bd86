// SPDX-License-Identifier: Apache-2.0
//
// CSV and TSV with a header line. In: a file, maybe compressed. Out: blocks of rows, one a chunk. Arrow's
// reader finds the fields (RFC 4180: quotes, doubled quotes, line ends inside quotes); every field stays text
// and becomes the requested type here, by the same rules as JSON strings. A row with another number of fields
// is a bad line. A row that is longer than a block makes the reader begin once more with larger blocks and
// pass over the rows that were handed on.
#include <arrow/csv/api.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "runtime/archive/arrow_columns.h"

namespace kqlc::archive {
namespace {

constexpr int32_t kBlockBytes = 1 << 20;
constexpr int32_t kMaxBlockBytes = 1 << 26;  // a row longer than this is refused

// Rows that are left out, found while a block is read.
struct BadRows {
  std::vector<std::pair<int64_t, std::string>> rows;
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
    int32_t block_bytes, const std::shared_ptr<BadRows>& bad_rows) {
  auto read = arrow::csv::ReadOptions::Defaults();
  read.use_threads = false;
  read.block_size = block_bytes;
  auto convert = arrow::csv::ConvertOptions::Defaults();
  convert.check_utf8 = false;
  convert.strings_can_be_null = false;
  convert.include_columns = names;
  for (const std::string& name : names) convert.column_types[name] = arrow::binary();
  return arrow::csv::StreamingReader::Make(arrow::io::default_io_context(), std::move(input), read,
                                           parse_options(file, bad_rows), convert);
}

class CsvSource : public Source {
 public:
  CsvSource(const File& file, std::vector<std::string> names) : file_(file), names_(std::move(names)) {}

  // Opens the file with blocks in which its first rows have room.
  Result<void> open() {
    while (true) {
      std::shared_ptr<arrow::io::InputStream> input;
      KQLC_TRY_ASSIGN(input, open_input(file_));
      auto reader = open_reader(file_, std::move(input), names_, block_bytes_, bad_rows_);
      if (reader.ok()) {
        reader_ = std::move(reader).ValueUnsafe();
        return {};
      }
      if (!grow_blocks(reader.status())) return error_of(reader.status(), file_);
    }
  }

  Result<Taken> read_chunk(Worker& worker, bool wait) override {
    std::shared_ptr<arrow::RecordBatch> batch;
    uint64_t row;
    {
      std::lock_guard lock(mutex_);
      if (ended_) return Taken::End;
      auto next = read_batch(worker);
      ended_ = !next.ok() || !next.value();
      if (!next.ok()) return next.error();
      if (ended_) return Taken::End;
      batch = std::move(next).value();
      row = rows_;
      rows_ += batch->num_rows();
      worker.report.lines += batch->num_rows();
      bytes_done_ = std::min<uint64_t>(file_.bytes, reader_->bytes_read());
    }
    emit_record_batch(file_, *batch, row, worker);
    return Taken::Chunk;
  }

  uint64_t bytes_done() const override { return bytes_done_; }

 private:
  // The next rows that were not handed on before; null at the end.
  Result<std::shared_ptr<arrow::RecordBatch>> read_batch(Worker& worker) {
    while (true) {
      auto next = reader_->Next();
      count_bad_rows(worker);
      if (!next.ok()) {
        if (!grow_blocks(next.status())) return failure(next.status());
        passed_over_ = 0;
        KQLC_TRY(open());
        continue;
      }
      std::shared_ptr<arrow::RecordBatch> batch = std::move(next).ValueUnsafe();
      if (!batch || passed_over_ == rows_) {
        if (batch) passed_over_ += batch->num_rows();
        return batch;
      }
      uint64_t known = std::min<uint64_t>(batch->num_rows(), rows_ - passed_over_);
      passed_over_ += batch->num_rows();
      if (passed_over_ > rows_) return batch->Slice(static_cast<int64_t>(known));
    }
  }

  // Whether larger blocks can help against a failure: a row is longer than a block.
  bool grow_blocks(const arrow::Status& status) {
    bool too_long = status.message().find("straddling") != std::string::npos;
    if (!too_long || block_bytes_ >= kMaxBlockBytes) return false;
    block_bytes_ *= 4;
    return true;
  }

  Error failure(const arrow::Status& status) const {
    if (status.message().find("straddling") == std::string::npos) return error_of(status, file_);
    return Error{ErrorCode::Unsupported, file_.path + ": behind row " + std::to_string(rows_) +
                                             ": a row of more than " + std::to_string(kMaxBlockBytes >> 20) +
                                             " MiB; a quote may lack its end"};
  }

  void count_bad_rows(Worker& worker) {
    for (auto& [number, message] : bad_rows_->rows) {
      if (number <= last_bad_row_) continue;  // counted before the blocks grew
      last_bad_row_ = number;
      count_bad_line(&worker.report, position_of(file_, static_cast<uint64_t>(number) - 2), message);
      ++worker.report.lines;
    }
    bad_rows_->rows.clear();
  }

  File file_;
  std::vector<std::string> names_;
  std::shared_ptr<BadRows> bad_rows_ = std::make_shared<BadRows>();
  std::shared_ptr<arrow::csv::StreamingReader> reader_;
  std::mutex mutex_;
  bool ended_ = false;
  int32_t block_bytes_ = kBlockBytes;
  uint64_t rows_ = 0;         // handed on
  uint64_t passed_over_ = 0;  // rows that this reader has given
  int64_t last_bad_row_ = 1;  // the header is the first
  std::atomic<uint64_t> bytes_done_{0};
};

// A header of which the table knows nothing is one of another table, another delimiter or other letters.
Result<void> check_header(const File& file, const std::vector<ColumnRequest>& own,
                          const ScanRequest& request) {
  auto is_known = [&](const ColumnRequest& column) {
    return std::ranges::find(request.table_columns, column.name) != request.table_columns.end();
  };
  if (request.table_columns.empty() || own.empty() || std::ranges::any_of(own, is_known)) return {};
  auto some = [](const auto& names, auto name_of) {
    std::string out;
    for (size_t i = 0; i < std::min<size_t>(names.size(), 4); ++i) out += (i ? ", " : "") + name_of(names[i]);
    return names.size() > 4 ? out + ", .." : out;
  };
  return Error{ErrorCode::Format,
               file.path + ": its columns (" + some(own, [](const ColumnRequest& c) { return c.name; }) +
                   ") are none of " + (request.table.empty() ? "the table" : request.table) + "'s (" +
                   some(request.table_columns, [](const std::string& name) { return name; }) +
                   "); fields stand between commas, in .tsv files between tabs"};
}

}  // namespace

Result<SourcePtr> open_csv(const File& file, const ScanRequest& request) {
  std::vector<ColumnRequest> own;
  KQLC_TRY_ASSIGN(own, read_columns(file));
  KQLC_TRY(check_header(file, own, request));
  std::vector<std::string> names;
  for (const ColumnRequest& column : own) {
    bool wanted = std::any_of(request.columns.begin(), request.columns.end(),
                              [&](const ColumnRequest& other) { return other.name == column.name; });
    if (wanted) names.push_back(column.name);
  }
  arrow::Status status = refuse_repeated(own, request);
  if (!status.ok()) return error_of(status, file);
  // Arrow takes an empty list for all columns; one of them is enough to count rows.
  if (names.empty() && !own.empty()) names.push_back(own[0].name);
  auto source = std::make_unique<CsvSource>(file, std::move(names));
  KQLC_TRY(source->open());
  return SourcePtr(std::move(source));
}

}  // namespace kqlc::archive
