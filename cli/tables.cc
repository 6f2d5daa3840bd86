// SPDX-License-Identifier: Apache-2.0
//
// Passes over the files of a table: for kernels as batches on all threads, for the reference executor as rows
// of Cells, one at a time, in input order.
#include "cli/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/standard_input.h"
#include "runtime/base/printable.h"
#include "runtime/value/dynamic.h"

namespace kqlc::cli {

namespace {

// A type that holds the values of both.
Type widest(Type a, Type b) {
  auto is_number = [](Type type) { return type == Type::Int || type == Type::Long || type == Type::Real; };
  if (a == b) return a;
  if (!is_number(a) || !is_number(b)) return Type::String;
  return a == Type::Real || b == Type::Real ? Type::Real : Type::Long;
}

// The columns of the tables that no schema knows, from all of their files: one may lack what another has, or
// have whole numbers only.
std::map<std::string, plan::Schema::Columns> read_schemas(const std::vector<archive::File>& files,
                                                          const plan::Schemas& known) {
  std::map<std::string, plan::Schema::Columns> out;
  std::set<std::pair<std::string, std::string>> guesses;  // table and column, of which only null was seen
  for (const archive::File& file : files) {
    if (file.table.empty() || known.find(file.table)) continue;
    auto columns = archive::read_columns(file);
    if (!columns.ok()) continue;  // the scan will say why
    plan::Schema::Columns& schema = out[file.table];
    for (const archive::ColumnRequest& column : columns.value()) {
      auto place = std::ranges::find(schema, column.name, &plan::ColumnDef::name);
      if (place == schema.end()) {
        schema.push_back({column.name, column.type});
        if (column.is_guess) guesses.emplace(file.table, column.name);
      } else if (!column.is_guess) {
        const bool was_guess = guesses.erase({file.table, column.name}) > 0;
        place->type = was_guess ? column.type : widest(place->type, column.type);
      }
    }
  }
  return out;
}

}  // namespace

Result<Tables> Tables::open(const Options& options, plan::Schemas& schemas) {
  Tables out;
  out.schemas_ = &schemas;
  out.strict_ = options.strict;
  out.threads_ = num_threads(options);
  if (options.map_all) out.mapping_ = archive::Mapping::All;
  if (options.map_none) out.mapping_ = archive::Mapping::None;
  archive::ListOptions list{options.table, schemas.tables()};
  if (options.data.empty()) return out;
  std::vector<std::string> paths = options.data;
  KQLC_TRY(take_standard_input(paths));
  KQLC_TRY_ASSIGN(out.files_, archive::list_files(paths, list, &out.notes_, &out.unread_inputs_));
  out.num_notes_of_list_ = out.notes_.size();
  for (auto& [table, schema] : read_schemas(out.files_, schemas)) schemas.add(table, std::move(schema));
  return out;
}

const std::vector<std::string>& Tables::time_columns_of(const std::string& table) {
  auto [place, is_new] = time_columns_.try_emplace(table);
  const plan::Schema* schema = is_new ? schemas_->find(table) : nullptr;
  if (schema) place->second = time_columns(*schema);
  if (place->second.empty()) note(table + " has no time column: all of its rows were read");
  return place->second;
}

std::vector<std::string> Tables::column_names(const std::string& table) const {
  std::vector<std::string> names;
  if (const plan::Schema* schema = schemas_->find(table))
    for (const plan::ColumnDef& column : *schema) names.push_back(column.name);
  return names;
}

reference::TableReader Tables::reader(const TimeRange& bounds) {
  return [this, bounds](const std::string& table, const plan::Schema& schema, const std::vector<bool>& needed,
                        const reference::RowSink& sink) { return read(table, schema, needed, bounds, sink); };
}

bool Tables::is_absent(const std::string& table) const { return absent_.contains(table); }

void Tables::note(std::string sentence) {
  if (std::find(notes_.begin(), notes_.end(), sentence) == notes_.end())
    notes_.push_back(std::move(sentence));
}

// Keeps that no file holds the table; says when files of a larger archive were taken for it because they name
// none.
void Tables::note_table(const std::string& table, const std::vector<archive::File>& files) {
  if (files.empty()) absent_.insert(table);
  if (files_.size() == 1) return;
  for (const archive::File& file : files)
    if (file.table.empty())
      return note(
          fmt::format("{}: no table in its path, so its rows count as {} unless they name another table; "
                      "--table says what files hold",
                      file.path, table));
}

std::string few_names(const std::set<std::string>& names) {
  constexpr size_t kMost = 6;
  std::string out;
  size_t shown = 0;
  for (const std::string& name : names)
    if (shown++ < kMost) out += (out.empty() ? "" : ", ") + name;
  return names.size() > kMost ? out + fmt::format(" and {} more", names.size() - kMost) : out;
}

// One sentence for all tables that were asked for in vain: a union over a wildcard asks for dozens.
std::string Tables::print_absent() const {
  if (absent_.empty()) return "";
  std::set<std::string> held;
  for (const archive::File& file : files_) held.insert(file.table);
  return printable(
             fmt::format("no file of --data holds {}: they hold {}", few_names(absent_), few_names(held))) +
         "\n";
}

// Files that hold the table, or may.
std::vector<archive::File> Tables::files_of(const std::string& table) const {
  std::vector<archive::File> files;
  for (const archive::File& file : files_)
    if (file.table.empty() || file.table == table) files.push_back(file);
  return files;
}

Result<void> Tables::run(const std::string& table, archive::ScanRequest request, int threads,
                         const archive::BatchCallback& callback, archive::ScanReport* of_pass) {
  request.table_columns = column_names(table);
  std::vector<archive::File> files = files_of(table);
  if (files_.empty())
    return Error{ErrorCode::Usage, "the query reads " + table + ": name event files with --data"};
  note_table(table, files);
  for (const archive::File& file : files) files_read_.insert(file.ordinal);
  Progress progress(files);
  archive::ScanControl control;
  control.threads = threads;
  control.cancelled = interrupted;
  control.progress = progress.counter();
  archive::ScanReport report;
  KQLC_TRY(archive::scan_files(files, request, control, callback, &report));
  if (of_pass) *of_pass = report;
  archive::ScanReport& known = reports_[table];
  if (report.lines + report.rows >= known.lines + known.rows) std::swap(known, report);
  for (const auto& [column, problem] : report.problems) known.problems.insert({column, problem});
  for (const auto& [column, count] : report.missing_columns) known.missing_columns.insert({column, count});
  // A column that one pass did not read may be damaged, a file may be gone between two.
  auto add_new = [](std::vector<Error>& to, std::vector<Error>& from) {
    for (Error& error : from)
      if (std::ranges::find(to, error.message, &Error::message) == to.end()) to.push_back(std::move(error));
  };
  add_new(known.errors, report.errors);
  add_new(known.lost, report.lost);
  known.broke_off |= report.broke_off;
  known.read_on |= report.read_on;
  known.unread.insert(report.unread.begin(), report.unread.end());
  known.only_bad_lines.insert(report.only_bad_lines.begin(), report.only_bad_lines.end());
  return {};
}

Result<void> Tables::read(const std::string& table, const plan::Schema& schema,
                          const std::vector<bool>& needed, const TimeRange& bounds,
                          const reference::RowSink& sink) {
  archive::ScanRequest request;
  request.table = table;
  request.strict = strict_;
  request.mapping = archive::Mapping::None;
  std::vector<std::string> bounding =
      bounds.is_bounded() ? time_columns_of(table) : std::vector<std::string>();
  std::vector<size_t> places, time_places;
  for (size_t i = 0; i < schema.size(); ++i) {
    bool is_time = std::find(bounding.begin(), bounding.end(), schema[i].name) != bounding.end();
    if (is_time) time_places.push_back(i);
    if (!needed[i] && !is_time) continue;
    request.columns.push_back({schema[i].name, schema[i].type});
    places.push_back(i);
  }
  std::vector<Cell> row;
  for (const plan::ColumnDef& column : schema) row.push_back(null_cell(column.type));
  auto in_bounds = [&] {
    if (time_places.empty()) return true;
    auto time =
        std::find_if(time_places.begin(), time_places.end(), [&](size_t place) { return row[place].valid; });
    return time != time_places.end() && bounds.contains(row[*time].l);
  };
  std::map<std::string, TimeRange> times;
  auto note_row = [&] {
    for (size_t place : places)
      if (schema[place].type == Type::DateTime && row[place].valid)
        include(times.try_emplace(schema[place].name, kNoTimes).first->second, {row[place].l, row[place].l});
  };
  Arena arena;
  auto result = run(table, request, 1, [&](int, const Batch& batch) {
    for (int64_t r = 0; r < batch.num_rows; ++r) {
      if (r % 1024 == 0) arena.reset();
      for (size_t i = 0; i < places.size(); ++i) {
        const Column& column = batch.columns[i];
        Type type = schema[places[i]].type;
        row[places[i]] = type == Type::Dynamic ? dynamic::load_dynamic(column, column.encoding, r, arena)
                                               : load(column, type, column.encoding, r);
      }
      note_row();
      if (in_bounds() && !sink(row.data(), batch.position + static_cast<uint64_t>(r))) return false;
    }
    return true;
  });
  for (const auto& [column, range] : times) note_times(table, column, range);
  return result;
}

std::vector<std::pair<int64_t, int64_t>> Tables::find_inodes() const {
  std::vector<std::pair<int64_t, int64_t>> inodes;
  for (const archive::File& file : files_) {
    const archive::FileIdentity identity = archive::find_identity(file);
    inodes.emplace_back(identity[0], identity[1]);
  }
  return inodes;
}

Result<void> Tables::scan(const TableScan& scan, int threads, const archive::BatchCallback& callback,
                          archive::ScanReport* report) {
  archive::ScanRequest request;
  request.table = scan.table;
  request.strict = strict_;
  request.mapping = mapping_;
  if (!strict_) request.prefilters = scan.prefilters;
  request.needs = scan.needs;
  request.late = true;
  for (const plan::ColumnDef& column : scan.columns) request.columns.push_back({column.name, column.type});
  return run(scan.table, request, threads, callback, report);
}

bool Tables::can_fetch(const std::string& table) const {
  return !strict_ && std::ranges::all_of(files_of(table), archive::is_fetchable);
}

Result<std::unique_ptr<archive::FetchedRows>> Tables::fetch(const std::string& table,
                                                            const plan::Schema& columns,
                                                            const std::vector<uint64_t>& locators,
                                                            const std::vector<uint64_t>& others,
                                                            size_t memory_limit) {
  archive::ScanRequest request;
  request.table = table;
  request.mapping = mapping_;
  request.table_columns = column_names(table);
  for (const plan::ColumnDef& column : columns) request.columns.push_back({column.name, column.type});
  archive::ScanControl control;
  control.threads = threads_;
  control.cancelled = interrupted;
  return archive::FetchedRows::fetch(files_of(table), std::move(request), control, locators, others,
                                     memory_limit, &reports_[table]);
}

void Tables::note_times(const std::string& table, const std::string& column, const TimeRange& times) {
  include(times_read_.try_emplace({table, column}, kNoTimes).first->second, times);
}

TimeRange Tables::times_of(const std::string& table, const std::string& column) const {
  auto read = times_read_.find({table, column});
  TimeRange times = read == times_read_.end() ? kNoTimes : read->second;
  auto report = reports_.find(table);
  if (report != reports_.end() && report->second.skipped_times.contains(column)) {
    auto [least, greatest] = report->second.skipped_times.at(column);
    include(times, {least, greatest});
  }
  for (const archive::File& file : files_of(table)) {
    if (!file.statistics) continue;
    auto known = file.statistics->columns.find(column);
    if (known != file.statistics->columns.end() && known->second.has_times())
      include(times, {known->second.least, known->second.greatest});
  }
  return times;
}

bool Tables::has_rows(const std::string& table) const {
  auto report = reports_.find(table);
  return report != reports_.end() && (report->second.rows > 0 || report->second.skipped_groups > 0);
}

Result<int64_t> Tables::newest_time() {
  static const std::vector<std::string> kColumns = {"Timestamp", "TimeGenerated"};
  std::vector<archive::File> unknown;
  std::vector<int64_t> newest(static_cast<size_t>(threads_), 0);
  for (const archive::File& file : files_) {
    if (!file.statistics) unknown.push_back(file);
    for (const std::string& name : kColumns)
      if (file.statistics && file.statistics->columns.contains(name) &&
          file.statistics->columns.at(name).has_times())
        newest[0] = std::max(newest[0], file.statistics->columns.at(name).greatest);
  }
  archive::ScanRequest request;
  request.mapping = archive::Mapping::None;
  for (const std::string& name : kColumns) request.columns.push_back({name, Type::DateTime});
  Progress progress(unknown);
  archive::ScanControl control;
  control.threads = threads_;
  control.cancelled = interrupted;
  control.progress = progress.counter();
  archive::ScanReport report;
  KQLC_TRY(archive::scan_files(
      unknown, request, control,
      [&](int thread, const Batch& batch) {
        int64_t& mine = newest[static_cast<size_t>(thread)];
        for (size_t i = 0; i < batch.num_columns; ++i)
          for (int64_t r = 0; r < batch.num_rows; ++r) {
            Cell cell = load(batch.columns[i], Type::DateTime, batch.columns[i].encoding, r);
            if (cell.valid) mine = std::max(mine, cell.l);
          }
        return true;
      },
      &report));
  if (interrupted())
    return Error{ErrorCode::Cancelled, "interrupted while the newest timestamp was looked for"};
  return *std::max_element(newest.begin(), newest.end());
}

bool Tables::holds(const std::string& path) const {
  std::error_code none;
  return std::ranges::any_of(
      files_, [&](const archive::File& file) { return std::filesystem::equivalent(file.path, path, none); });
}

bool Tables::has_bad_data() const {
  return std::any_of(reports_.begin(), reports_.end(), [](const auto& entry) {
    return entry.second.has_bad_data() || !entry.second.errors.empty();
  });
}

bool Tables::has_unread_input() const {
  size_t unread = 0;
  bool named = false;
  for (const archive::File& file : files_) {
    bool nothing = std::any_of(reports_.begin(), reports_.end(),
                               [&](const auto& entry) { return entry.second.gave_nothing(file); });
    unread += nothing;
    named |= nothing && file.named;
  }
  return unread_inputs_ || named || (!files_read_.empty() && unread >= files_read_.size());
}

archive::ScanReport Tables::sum_reports() const {
  archive::ScanReport total;
  for (const auto& [table, report] : reports_) total.merge(report);
  return total;
}

std::string Tables::render_report(double seconds) const {
  const archive::ScanReport total = sum_reports();
  uint64_t bytes = 0;
  for (const archive::File& file : files_)
    if (files_read_.contains(file.ordinal)) bytes += file.bytes;
  std::string out =
      fmt::format("scanned {}, {} parsed, {:.1f} MB in {:.2f} s\n", counted(files_read_.size(), "file"),
                  counted(total.rows, "row"), static_cast<double>(bytes) / 1e6, seconds);
  if (total.skipped_groups)
    out += fmt::format("{} passed over by their statistics\n", counted(total.skipped_groups, "row group"));
  if (total.skipped_files)
    out += fmt::format("{} passed over by their statistics\n", counted(total.skipped_files, "chunk"));
  if (total.skipped_by_terms)
    out += fmt::format("{} passed over by their terms\n", counted(total.skipped_by_terms, "chunk"));
  return name_standard_input(std::move(out)) + render_problems();
}

std::string Tables::render_problems() const {
  const archive::ScanReport total = sum_reports();
  std::string out = print_problems(total);
  if (total.broke_off) out += "of a file that breaks off, the rows before that place are in the results\n";
  if (total.read_on) out += "of a file with damage in between, all other rows are in the results\n";
  out += print_absent();
  for (const std::string& note : notes_) out += printable(note) + "\n";
  return name_standard_input(std::move(out));
}

void Tables::begin_report() {
  reports_.clear();
  files_read_.clear();
  times_read_.clear();
  absent_.clear();
  notes_.resize(num_notes_of_list_);
}

}  // namespace kqlc::cli
