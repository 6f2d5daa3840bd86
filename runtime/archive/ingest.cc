// SPDX-License-Identifier: Apache-2.0
//
// ingest: files of any format become an archive of Arrow IPC files that a scan maps and reads in place. In:
// files, a folder. Out: <folder>/<table>/<name>-<n>.arrow, a million rows each, written under another name
// and renamed, and one line a chunk in <folder>/<table>/_manifest.ndjson: source, rows, and least and
// greatest of each time column. A source is entered when all of its chunks stand, so a run that was stopped
// goes on where it was. Strings that repeat become a dictionary; a time that nanoseconds cannot hold makes
// its column text in that chunk, so nothing is rounded.
#include <arrow/ipc/api.h>
#include <simdjson.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>

#include "runtime/archive/arrow_columns.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"

namespace kqlc::archive {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kRowsPerBatch = 65'536;
constexpr uint64_t kMaxChunkBytes = uint64_t{1} << 30;  // utf8 offsets are int32
constexpr int64_t kNanosecondsPerTick = 100;

std::string quote(std::string_view text) {
  auto array = std::make_shared<arrow::StringArray>(
      1, arrow::Buffer::FromVector(std::vector<int32_t>{0, static_cast<int32_t>(text.size())}),
      arrow::Buffer::FromString(std::string(text)));
  return json_text(*array, 0);
}

// Codes instead of texts, when at most every fourth row brings a new one; else the column as it is.
arrow::Result<std::shared_ptr<arrow::Array>> encode_repetitive(std::shared_ptr<arrow::Array> plain) {
  auto& texts = static_cast<const arrow::StringArray&>(*plain);
  std::unordered_map<std::string_view, int32_t> places;
  arrow::Int32Builder codes;
  arrow::StringBuilder values;
  ARROW_RETURN_NOT_OK(codes.Reserve(texts.length()));
  for (int64_t row = 0; row < texts.length(); ++row) {
    std::string_view text = texts.GetView(row);
    auto [place, is_new] = places.try_emplace(text, static_cast<int32_t>(places.size()));
    if (is_new) {
      if (places.size() > static_cast<size_t>(texts.length()) / 4 + 1) return plain;
      ARROW_RETURN_NOT_OK(values.Append(text));
    }
    codes.UnsafeAppend(place->second);
  }
  ARROW_ASSIGN_OR_RAISE(auto code_array, codes.Finish());
  ARROW_ASSIGN_OR_RAISE(auto value_array, values.Finish());
  return arrow::DictionaryArray::FromArrays(code_array, value_array);
}

// The values of a column since the last chunk.
class ChunkColumn {
 public:
  explicit ChunkColumn(const ColumnRequest& request)
      : request_(request), guids_(arrow::fixed_size_binary(16)) {}

  arrow::Status append(const Column& column, int64_t rows, uint64_t* bytes) {
    for (int64_t row = 0; row < rows; ++row) {
      if (request_.type == Type::String || request_.type == Type::Dynamic) {
        Str text = load_str(column, column.encoding, row);
        *bytes += text.size;
        bool is_null = text.size == 0 && request_.type == Type::Dynamic;
        ARROW_RETURN_NOT_OK(is_null ? texts_.AppendNull() : texts_.Append(text.view()));
      } else {
        ARROW_RETURN_NOT_OK(append_cell(load(column, request_.type, column.encoding, row)));
      }
    }
    return arrow::Status::OK();
  }

  arrow::Result<std::shared_ptr<arrow::Array>> finish() {
    switch (request_.type) {
      case Type::String: {
        ARROW_ASSIGN_OR_RAISE(auto texts, texts_.Finish());
        return encode_repetitive(texts);
      }
      case Type::Dynamic:
      case Type::Decimal:
        return texts_.Finish();
      case Type::Bool:
        return bools_.Finish();
      case Type::Int:
        return ints_.Finish();
      case Type::Long:
        return longs_.Finish();
      case Type::Real:
        return reals_.Finish();
      case Type::Guid:
        return guids_.Finish();
      default: {
        ARROW_ASSIGN_OR_RAISE(auto ticks, longs_.Finish());
        return finish_time(static_cast<const arrow::Int64Array&>(*ticks));
      }
    }
  }

  // `"name":["least","greatest"]` of a time column of the chunk, or "". Call before finish().
  std::string statistics() const {
    if (request_.type != Type::DateTime || !least_) return "";
    Arena arena;
    return quote(request_.name) + ":[" + quote(datetime::print_datetime(DateTime{*least_}, arena).view()) +
           "," + quote(datetime::print_datetime(DateTime{greatest_}, arena).view()) + "]";
  }
  void forget_statistics() { least_.reset(); }

 private:
  arrow::Status append_cell(const Cell& cell) {
    switch (request_.type) {
      case Type::Bool:
        return cell.valid ? bools_.Append(cell.b) : bools_.AppendNull();
      case Type::Int:
        return cell.valid ? ints_.Append(cell.i) : ints_.AppendNull();
      case Type::Real:
        return cell.valid ? reals_.Append(cell.d) : reals_.AppendNull();
      case Type::Guid:
        return cell.valid ? guids_.Append(cell.g.bytes) : guids_.AppendNull();
      case Type::Decimal: {
        Arena arena;
        return cell.valid ? texts_.Append(decimal::print(cell.m, arena).view()) : texts_.AppendNull();
      }
      default:
        if (!cell.valid) return longs_.AppendNull();
        greatest_ = least_ ? std::max(greatest_, cell.l) : cell.l;
        least_ = least_ ? std::min(*least_, cell.l) : cell.l;
        return longs_.Append(cell.l);
    }
  }

  arrow::Result<std::shared_ptr<arrow::Array>> finish_time(const arrow::Int64Array& ticks) {
    bool is_date = request_.type == Type::DateTime;
    int64_t zero = is_date ? datetime::kUnixEpochTicks : 0;
    std::shared_ptr<arrow::DataType> type =
        is_date ? arrow::timestamp(arrow::TimeUnit::NANO, "UTC") : arrow::duration(arrow::TimeUnit::NANO);
    arrow::Int64Builder nanoseconds;
    for (int64_t row = 0; row < ticks.length(); ++row) {
      int64_t value = 0;
      if (ticks.IsNull(row)) {
        ARROW_RETURN_NOT_OK(nanoseconds.AppendNull());
      } else if (__builtin_mul_overflow(ticks.Value(row) - zero, kNanosecondsPerTick, &value)) {
        return print_times(ticks);
      } else {
        ARROW_RETURN_NOT_OK(nanoseconds.Append(value));
      }
    }
    ARROW_ASSIGN_OR_RAISE(auto array, nanoseconds.Finish());
    return array->View(type);
  }

  arrow::Result<std::shared_ptr<arrow::Array>> print_times(const arrow::Int64Array& ticks) {
    arrow::StringBuilder texts;
    for (int64_t row = 0; row < ticks.length(); ++row) {
      Arena arena;
      Str text = request_.type == Type::DateTime
                     ? datetime::print_datetime(DateTime{ticks.Value(row)}, arena)
                     : datetime::print_timespan(TimeSpan{ticks.Value(row)}, arena);
      ARROW_RETURN_NOT_OK(ticks.IsNull(row) ? texts.AppendNull() : texts.Append(text.view()));
    }
    return texts.Finish();
  }

  ColumnRequest request_;
  arrow::StringBuilder texts_;
  arrow::BooleanBuilder bools_;
  arrow::Int32Builder ints_;
  arrow::Int64Builder longs_;
  arrow::DoubleBuilder reals_;
  arrow::FixedSizeBinaryBuilder guids_;
  std::optional<int64_t> least_;
  int64_t greatest_ = 0;
};

// Writes the chunks of one source.
class ChunkWriter {
 public:
  ChunkWriter(const File& file, std::string folder, const std::vector<ColumnRequest>& columns,
              uint64_t rows_per_chunk)
      : file_(file), folder_(std::move(folder)), columns_(columns), rows_per_chunk_(rows_per_chunk) {
    for (const ColumnRequest& column : columns) stores_.push_back(std::make_unique<ChunkColumn>(column));
  }

  arrow::Status append(const Batch& batch) {
    for (size_t i = 0; i < stores_.size(); ++i) {
      ARROW_RETURN_NOT_OK(stores_[i]->append(batch.columns[i], batch.num_rows, &bytes_));
    }
    rows_ += batch.num_rows;
    return rows_ >= rows_per_chunk_ || bytes_ >= kMaxChunkBytes ? flush() : arrow::Status::OK();
  }

  arrow::Status flush() {
    if (rows_ == 0) return arrow::Status::OK();
    std::string statistics;
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (size_t i = 0; i < stores_.size(); ++i) {
      std::string text = stores_[i]->statistics();
      if (!text.empty()) statistics += (statistics.empty() ? "" : ",") + text;
      stores_[i]->forget_statistics();
      ARROW_ASSIGN_OR_RAISE(auto array, stores_[i]->finish());
      fields.push_back(arrow::field(columns_[i].name, array->type()));
      arrays.push_back(std::move(array));
    }
    std::string name = chunk_name();
    auto rows = static_cast<int64_t>(rows_);
    ARROW_RETURN_NOT_OK(write_file(name, *arrow::Table::Make(arrow::schema(fields), arrays, rows)));
    manifest_ += "{\"file\":" + quote(name) + ",\"source\":" + quote(file_.path) +
                 ",\"source_bytes\":" + std::to_string(file_.bytes) + ",\"rows\":" + std::to_string(rows_) +
                 ",\"times\":{" + statistics + "}}\n";
    rows_ = 0;
    bytes_ = 0;
    ++chunks_;
    return arrow::Status::OK();
  }

  // The manifest's lines; also of a source without rows, so that it is not read again.
  std::string manifest() const {
    if (!manifest_.empty()) return manifest_;
    return "{\"source\":" + quote(file_.path) + ",\"source_bytes\":" + std::to_string(file_.bytes) +
           ",\"rows\":0}\n";
  }

 private:
  // The source's name, and a hash of its path so that two sources of one name do not meet.
  std::string chunk_name() const {
    uint64_t hash = 14695981039346656037u;  // FNV-1a
    for (char c : file_.path) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    char suffix[48];
    std::snprintf(suffix, sizeof suffix, "-%016llx-%05u.arrow", static_cast<unsigned long long>(hash),
                  chunks_);
    std::string stem = fs::path(file_.path).filename().string();
    return stem.substr(0, std::min(stem.find('.'), size_t{100})) + suffix;
  }

  arrow::Status write_file(const std::string& name, const arrow::Table& table) {
    std::string path = folder_ + "/" + name;
    auto options = arrow::ipc::IpcWriteOptions::Defaults();
    options.alignment = 64;
    ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::FileOutputStream::Open(path + ".tmp"));
    ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeFileWriter(out, table.schema(), options));
    ARROW_RETURN_NOT_OK(writer->WriteTable(table, kRowsPerBatch));
    ARROW_RETURN_NOT_OK(writer->Close());
    ARROW_RETURN_NOT_OK(out->Close());
    std::error_code error;
    fs::rename(path + ".tmp", path, error);
    return error ? arrow::Status::IOError(path, ": ", error.message()) : arrow::Status::OK();
  }

  const File& file_;
  std::string folder_;
  const std::vector<ColumnRequest>& columns_;
  uint64_t rows_per_chunk_;
  std::vector<std::unique_ptr<ChunkColumn>> stores_;
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
  unsigned chunks_ = 0;
  std::string manifest_;
};

// Sources that a manifest already has, as "bytes path". A line that was cut short is no entry.
std::set<std::string> read_manifest(const std::string& path) {
  std::set<std::string> sources;
  std::ifstream in(path);
  simdjson::dom::parser parser;
  for (std::string line; std::getline(in, line);) {
    simdjson::dom::element entry;
    std::string_view source;
    uint64_t bytes;
    if (parser.parse(line).get(entry) || entry["source"].get(source) || entry["source_bytes"].get(bytes))
      continue;
    sources.insert(std::to_string(bytes) + " " + std::string(source));
  }
  return sources;
}

class Ingest {
 public:
  Ingest(const IngestRequest& request, ScanReport* report) : request_(request), report_(report) {}

  Result<void> add(const File& file) {
    std::string table = file.table.empty() ? request_.table : file.table;
    if (table.empty())
      return Error{ErrorCode::Usage, file.path + ": no table is known; name one with --table"};
    std::string folder = request_.folder + "/" + table;
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) return Error{ErrorCode::Io, folder + ": " + failed.message()};
    if (is_done(folder, file)) return {};
    std::vector<ColumnRequest> columns = request_.columns;
    if (columns.empty()) {
      KQLC_TRY_ASSIGN(columns, read_columns(file));
    }
    return convert(file, table, folder, columns);
  }

 private:
  bool is_done(const std::string& folder, const File& file) {
    std::lock_guard lock(mutex_);
    auto [place, is_new] = done_.try_emplace(folder);
    if (is_new) place->second = read_manifest(folder + "/_manifest.ndjson");
    return place->second.contains(std::to_string(file.bytes) + " " + file.path);
  }

  Result<void> convert(const File& file, const std::string& table, const std::string& folder,
                       const std::vector<ColumnRequest>& columns) {
    ChunkWriter writer(file, folder, columns, request_.rows_per_chunk);
    ScanRequest scan;
    scan.table = table;
    scan.columns = columns;
    arrow::Status status;
    ScanReport report;
    auto append = [&](int, const Batch& batch) {
      status = writer.append(batch);
      return status.ok();
    };
    KQLC_TRY(scan_file(file, scan, append, &report));
    if (status.ok()) status = writer.flush();
    if (!status.ok()) return Error{ErrorCode::Io, status.message()};
    std::lock_guard lock(mutex_);
    bool whole = report.errors.empty();
    report_->merge(report);
    // A source that broke off is not entered: a better copy of it is read again.
    if (!whole) return {};
    std::ofstream out(folder + "/_manifest.ndjson", std::ios::app);
    out << writer.manifest() << std::flush;
    if (!out) return Error{ErrorCode::Io, folder + "/_manifest.ndjson: cannot be written"};
    return {};
  }

  const IngestRequest& request_;
  ScanReport* report_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::set<std::string>> done_;
};

}  // namespace

Result<void> ingest_files(const std::vector<File>& files, const IngestRequest& request, ScanReport* report) {
  Ingest ingest(request, report);
  std::atomic<size_t> next{0};
  std::mutex mutex;
  Result<void> result;
  auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++) {
      auto added = ingest.add(files[i]);
      if (added.ok()) continue;
      std::lock_guard lock(mutex);
      if (result.ok()) result = std::move(added.error());
      next = files.size();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < request.threads; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  return result;
}

}  // namespace kqlc::archive
