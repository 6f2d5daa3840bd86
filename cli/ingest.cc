// SPDX-License-Identifier: Apache-2.0
//
// `kqlc ingest`: files become an archive of Arrow files, which scans read in place. Files that were ingested
// before are passed over, so a run that was stopped goes on where it was.

#include <algorithm>
#include <chrono>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/standard_input.h"

namespace kqlc::cli {

namespace {

archive::IngestRequest make_request(const Options& options, const plan::Schemas& schemas) {
  archive::IngestRequest request;
  request.folder = options.output;
  request.table = options.table;
  request.threads = num_threads(options);
  request.terms = options.terms;
  request.cancelled = interrupted;
  for (const std::string& table : schemas.tables())
    for (const plan::ColumnDef& column : *schemas.find(table))
      request.schemas[table].push_back({column.name, column.type});
  return request;
}

}  // namespace

int run_ingest(const Options& options) {
  auto schemas = load_schemas();
  if (!schemas.ok()) return fail(schemas.error());
  std::vector<std::string> notes, paths = options.data;
  if (auto taken = take_standard_input(paths); !taken.ok()) return fail(taken.error());
  size_t unread = 0;
  auto files = archive::list_files(paths, {options.table, schemas.value().tables()}, &notes, &unread);
  if (!files.ok()) return fail(files.error());
  if (files.value().empty()) return fail({ErrorCode::Usage, "no event files in what was named"});
  archive::IngestRequest request = make_request(options, schemas.value());
  archive::ScanReport report;
  auto start = std::chrono::steady_clock::now();
  Result<void> done;
  {
    Progress progress(files.value());
    request.progress = progress.counter();
    done = archive::ingest_files(files.value(), request, &report);
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const uint64_t left_out = report.errors.size() + report.only_bad_lines.size();
  say("ingested {}, {}, {:.1f} MB in {:.2f} s", counted(report.files - left_out, "file"),
      counted(report.rows, "row"), static_cast<double>(report.bytes) / 1e6, seconds);
  if (report.skipped_files)
    say("; {} {} ingested before", counted(report.skipped_files, "file"),
        report.skipped_files == 1 ? "was" : "were");
  say("\n{}", name_standard_input(print_problems(report)));
  for (const std::string& note : notes) say("{}\n", note);
  if (!done.ok()) return fail(done.error());
  bool named = std::ranges::any_of(
      files.value(), [&](const archive::File& file) { return file.named && report.gave_nothing(file); });
  // A source of no known table is the user's to name; a broken one of a folder is said and passed over.
  bool unnamed =
      std::ranges::any_of(report.errors, [](const Error& e) { return e.code == ErrorCode::Usage; });
  if (unread || named || unnamed || left_out == files.value().size()) return kUsage;
  return options.strict && (report.has_bad_data() || !report.errors.empty()) ? kBadData : kDone;
}

}  // namespace kqlc::cli
