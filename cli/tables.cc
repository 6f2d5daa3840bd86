// SPDX-License-Identifier: Apache-2.0
//
// Batches of columns become rows of Cells, one at a time, in input order.
#include "cli/tables.h"

#include <fmt/format.h>

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
  return out;
}

reference::TableReader Tables::reader() {
  return [this](const std::string& table, const plan::Schema& schema, const std::vector<bool>& needed,
                const reference::RowSink& sink) { return read(table, schema, needed, sink); };
}

// Files that hold the table, or may.
std::vector<archive::File> Tables::files_of(const std::string& table) const {
  std::vector<archive::File> files;
  for (const archive::File& file : files_)
    if (file.table.empty() || file.table == table) files.push_back(file);
  return files;
}

Result<void> Tables::read(const std::string& table, const plan::Schema& schema, const std::vector<bool>& needed,
                          const reference::RowSink& sink) {
  archive::ScanRequest request;
  request.table = table;
  request.strict = strict_;
  std::vector<size_t> places;
  for (size_t i = 0; i < schema.size(); ++i)
    if (needed[i]) {
      request.columns.push_back({schema[i].name, schema[i].type});
      places.push_back(i);
    }
  std::vector<archive::File> files = files_of(table);
  std::vector<Cell> row;
  for (const plan::ColumnDef& column : schema) row.push_back(null_cell(column.type));
  Arena arena;
  auto take_batch = [&](int, const Batch& batch) {
    for (int64_t r = 0; r < batch.num_rows; ++r) {
      if (r % 1024 == 0) arena.reset();
      for (size_t i = 0; i < places.size(); ++i) {
        const Column& column = batch.columns[i];
        Type type = schema[places[i]].type;
        row[places[i]] = type == Type::Dynamic ? dynamic::load_dynamic(column, column.encoding, r, arena)
                                               : load(column, type, column.encoding, r);
      }
      if (!sink(row.data(), batch.position + static_cast<uint64_t>(r))) return false;
    }
    return true;
  };
  archive::ScanControl control;
  return archive::scan_files(files, request, control, take_batch, &report_);
}

Result<void> Tables::scan(const codegen::KernelInput& input, int threads, const archive::BatchCallback& callback) {
  archive::ScanRequest request;
  request.table = input.table;
  request.strict = strict_;
  if (!strict_) request.prefilter = input.prefilter;
  for (const plan::ColumnDef& column : input.columns) request.columns.push_back({column.name, column.type});
  archive::ScanControl control;
  control.threads = threads;
  return archive::scan_files(files_of(input.table), request, control, callback, &report_);
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

std::string Tables::render_report(double seconds) const {
  std::string out = fmt::format("scanned {} files, {} rows, {:.1f} MB in {:.2f} s\n", report_.files, report_.rows,
                                static_cast<double>(report_.bytes) / 1e6, seconds);
  if (report_.bad_lines) out += fmt::format("bad lines: {} of {} parsed\n", report_.bad_lines, report_.lines);
  for (const archive::Sample& sample : report_.samples) out += fmt::format("  {}: {}\n", sample.place, sample.message);
  for (const auto& [column, problem] : report_.problems)
    out += fmt::format("column {}: {} values could not be converted, first {}: {}\n", column, problem.failures, problem.first.place, problem.first.message);
  for (const Error& error : report_.errors) out += fmt::format("left out: {}\n", error.message);
  for (const std::string& note : notes_) out += note + "\n";
  for (const std::string& note : report_.notes) out += note + "\n";
  return out;
}

}  // namespace kqlc::cli
