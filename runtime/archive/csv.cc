// SPDX-License-Identifier: Apache-2.0
//
// CSV and TSV with a header line. In: a file, maybe compressed. Out: blocks of rows, one a chunk. Arrow's
// reader finds the fields (RFC 4180: quotes, doubled quotes, line ends inside quotes); every field stays text
// and becomes the requested type here, by the same rules as JSON strings. A row with another number of fields
// is a bad line. A row that is longer than a block makes the reader begin once more with larger blocks and
// pass over the rows that were handed on. A file whose last field is never closed breaks off where it opens.
#include <arrow/csv/api.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "runtime/archive/arrow_columns.h"
#include "runtime/archive/csv_text.h"
#include "runtime/archive/json_text.h"
#include "runtime/value/datetime.h"

namespace kqlc::archive {
namespace {

constexpr int32_t kBlockBytes = 1 << 20;
constexpr int32_t kMaxBlockBytes = 1 << 26;  // a row longer than this is refused

// Rows that are left out, found while a block is read.
struct BadRows {
  std::vector<std::pair<int64_t, std::string>> rows;
};

// Counts the quotes of what is read: an even number leaves no field open.
class QuoteCounter : public arrow::io::InputStream {
 public:
  QuoteCounter(std::shared_ptr<arrow::io::InputStream> input, std::shared_ptr<std::atomic<uint64_t>> quotes)
      : input_(std::move(input)), quotes_(std::move(quotes)) {}

  arrow::Status Close() override { return input_->Close(); }
  bool closed() const override { return input_->closed(); }
  arrow::Result<int64_t> Tell() const override { return input_->Tell(); }
  arrow::Result<int64_t> Read(int64_t size, void* out) override {
    ARROW_ASSIGN_OR_RAISE(int64_t count, input_->Read(size, out));
    count_quotes(static_cast<const char*>(out), count);
    return count;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, input_->Read(size));
    count_quotes(reinterpret_cast<const char*>(buffer->data()), buffer->size());
    return buffer;
  }

 private:
  void count_quotes(const char* text, int64_t size) {
    *quotes_ += static_cast<uint64_t>(std::count(text, text + size, '"'));
  }

  std::shared_ptr<arrow::io::InputStream> input_;
  std::shared_ptr<std::atomic<uint64_t>> quotes_;
};

arrow::csv::ParseOptions parse_options(const File& file, const std::shared_ptr<BadRows>& bad_rows) {
  auto options = arrow::csv::ParseOptions::Defaults();
  options.newlines_in_values = true;
  options.delimiter = csv_delimiter(file);
  options.invalid_row_handler = [bad_rows](const arrow::csv::InvalidRow& row) {
    bad_rows->rows.emplace_back(row.number, std::to_string(row.actual_columns) + " fields instead of " +
                                                std::to_string(row.expected_columns));
    return arrow::csv::InvalidRowResult::Skip;
  };
  return options;
}

arrow::Result<std::shared_ptr<arrow::csv::StreamingReader>> open_reader(
    const File& file, std::shared_ptr<arrow::io::InputStream> input, const std::vector<CsvColumn>& columns,
    int32_t block_bytes, const std::shared_ptr<BadRows>& bad_rows) {
  auto read = arrow::csv::ReadOptions::Defaults();
  read.use_threads = false;
  read.block_size = block_bytes;
  auto convert = arrow::csv::ConvertOptions::Defaults();
  convert.check_utf8 = false;
  convert.strings_can_be_null = false;
  for (const CsvColumn& column : columns) {
    convert.include_columns.push_back(column.header);
    convert.column_types[column.header] = arrow::binary();
  }
  return arrow::csv::StreamingReader::Make(arrow::io::default_io_context(), std::move(input), read,
                                           parse_options(file, bad_rows), convert);
}

class CsvSource : public Source {
 public:
  CsvSource(const File& file, std::vector<CsvColumn> columns) : file_(file), columns_(std::move(columns)) {}

  // Opens the file with blocks in which its first rows have room.
  Result<void> open() {
    while (true) {
      std::shared_ptr<arrow::io::InputStream> input;
      KQLC_TRY_ASSIGN(input, open_input(file_));
      quotes_ = std::make_shared<std::atomic<uint64_t>>(0);
      input = std::make_shared<QuoteCounter>(std::move(input), quotes_);
      auto reader = open_reader(file_, std::move(input), columns_, block_bytes_, bad_rows_);
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
      auto next = take_batch(worker);
      ended_ = !next.ok() || !next.value();
      if (!next.ok()) return next.error();
      if (ended_) return Taken::End;
      batch = std::move(next).value();
      row = rows_;
      rows_ += batch->num_rows();
      worker.report.lines += batch->num_rows();
      bytes_done_ = std::min<uint64_t>(file_.bytes, reader_->bytes_read());
    }
    auto named = name_columns(*batch, row, worker);
    if (!named.ok()) return error_of(named.status(), file_);
    emit_record_batch(file_, **named, row, worker);
    return Taken::Chunk;
  }

  uint64_t bytes_done() const override { return bytes_done_; }

 private:
  // The next rows; null at the end. One batch is held back, because the file's last row may be one that
  // swallowed all behind a quote.
  Result<std::shared_ptr<arrow::RecordBatch>> take_batch(Worker& worker) {
    while (!failure_) {
      auto next = read_batch(worker);
      std::shared_ptr<arrow::RecordBatch> batch = std::exchange(held_, next.ok() ? next.value() : nullptr);
      if (!next.ok()) {
        failure_ = next.error();
      } else if (!next.value()) {
        return end_with(std::move(batch));
      } else {
        read_rows_ += static_cast<uint64_t>(held_->num_rows());
      }
      if (batch) return batch;
    }
    return *failure_;
  }

  // The last rows, without one whose quote has no end; that is an error for the next call, or this one where
  // nothing is left.
  Result<std::shared_ptr<arrow::RecordBatch>> end_with(std::shared_ptr<arrow::RecordBatch> batch) {
    auto line = *quotes_ % 2 ? find_open_quote(file_) : std::nullopt;
    if (!line) return batch;
    failure_ = Error{ErrorCode::Format, file_.path + ": line " + std::to_string(*line) +
                                            ": a quote without an end: nothing behind it can be read"};
    // A row of too few fields has been left out already.
    bool was_left_out = last_bad_row_ == static_cast<int64_t>(1 + read_rows_ + num_bad_rows_);
    if (batch && !was_left_out) batch = batch->Slice(0, batch->num_rows() - 1);
    if (batch && batch->num_rows() > 0) return batch;
    return *failure_;
  }

  // The batch under the table's names, times of a portal as ISO 8601.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> name_columns(const arrow::RecordBatch& batch,
                                                                  uint64_t row, Worker& worker) const {
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const CsvColumn& column = columns_[i];
      std::shared_ptr<arrow::Array> array = batch.column(static_cast<int>(i));
      bool is_time = column.is_utc && std::ranges::any_of(worker.request.columns, [&](const auto& wanted) {
                       return wanted.name == column.name && wanted.type == Type::DateTime;
                     });
      if (is_time) {
        ARROW_ASSIGN_OR_RAISE(array, read_times(*array, column.name, row, worker));
      }
      fields.push_back(arrow::field(column.name, array->type()));
      arrays.push_back(std::move(array));
    }
    return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), batch.num_rows(), std::move(arrays));
  }

  arrow::Result<std::shared_ptr<arrow::Array>> read_times(const arrow::Array& array, const std::string& name,
                                                          uint64_t row, Worker& worker) const {
    const auto& texts = static_cast<const arrow::BinaryArray&>(array);
    arrow::StringBuilder times;
    for (int64_t i = 0; i < texts.length(); ++i) {
      std::string_view text = trim_start(trim_end(texts.GetView(i)));
      auto time = read_portal_time(text);
      char printed[datetime::kDateTimeSize];
      if (time) datetime::print_datetime(*time, printed);
      ARROW_RETURN_NOT_OK(time ? times.Append(printed, datetime::kDateTimeSize) : times.AppendNull());
      if (!time && !text.empty())
        count_problem(&worker.report, name, position_of(file_, row + static_cast<uint64_t>(i)), text,
                      Type::DateTime);
    }
    return times.Finish();
  }

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
      if (!batch || passed_over_ == read_rows_) {
        if (batch) passed_over_ += batch->num_rows();
        return batch;
      }
      uint64_t known = std::min<uint64_t>(batch->num_rows(), read_rows_ - passed_over_);
      passed_over_ += batch->num_rows();
      if (passed_over_ > read_rows_) return batch->Slice(static_cast<int64_t>(known));
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
    return Error{ErrorCode::Unsupported, file_.path + ": behind row " + std::to_string(read_rows_) +
                                             ": a row of more than " + std::to_string(kMaxBlockBytes >> 20) +
                                             " MiB; a quote may lack its end"};
  }

  void count_bad_rows(Worker& worker) {
    for (auto& [number, message] : bad_rows_->rows) {
      if (number <= last_bad_row_) continue;  // counted before the blocks grew
      last_bad_row_ = number;
      ++num_bad_rows_;
      count_bad_line(&worker.report, position_of(file_, static_cast<uint64_t>(number) - 2), message);
      ++worker.report.lines;
    }
    bad_rows_->rows.clear();
  }

  File file_;
  std::vector<CsvColumn> columns_;
  std::shared_ptr<BadRows> bad_rows_ = std::make_shared<BadRows>();
  std::shared_ptr<arrow::csv::StreamingReader> reader_;
  std::mutex mutex_;
  bool ended_ = false;
  int32_t block_bytes_ = kBlockBytes;
  std::shared_ptr<std::atomic<uint64_t>> quotes_;  // of what this reader has read, maybe ahead
  std::shared_ptr<arrow::RecordBatch> held_;
  std::optional<Error> failure_;  // once the rows before it have been handed on
  uint64_t rows_ = 0;             // handed on
  uint64_t read_rows_ = 0;        // those, and those that are held back
  uint64_t num_bad_rows_ = 0;
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

// Times of another zone than UTC would be hours off.
Result<void> check_zones(const File& file, const std::vector<CsvColumn>& header, const ScanRequest& request) {
  for (const CsvColumn& column : header)
    for (const ColumnRequest& wanted : request.columns)
      if (wanted.type == Type::DateTime && !foreign_zone(column, wanted.name).empty())
        return Error{ErrorCode::Format, file.path + ": its column `" + column.header +
                                            "` is not in UTC: let the portal show UTC and export it again"};
  return {};
}

}  // namespace

Result<SourcePtr> open_csv(const File& file, const ScanRequest& request) {
  std::vector<CsvColumn> header;
  KQLC_TRY_ASSIGN(header, read_csv_header(file));
  std::vector<ColumnRequest> own;
  for (const CsvColumn& column : header) own.push_back({column.name, Type::String});
  KQLC_TRY(check_header(file, own, request));
  KQLC_TRY(check_zones(file, header, request));
  std::vector<CsvColumn> columns;
  for (const CsvColumn& column : header) {
    bool wanted = std::any_of(request.columns.begin(), request.columns.end(),
                              [&](const ColumnRequest& other) { return other.name == column.name; });
    if (wanted) columns.push_back(column);
  }
  arrow::Status status = refuse_repeated(own, request);
  if (!status.ok()) return error_of(status, file);
  // Arrow takes an empty list for all columns; one of them is enough to count rows.
  if (columns.empty() && !header.empty()) columns.push_back(header[0]);
  auto source = std::make_unique<CsvSource>(file, std::move(columns));
  KQLC_TRY(source->open());
  return SourcePtr(std::move(source));
}

}  // namespace kqlc::archive
