// SPDX-License-Identifier: Apache-2.0
//
// `kqlc scan`: rules from files and folders over an archive, in one pass. A rule that is wrong or not
// supported is reported and left out; all others still run. Exit codes: the worst of the rules, unless the
// data decides (--strict).

#include <chrono>
#include <filesystem>
#include <set>

#include "cli/interrupt.h"
#include "cli/report.h"
#include "cli/rule_scan.h"
#include "cli/run.h"
#include "cli/say.h"
#include "cli/window.h"
#include "cli/write_results.h"
#include "runtime/base/printable.h"

namespace kqlc::cli {

namespace {

void report_hits(const RuleScan& scan) {
  size_t left_out = scan.files.left_out;
  for (size_t i = 0; i < scan.files.rules.size(); ++i) {
    size_t hits = 0;
    bool failed = scan.jobs_of[i].empty();
    std::string partial;
    std::set<std::string> absent;
    for (size_t place : scan.jobs_of[i]) {
      const Job& job = scan.jobs[place];
      for (const ScanTimes& read : job.scan_times)
        if (scan.session.tables.is_absent(read.table)) absent.insert(read.table);
      failed |= job.error.has_value();
      hits += job.rows.rows.size();
      if (!job.partial.empty()) partial = ", partial: " + job.partial;
    }
    left_out += failed;
    if (failed) continue;
    const rule::Rule& rule = scan.files.rules[i];
    std::string name = rule.name.empty() ? "" : "  " + printable(rule.name);
    std::string missing = absent.empty() ? "" : ", without " + few_names(absent);
    say("{}: {}{}{}{}\n", printable(rule_key(rule)), counted(hits, "row"), partial, missing, name);
    for (size_t place : scan.jobs_of[i]) {
      std::string reason = explain_empty_window(scan.jobs[place], scan.session.tables, scan.options);
      if (!reason.empty()) say("  {}\n", reason);
    }
  }
  if (left_out) say("{} of {} rules left out\n", left_out, scan.files.rules.size() + scan.files.left_out);
}

}  // namespace

int run_scan(const Options& options) {
  auto session = open_session(options);
  if (!session.ok()) return fail(session.error());
  if (session.value().tables.empty())
    return fail({ErrorCode::Usage, options.data.empty()
                                       ? "no event files: name them with --data"
                                       : "no event files (JSON, CSV, Parquet, Arrow) in what --data names"});
  auto start = std::chrono::steady_clock::now();
  auto compiled = compile_rules(options, session.value());
  if (!compiled.ok()) return fail(compiled.error());
  RuleScan& scan = compiled.value();
  auto destination = choose_destination(options, scan.jobs.size(), session.value().tables);
  if (!destination.ok()) return fail(destination.error());
  run_jobs(scan.jobs, session.value().tables, options);
  std::vector<Output> outputs = collect_outputs(scan);
  auto written = write_results(outputs, destination.value());
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report_hits(scan);
  if (!scan.jobs.empty())
    std::fputs((session.value().tables.render_report(seconds) + print_bounds(options, scan.bounds)).c_str(),
               stderr);
  if (!written.ok()) return fail(written.error());
  if (interrupted()) return kInterrupted;
  if (scan.files.rules.empty() || session.value().tables.has_unread_input()) return kUsage;
  return options.strict && session.value().tables.has_bad_data() ? kBadData : scan.exit;
}

}  // namespace kqlc::cli
