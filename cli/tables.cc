// SPDX-License-Identifier: Apache-2.0
//
// Passes over the files of a table: for kernels as batches on all threads, for the reference executor as rows of Cells,
// one at a time, in input order.
#include "cli/tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "runtime/value/dynamic.h"

namespace kqlc::cli {

Result<Tables> Tables::open(const Options& options, plan::Schemas& schemas) {
  Tables out;
  out.strict_ = options.strict;
  archive::ListOptions list{options.table, schemas.tables()};
  if (options.data.empty()) return out;
  KQLC_TRY_ASSIGN(out.files_, archive::list_files(options.data, list, &out.notes_));
  for (const archive::File& file : out.files_) {
    if (file.table.empty() || schemas.find(file.table)) continue;
    auto columns = archive::read_columns(file);
    if (!columns.ok()) continue;  // the scan will say why
    plan::Schema schema;
    for (const archive::ColumnRequest& column : columns.value()) schema.push_back({column.name, column.type});
    schemas.add(file.table, std::move(schema));
  }
  for (const std::string& table : schemas.tables()) out.time_columns_[table] = time_columns(*schemas.find(table));
  return out;
}

const std::vector<std::string>& Tables::time_columns_of(const std::string& table) {
  const std::vector<std::string>& columns = time_columns_[table];
  std::string note = table + " has no time column: all of its rows were read";
  if (columns.empty() && std::find(notes_.begin(), notes_.end(), note) == notes_.end()) notes_.push_back(note);
  return columns;
}

reference::TableReader Tables::reader(const TimeRange& bounds) {
  return [this, bounds](const std::string& table, const plan::Schema& schema, const std::vector<bool>& needed,
                        const reference::RowSink& sink) { return read(table, schema, needed, bounds, sink); };
}

// Files that hold the table, or may.
std::vector<archive::File> Tables::files_of(const std::string& table) const {
  std::vector<archive::File> files;
  for (const archive::File& file : files_)
    if (file.table.empty() || file.table == table) files.push_back(file);
  return files;
}

Result<void> Tables::run(const std::string& table, const archive::ScanRequest& request, int threads,
                         const archive::BatchCallback& callback) {
  std::vector<archive::File> files = files_of(table);
  for (const archive::File& file : files) files_read_.insert(file.ordinal);
  Progress progress(files);
  archive::ScanControl control;
  control.threads = threads;
  control.cancelled = interrupted;
  control.progress = progress.counter();
  archive::ScanReport report;
  KQLC_TRY(archive::scan_files(files, request, control, callback, &report));
  archive::ScanReport& known = reports_[table];
  if (report.lines + report.rows >= known.lines + known.rows) std::swap(known, report);
  for (const auto& [column, problem] : report.problems) known.problems.insert({column, problem});
  for (const auto& [column, count] : report.missing_columns) known.missing_columns.insert({column, count});
  return {};
}

Result<void> Tables::read(const std::string& table, const plan::Schema& schema, const std::vector<bool>& needed,
                          const TimeRange& bounds, const reference::RowSink& sink) {
  archive::ScanRequest request;
  request.table = table;
  request.strict = strict_;
  std::vector<std::string> times = bounds.is_bounded() ? time_columns_of(table) : std::vector<std::string>();
  std::vector<size_t> places, time_places;
  for (size_t i = 0; i < schema.size(); ++i) {
    bool is_time = std::find(times.begin(), times.end(), schema[i].name) != times.end();
    if (is_time) time_places.push_back(i);
    if (!needed[i] && !is_time) continue;
    request.columns.push_back({schema[i].name, schema[i].type});
    places.push_back(i);
  }
  std::vector<Cell> row;
  for (const plan::ColumnDef& column : schema) row.push_back(null_cell(column.type));
  auto in_bounds = [&] {
    if (time_places.empty()) return true;
    auto time = std::find_if(time_places.begin(), time_places.end(), [&](size_t place) { return row[place].valid; });
    return time != time_places.end() && bounds.contains(row[*time].l);
  };
  Arena arena;
  return run(table, request, 1, [&](int, const Batch& batch) {
    for (int64_t r = 0; r < batch.num_rows; ++r) {
      if (r % 1024 == 0) arena.reset();
      for (size_t i = 0; i < places.size(); ++i) {
        const Column& column = batch.columns[i];
        Type type = schema[places[i]].type;
        row[places[i]] = type == Type::Dynamic ? dynamic::load_dynamic(column, column.encoding, r, arena)
                                               : load(column, type, column.encoding, r);
      }
      if (in_bounds() && !sink(row.data(), batch.position + static_cast<uint64_t>(r))) return false;
    }
    return true;
  });
}

Result<void> Tables::scan(const TableScan& scan, int threads, const archive::BatchCallback& callback) {
  archive::ScanRequest request;
  request.table = scan.table;
  request.strict = strict_;
  if (!strict_) request.prefilter = scan.prefilter;
  for (const plan::ColumnDef& column : scan.columns) request.columns.push_back({column.name, column.type});
  return run(scan.table, request, threads, callback);
}

Result<int64_t> Tables::newest_time() {
  archive::ScanRequest request;
  request.columns = {{"Timestamp", Type::DateTime}, {"TimeGenerated", Type::DateTime}};
  int64_t newest = 0;
  auto take_batch = [&](int, const Batch& batch) {
    for (size_t i = 0; i < batch.num_columns; ++i)
      for (int64_t r = 0; r < batch.num_rows; ++r) {
        Cell cell = load(batch.columns[i], Type::DateTime, batch.columns[i].encoding, r);
        if (cell.valid && cell.l > newest) newest = cell.l;
      }
    return true;
  };
  archive::ScanReport report;
  KQLC_TRY(archive::scan_files(files_, request, archive::ScanControl{}, take_batch, &report));
  return newest;
}

bool Tables::has_bad_data() const {
  return std::any_of(reports_.begin(), reports_.end(), [](const auto& entry) { return entry.second.has_bad_data(); });
}

bool Tables::all_failed() const {
  archive::ScanReport total;
  for (const auto& [table, report] : reports_) total.merge(report);
  std::set<std::string> failures;
  for (const Error& error : total.errors) failures.insert(error.message);
  return !files_read_.empty() && failures.size() >= files_read_.size() && total.rows == 0 && total.lines == 0;
}

std::string Tables::render_report(double seconds) const {
  archive::ScanReport total;
  for (const auto& [table, report] : reports_) total.merge(report);
  uint64_t bytes = 0;
  for (const archive::File& file : files_)
    if (files_read_.contains(file.ordinal)) bytes += file.bytes;
  std::string out = fmt::format("scanned {} files, {} rows, {:.1f} MB in {:.2f} s\n", files_read_.size(), total.rows,
                                static_cast<double>(bytes) / 1e6, seconds);
  if (total.bad_lines) out += fmt::format("bad lines: {} of {} parsed\n", total.bad_lines, total.lines);
  for (const archive::Sample& sample : total.samples) out += fmt::format("  {}: {}\n", sample.place, sample.message);
  if (total.repaired_lines) out += fmt::format("lines with invalid UTF-8, repaired: {}\n", total.repaired_lines);
  for (const auto& [column, problem] : total.problems)
    out += fmt::format("column {}: {} values could not be converted, first {}: {}\n", column, problem.failures,
                       problem.first.place, problem.first.message);
  std::set<std::string> left_out;
  for (const Error& error : total.errors) left_out.insert(error.message);
  for (const std::string& message : left_out) out += fmt::format("left out: {}\n", message);
  for (const std::string& note : notes_) out += note + "\n";
  for (const std::string& note : total.notes) out += note + "\n";
  return out;
}

}  // namespace kqlc::cli
