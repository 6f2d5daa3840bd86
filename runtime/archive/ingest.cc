// SPDX-License-Identifier: Apache-2.0
//
// ingest: files of any format become an archive of Arrow IPC files that a scan maps and reads in place. In:
// files, a folder. Out: <folder>/<table>/<name>-<n>.arrow, a million rows each, and a manifest (manifest.h)
// with the statistics of each, and where they are wanted term filters (term_filter.h). A source's chunks are
// written under other names, renamed when all of them stand, and only then entered in the manifest: a run
// that was stopped goes on where it was, and a scan in between sees whole sources only.
#include <arrow/ipc/api.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

#include "runtime/archive/arrow_status.h"
#include "runtime/archive/chunk_column.h"
#include "runtime/archive/ingest_sources.h"
#include "runtime/archive/term_filter.h"
#include "runtime/base/threads.h"

namespace kqlc::archive {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kRowsPerBatch = 65'536;
constexpr uint64_t kMaxChunkBytes = uint64_t{1} << 30;  // utf8 offsets are int32

// Writes the chunks of one source. Those that were not committed are removed again.
class ChunkWriter {
 public:
  ChunkWriter(const IngestSource& source, std::string folder, const std::vector<ColumnRequest>& columns,
              const IngestRequest& request)
      : source_(source),
        folder_(std::move(folder)),
        columns_(columns),
        rows_per_chunk_(request.rows_per_chunk) {
    for (const ColumnRequest& column : columns) stores_.push_back(std::make_unique<ChunkColumn>(column));
    if (request.terms) terms_ = std::make_unique<TermFilterWriter>();
  }
  ChunkWriter(const ChunkWriter&) = delete;
  ChunkWriter& operator=(const ChunkWriter&) = delete;
  ~ChunkWriter() {
    std::error_code ignored;
    for (const std::string& name : pending_) fs::remove(temporary(name), ignored);
  }

  arrow::Status append(const Batch& batch) {
    for (size_t i = 0; i < stores_.size(); ++i)
      ARROW_RETURN_NOT_OK(stores_[i]->append(batch.columns[i], batch.num_rows, &bytes_));
    rows_ += batch.num_rows;
    return rows_ >= rows_per_chunk_ || bytes_ >= kMaxChunkBytes ? flush() : arrow::Status::OK();
  }

  // Writes the rows since the last chunk. Columns without a value in them are left out.
  arrow::Status flush() {
    if (rows_ == 0) return arrow::Status::OK();
    std::string statistics;
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (size_t i = 0; i < stores_.size(); ++i) {
      bool is_vacant = stores_[i]->is_vacant();
      if (!is_vacant) statistics += (statistics.empty() ? "" : ",") + stores_[i]->statistics();
      ARROW_ASSIGN_OR_RAISE(auto array, stores_[i]->finish());
      if (is_vacant) continue;
      if (terms_) add_terms(columns_[i], *array);
      fields.push_back(field_of(columns_[i], array->type()));
      arrays.push_back(std::move(array));
    }
    std::string name = chunk_name(source_, num_chunks_++);
    pending_.push_back(name);
    auto rows = static_cast<int64_t>(rows_);
    ARROW_RETURN_NOT_OK(write_file(name, *arrow::Table::Make(arrow::schema(fields), arrays, rows)));
    std::error_code error;
    const uint64_t bytes = fs::file_size(temporary(name), error);
    std::string terms;
    if (terms_) {
      ARROW_ASSIGN_OR_RAISE(terms, write_terms(name, bytes));
    }
    manifest_ += "{\"file\":" + quote(name) + ",\"bytes\":" + std::to_string(bytes) + "," +
                 source_.manifest_fields() + ",\"rows\":" + std::to_string(rows_) + terms + ",\"columns\":{" +
                 statistics + "}}\n";
    rows_ = 0;
    bytes_ = 0;
    return arrow::Status::OK();
  }

  // Gives all chunks their names and returns the manifest's lines; also of a source without rows, so that it
  // is not read again.
  arrow::Result<std::string> commit() {
    ARROW_RETURN_NOT_OK(flush());
    for (const std::string& name : pending_) {
      std::error_code error;
      fs::rename(temporary(name), folder_ + "/" + name, error);
      if (error) return arrow::Status::IOError(folder_, "/", name, ": ", error.message());
    }
    pending_.clear();
    if (!manifest_.empty()) return manifest_;
    return "{" + source_.manifest_fields() + ",\"rows\":0}\n";
  }

 private:
  // The texts of a column, each that repeats once.
  void add_terms(const ColumnRequest& column, const arrow::Array& array) {
    if (column.type != Type::String && column.type != Type::Dynamic) return;
    const bool has_codes = array.type_id() == arrow::Type::DICTIONARY;
    auto& texts = static_cast<const arrow::StringArray&>(
        has_codes ? *static_cast<const arrow::DictionaryArray&>(array).dictionary() : array);
    for (int64_t i = 0; i < texts.length(); ++i) terms_->add(column.type, texts.GetView(i));
    terms_->end_column(column.name, column.type);
  }

  // Writes the filter of a chunk of so many bytes; returns what the manifest says of it.
  arrow::Result<std::string> write_terms(const std::string& name, uint64_t bytes) {
    uint64_t number = 0;
    const std::string content = terms_->finish(bytes, &number);
    pending_.push_back(terms_path(name));
    ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::FileOutputStream::Open(temporary(pending_.back())));
    ARROW_RETURN_NOT_OK(out->Write(content));
    ARROW_RETURN_NOT_OK(out->Close());
    char text[32];
    std::snprintf(text, sizeof text, ",\"terms\":\"%016llx\"", static_cast<unsigned long long>(number));
    return text;
  }

  std::string temporary(const std::string& name) const { return folder_ + "/" + name + ".tmp"; }

  arrow::Status write_file(const std::string& name, const arrow::Table& table) {
    auto options = arrow::ipc::IpcWriteOptions::Defaults();
    options.alignment = 64;
    ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::FileOutputStream::Open(temporary(name)));
    ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeFileWriter(out, table.schema(), options));
    ARROW_RETURN_NOT_OK(writer->WriteTable(table, kRowsPerBatch));
    ARROW_RETURN_NOT_OK(writer->Close());
    return out->Close();
  }

  const IngestSource& source_;
  std::string folder_;
  const std::vector<ColumnRequest>& columns_;
  uint64_t rows_per_chunk_;
  std::vector<std::unique_ptr<ChunkColumn>> stores_;
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
  size_t num_chunks_ = 0;
  std::vector<std::string> pending_;         // files that are not renamed yet
  std::unique_ptr<TermFilterWriter> terms_;  // nullptr: none are wanted
  std::string manifest_;
};

// Adds the columns of `more` whose names are new.
void add_columns(std::vector<ColumnRequest>& columns, const std::vector<ColumnRequest>& more) {
  for (const ColumnRequest& column : more) {
    bool known =
        std::any_of(columns.begin(), columns.end(), [&](const auto& c) { return c.name == column.name; });
    if (!known) columns.push_back(column);
  }
}

class Ingest {
 public:
  Ingest(const IngestRequest& request, ScanReport* report) : request_(request), report_(report) {}

  // Converts a source for its table, or for each table that its rows name.
  Result<void> add(const IngestSource& source) {
    const File& file = *source.file;
    std::string table = file.table.empty() ? request_.table : file.table;
    if (!table.empty()) return add_table(source, table);
    std::vector<std::string> known, tables;
    for (const auto& [name, schema] : request_.schemas) known.push_back(name);
    KQLC_TRY_ASSIGN(tables, find_named_tables(file, known));
    if (tables.empty())
      return Error{ErrorCode::Usage, file.path + ": no table is known; name one with --table"};
    for (const std::string& name : tables) KQLC_TRY(add_table(source, name));
    return {};
  }

 private:
  // What is known of one table.
  struct Table {
    KnownSources known;
    std::set<std::string> taken;  // names of sources of this run
  };

  Result<void> add_table(const IngestSource& source, const std::string& table) {
    std::string folder = request_.folder + "/" + table;
    bool is_new = false;
    KQLC_TRY_ASSIGN(is_new, take(folder, source));
    if (!is_new) return {};
    std::vector<ColumnRequest> columns, own;
    if (auto schema = request_.schemas.find(table); schema != request_.schemas.end())
      columns = schema->second;
    auto read = read_columns(*source.file);
    if (read.ok()) own = std::move(read).value();
    if (!read.ok() && columns.empty()) return read.error();
    add_columns(columns, own);
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) return Error{ErrorCode::Io, folder + ": " + failed.message()};
    return convert(source, table, folder, columns);
  }

  // Whether the source is still to be read for a table.
  Result<bool> take(const std::string& folder, const IngestSource& source) {
    std::lock_guard lock(mutex_);
    auto place = tables_.find(folder);
    if (place == tables_.end())
      place = tables_.emplace(folder, Table{KnownSources(read_manifest(folder), folder), {}}).first;
    bool is_done = false;
    KQLC_TRY_ASSIGN(is_done, place->second.known.is_done(source));
    // One file under two names, one of which its table is known by, is read once.
    if (!place->second.taken.insert(source.name).second) is_done = true;
    if (is_done) ++report_->skipped_files;
    return !is_done;
  }

  // Chunks of an older state of the source must not stay beside the new ones.
  void remove_old_chunks(const std::string& folder, const IngestSource& source) {
    std::error_code ignored;
    for (const std::string& chunk : tables_.at(folder).known.chunks_of(source))
      for (const std::string& name : {chunk, terms_path(chunk)}) fs::remove(folder + "/" + name, ignored);
  }

  Result<void> convert(const IngestSource& source, const std::string& table, const std::string& folder,
                       const std::vector<ColumnRequest>& columns) {
    ChunkWriter writer(source, folder, columns, request_);
    ScanRequest scan;
    scan.table = table;
    scan.columns = columns;
    scan.mapping = Mapping::None;  // every byte is read once
    if (auto known = request_.schemas.find(table); known != request_.schemas.end())
      for (const ColumnRequest& column : known->second) scan.table_columns.push_back(column.name);
    ScanControl control;
    control.cancelled = request_.cancelled;
    control.progress = request_.progress;
    arrow::Status status;
    ScanReport report;
    auto append = [&](int, const Batch& batch) {
      status = writer.append(batch);
      return status.ok();
    };
    KQLC_TRY(scan_files({*source.file}, scan, control, append, &report));
    // Columns of the schema that a source lacks are no news.
    report.missing_columns.clear();
    if (!status.ok()) return Error{ErrorCode::Io, folder + ": " + message_of(status)};
    if (request_.cancelled && request_.cancelled()) return Error{ErrorCode::Cancelled, "interrupted"};
    std::lock_guard lock(mutex_);
    if (!report.lost.empty()) report.errors.push_back(std::move(report.lost[0]));
    report.lost.clear();
    bool whole = report.errors.empty() && report.only_bad_lines.empty();
    // A source that broke off or cannot be read leaves nothing behind: a better copy of it is read again.
    if (whole) KQLC_TRY(enter(writer, folder, source));
    if (!whole) report.rows = 0;
    report_->merge(report);
    return {};
  }

  Result<void> enter(ChunkWriter& writer, const std::string& folder, const IngestSource& source) {
    remove_old_chunks(folder, source);
    auto lines = writer.commit();
    if (!lines.ok()) return Error{ErrorCode::Io, message_of(lines.status())};
    std::string path = folder + "/" + kManifestName;
    std::ofstream out(path, std::ios::app);
    out << *lines << std::flush;
    if (!out) return Error{ErrorCode::Io, path + ": cannot be written"};
    return {};
  }

  const IngestRequest& request_;
  ScanReport* report_;
  std::mutex mutex_;
  std::map<std::string, Table> tables_;  // by folder
};

// Chunks of an archive, and those of them without a term filter beside them.
struct TermsCount {
  size_t chunks = 0, without = 0;
};

TermsCount count_terms(const std::string& archive) {
  TermsCount count;
  std::error_code ignored;
  for (const fs::directory_entry& table : fs::directory_iterator(archive, ignored)) {
    if (!table.is_directory(ignored)) continue;
    for (const auto& [name, statistics] : read_manifest(table.path().string()).chunks) {
      if (!fs::exists(table.path() / name, ignored)) continue;  // of a source that has become shorter
      ++count.chunks;
      count.without += !statistics->terms || !fs::exists(table.path() / terms_path(name), ignored);
    }
  }
  return count;
}

// Says where terms are wanted, or are there, and chunks lack them: nothing else does, a scan reads those.
void note_missing_terms(const IngestRequest& request, std::vector<std::string>* notes) {
  const TermsCount count = count_terms(request.folder);
  if (count.without == 0 || (!request.terms && count.without == count.chunks)) return;
  notes->push_back(std::to_string(count.without) + " of " + std::to_string(count.chunks) +
                   " chunks of the archive have no terms, and scans read them whole; ingest the sources with "
                   "--terms into a new folder to have them for all");
}

}  // namespace

Result<void> ingest_files(const std::vector<File>& files, const IngestRequest& request, ScanReport* report) {
  std::vector<IngestSource> sources;
  KQLC_TRY_ASSIGN(sources, find_sources(files, request.folder, &report->notes));
  Ingest ingest(request, report);
  std::atomic<size_t> next{0};
  std::mutex mutex;
  Result<void> result;
  auto work = [&](size_t) {
    for (size_t i = next++; i < sources.size(); i = next++) {
      auto added = ingest.add(sources[i]);
      if (added.ok()) continue;
      std::lock_guard lock(mutex);
      // What is wrong with one source is no reason to leave the others.
      if (added.error().code != ErrorCode::Io && added.error().code != ErrorCode::Cancelled) {
        report->errors.push_back(std::move(added.error()));
        report->unread.insert(sources[i].file->ordinal);
        ++report->files;
        continue;
      }
      if (result.ok()) result = std::move(added.error());
      next = sources.size();
    }
  };
  on_threads(static_cast<size_t>(std::max(1, request.threads)), work);
  note_missing_terms(request, &report->notes);
  return result;
}

}  // namespace kqlc::archive
