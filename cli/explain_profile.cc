// SPDX-License-Identifier: Apache-2.0
//
// Rows are formed as NDJSON and written nowhere, so that writing is in the profile.
#include "cli/explain_profile.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/output_file.h"
#include "cli/run.h"
#include "cli/table_width.h"
#include "cli/write_results.h"

namespace kqlc::cli {

namespace {

// As with results, a file's name says its form where --format does not.
bool wants_json(const Options& options) {
  return options.format == "json" ||
         (options.format.empty() && options.output.ends_with(extension_of(OutputFormat::Json)));
}

}  // namespace

int explain_profile(const Options& options) {
  if (!options.format.empty() && options.format != "json" && options.format != "table")
    return fail({ErrorCode::Usage, "--format: a profile is a table or json"});
  Profile profile(num_threads(options));
  const uint64_t start = wall_nanoseconds();
  auto session = open_session(options);
  if (!session.ok()) return fail(session.error());
  profile.wall.open = wall_nanoseconds() - start;
  if (session.value().tables.empty())
    return fail({ErrorCode::Usage, "no event files: name them with --data"});
  auto compiled = compile_rules(options, session.value(), &profile);
  if (!compiled.ok()) return fail(compiled.error());
  RuleScan& scan = compiled.value();
  if (session.value().tables.holds(options.output))
    return fail({ErrorCode::Usage, options.output + ": is read by these rules; name another file with -o"});
  auto out = OutputFile::open(options.output);
  if (!out.ok()) return fail(out.error());
  run_jobs(scan.jobs, session.value().tables, options, &profile);
  std::vector<Output> outputs = collect_outputs(scan);
  {
    WallTime wall(&profile.wall.write);
    Measured writing(profile.watch(0), &profile.write);
    auto written = write_results(outputs, {OutputFormat::Ndjson, "/dev/null"});
    if (!written.ok()) return fail(written.error());
  }
  const bool on_terminal = options.output.empty() || options.output == "-";
  auto written = out.value().write(
      wants_json(options) ? profile_json(scan, profile)
                          : print_profile(scan, profile, on_terminal ? terminal_width(STDOUT_FILENO) : 0));
  if (!written.ok()) return fail(written.error());
  if (auto done = out.value().commit(); !done.ok()) return fail(done.error());
  if (interrupted()) return kInterrupted;
  if (scan.files.rules.empty() || session.value().tables.has_unread_input()) return kUsage;
  return options.strict && session.value().tables.has_bad_data() ? kBadData : scan.exit;
}

}  // namespace kqlc::cli
