// SPDX-License-Identifier: Apache-2.0
//
// The tables of an archive as the reference executor reads them: rows of Cells. In: the files of --data. Out: a
// TableReader, the schemas of tables that only the data knows, and a report of what was read.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "codegen/kernel.h"
#include "compiler/reference/execute.h"
#include "runtime/archive/archive.h"

namespace kqlc::cli {

class Tables {
 public:
  // Lists the files of options.data. Tables that `schemas` does not know get the columns of their files.
  static Result<Tables> open(const Options& options, plan::Schemas& schemas);

  reference::TableReader reader();
  const archive::ScanReport& report() const { return report_; }
  // Reads the columns of a kernel's input on `threads` threads; batches go to `callback` with their thread.
  Result<void> scan(const codegen::KernelInput& input, int threads, const archive::BatchCallback& callback);
  // The report as text for stderr.
  std::string render_report(double seconds) const;
  // The newest timestamp in the archive's time columns (Timestamp, TimeGenerated), in ticks; 0 where there is none.
  Result<int64_t> newest_time();
  bool empty() const { return files_.empty(); }

 private:
  Result<void> read(const std::string& table, const plan::Schema& schema, const std::vector<bool>& needed,
                    const reference::RowSink& sink);

  std::vector<archive::File> files_of(const std::string& table) const;

  std::vector<archive::File> files_;
  std::vector<std::string> notes_;
  archive::ScanReport report_;
  bool strict_ = false;
};

}  // namespace kqlc::cli
