// SPDX-License-Identifier: Apache-2.0
//
// `kqlc query`: one query from the command line, or many from standard input.

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>

#include "cli/batch.h"
#include "cli/interrupt.h"
#include "cli/report.h"
#include "cli/run.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/window.h"
#include "cli/write_results.h"

namespace kqlc::cli {

namespace {

Result<std::string> query_text(const Options& options) {
  if (!options.query.starts_with('@')) return options.query;
  std::ifstream file(options.query.substr(1));
  if (!file) return Error{ErrorCode::Usage, "cannot read " + options.query.substr(1)};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

int run_query(const Options& options) {
  if (options.batch && std::find(options.data.begin(), options.data.end(), "-") != options.data.end())
    return fail(Error{ErrorCode::Usage,
                      "--batch reads queries from standard input: --data - cannot be read from there, too"});
  auto session = open_session(options);
  if (!session.ok()) return fail(session.error());
  auto& [schemas, tables, now] = session.value();
  if (options.batch) return run_batch(*schemas, now, tables, options);
  auto text = query_text(options);
  if (!text.ok()) return fail(text.error());
  Compiled compiled = compile({"query", text.value(), text.value(), {}}, *schemas, now);
  std::fputs(render(compiled).c_str(), stderr);
  if (!compiled.ok()) return compiled.exit_code();
  auto destination = choose_destination(options, compiled.plan.results.size(), tables);
  if (!destination.ok()) return fail(destination.error());
  auto bounds = time_bounds(options);
  if (!bounds.ok()) return fail(bounds.error());
  auto start = std::chrono::steady_clock::now();
  std::vector<Job> jobs = make_jobs(compiled.plan, bounds.value());
  std::vector<Output> outputs;
  run_jobs(jobs, tables, options);
  for (Job& job : jobs) {
    if (job.error) return fail(*job.error);
    outputs.push_back({"", "", "result", &job.rows, job.partial});
  }
  auto written = write_results(outputs, destination.value());
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (const Output& output : outputs) say("{}\n", counted(output.rows->rows.size(), "row"));
  if (!tables.empty())
    std::fputs((tables.render_report(seconds) + print_bounds(options, bounds.value())).c_str(), stderr);
  for (const Job& job : jobs) {
    std::string reason = explain_empty_window(job, tables, options);
    if (!reason.empty()) say("no event in its window: {}\n", reason);
  }
  if (!written.ok()) return fail(written.error());
  if (interrupted()) return kInterrupted;
  if (tables.has_unread_input()) return kUsage;
  return options.strict && tables.has_bad_data() ? kBadData : kDone;
}

}  // namespace kqlc::cli
