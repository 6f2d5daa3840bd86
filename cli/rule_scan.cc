// SPDX-License-Identifier: Apache-2.0
//
// All rules are compiled before any runs: they share their passes over the data.
#include "cli/rule_scan.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/window.h"

namespace kqlc::cli {

namespace {

// What --from, --to and --window=rule leave of the archive for a rule.
TimeRange rule_bounds(const RuleScan& scan, const rule::Rule& rule) {
  TimeRange bounds = scan.bounds;
  if (scan.options.window != "rule" || rule.query_period.empty()) return bounds;
  if (auto period = read_period(rule.query_period)) {
    bounds.narrow({scan.session.now - *period, scan.session.now});
  } else {
    fmt::print(stderr, "kqlc: {}: queryPeriod `{}` is no period; not bounded\n", rule_key(rule),
               rule.query_period);
  }
  return bounds;
}

void compile_rule(RuleScan& scan, size_t number, Profile* profile) {
  const rule::Rule& rule = scan.files.rules[number];
  CompileCost cost{profile ? profile->watch(0) : nullptr};
  Compiled& compiled = scan.compiled.emplace_back(
      compile(rule.source, scan.session.schemas, scan.session.now, profile ? &cost : nullptr));
  std::fputs(render(compiled).c_str(), stderr);
  scan.exit = worse(scan.exit, compiled.exit_code());
  if (!compiled.ok()) return;
  for (Job& job : make_jobs(compiled.plan, rule_bounds(scan, rule))) {
    if (profile) job.profile = std::make_shared<JobProfile>();
    scan.jobs_of[number].push_back(scan.jobs.size());
    scan.jobs.push_back(std::move(job));
  }
  if (!profile || scan.jobs_of[number].empty()) return;
  const Job& first = scan.jobs[scan.jobs_of[number][0]];
  *first.cost(Step::Parse) = cost.parse;
  *first.cost(Step::Bind) = cost.bind;
}

}  // namespace

Result<RuleScan> compile_rules(const Options& options, Session& session, Profile* profile) {
  TimeRange bounds;
  KQLC_TRY_ASSIGN(bounds, time_bounds(options));
  RuleScan scan{options, session, bounds, read_rule_files(options.rules), {}, {}, {}, kDone};
  if (scan.files.left_out) scan.exit = kUsage;
  WallTime compiling(profile ? &profile->wall.compile : nullptr);
  scan.compiled.reserve(scan.files.rules.size());  // jobs point to the plans
  scan.jobs_of.resize(scan.files.rules.size());
  for (size_t i = 0; i < scan.files.rules.size(); ++i) compile_rule(scan, i, profile);
  return scan;
}

std::vector<Output> collect_outputs(RuleScan& scan) {
  std::vector<Output> outputs;
  for (size_t i = 0; i < scan.files.rules.size(); ++i) {
    const rule::Rule& rule = scan.files.rules[i];
    for (size_t place : scan.jobs_of[i]) {
      Job& job = scan.jobs[place];
      if (job.error) {
        fmt::print(stderr, "kqlc: {}: {}\n", rule_key(rule), job.error->message);
        scan.exit = worse(scan.exit, exit_of(*job.error));
        continue;
      }
      Output output{rule_key(rule), rule.name, std::filesystem::path(rule.source.path).stem().string(),
                    &job.rows, job.partial};
      if (output.title.empty()) output.title = output.rule;
      outputs.push_back(std::move(output));
    }
  }
  return outputs;
}

}  // namespace kqlc::cli
