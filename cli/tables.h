// SPDX-License-Identifier: Apache-2.0
//
// The tables of an archive. In: the files of --data. Out: batches of a table's columns for kernels, rows of
// Cells for the reference executor, the schemas of tables that only the data knows, and a report of what was
// read.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/options.h"
#include "cli/time_range.h"
#include "compiler/reference/execute.h"
#include "runtime/archive/fetch.h"

namespace kqlc::cli {

// What one pass over a table reads.
struct TableScan {
  std::string table;
  plan::Schema columns;
  std::vector<simd::LiteralGroups> prefilters;  // as archive::ScanRequest's; not used under --strict
  Need needs;                                   // as archive::ScanRequest's
};

class Tables {
 public:
  // Lists the files of options.data. Tables that `schemas` does not know get the columns of their files.
  // `schemas` is to stay where it is.
  static Result<Tables> open(const Options& options, plan::Schemas& schemas);

  // Reads `scan` on `threads` threads; batches go to `callback` with their thread. Stops early, without an
  // error, when the user interrupts.
  // `report`, if there is one: what this pass alone has read.
  Result<void> scan(const TableScan& scan, int threads, const archive::BatchCallback& callback,
                    archive::ScanReport* report = nullptr);
  // Whether rows of the table can be fetched after a scan. Not under --strict, which looks at every value.
  bool can_fetch(const std::string& table) const;
  // The columns of rows that a scan of the table has found. Errors: as archive::FetchedRows.
  Result<std::unique_ptr<archive::FetchedRows>> fetch(const std::string& table, const plan::Schema& columns,
                                                      const std::vector<uint64_t>& locators,
                                                      const std::vector<uint64_t>& others,
                                                      size_t memory_limit);
  // Device and inode of each file as it is now.
  std::vector<std::pair<int64_t, int64_t>> find_inodes() const;
  // Whether files are mapped. scan() may then fail with Io for one that lost bytes under it; after
  // stop_mapping() it does not.
  bool is_mapping() const { return mapping_ != archive::Mapping::None; }
  void stop_mapping() { mapping_ = archive::Mapping::None; }
  // Keeps the times that rows of a pass had in a column.
  void note_times(const std::string& table, const std::string& column, const TimeRange& times);
  // The times of a column over all rows that were read or whose statistics are known; kNoTimes where there
  // are none.
  TimeRange times_of(const std::string& table, const std::string& column) const;
  // Whether rows of a table have been parsed, or passed over by their statistics.
  bool has_rows(const std::string& table) const;
  // Rows for the reference executor, those whose time lies in `bounds`.
  reference::TableReader reader(const TimeRange& bounds);

  // The columns that hold a row's time; none where the table has no time, which the report then says.
  const std::vector<std::string>& time_columns_of(const std::string& table);

  // The newest timestamp in the archive's time columns (Timestamp, TimeGenerated), in ticks; 0 where there is
  // none.
  Result<int64_t> newest_time();
  bool empty() const { return files_.empty(); }
  // Whether no file holds a table that was to be read.
  bool is_absent(const std::string& table) const;
  // Whether `path` is one of the files that are read.
  bool holds(const std::string& path) const;

  // Whether the data is bad enough for --strict to fail, over all that was read.
  bool has_bad_data() const;
  // Whether there was nothing to read in an input that --data names by itself, or in all of them.
  bool has_unread_input() const;
  // The report as text for stderr.
  std::string render_report(double seconds) const;
  // That part of it that says what is not in the results, and why; "" where nothing is to be said.
  std::string render_problems() const;
  // Begins the report anew: what is said from here on is about what is read from here on.
  void begin_report();

 private:
  Result<void> read(const std::string& table, const plan::Schema& schema, const std::vector<bool>& needed,
                    const TimeRange& bounds, const reference::RowSink& sink);
  std::vector<archive::File> files_of(const std::string& table) const;
  std::vector<std::string> column_names(const std::string& table) const;
  void note(std::string sentence);
  void note_table(const std::string& table, const std::vector<archive::File>& files);
  std::string print_absent() const;
  archive::ScanReport sum_reports() const;
  Result<void> run(const std::string& table, archive::ScanRequest request, int threads,
                   const archive::BatchCallback& callback, archive::ScanReport* of_pass = nullptr);

  const plan::Schemas* schemas_ = nullptr;
  std::vector<archive::File> files_;
  std::vector<std::string> notes_;
  size_t num_notes_of_list_ = 0;  // the first ones, about the files
  // A table may be read more than once; the pass that saw most counts.
  std::map<std::string, archive::ScanReport> reports_;
  std::set<uint32_t> files_read_;                                        // ordinals
  std::map<std::string, std::vector<std::string>> time_columns_;         // by table that was asked for
  std::map<std::pair<std::string, std::string>, TimeRange> times_read_;  // by table and column
  std::set<std::string> absent_;                                         // tables read that no file holds
  size_t unread_inputs_ = 0;
  int threads_ = 1;
  bool strict_ = false;
  archive::Mapping mapping_ = archive::Mapping::Archives;
};

// "a, b and 3 more".
std::string few_names(const std::set<std::string>& names);

}  // namespace kqlc::cli
