// SPDX-License-Identifier: Apache-2.0
//
// All rules are compiled before any runs: they share their passes over the data. They are bound side by side,
// and what is said of them then comes in their order.
#include "cli/rule_scan.h"

#include <filesystem>

#include "cli/say.h"
#include "cli/window.h"
#include "runtime/base/side_by_side.h"

namespace kqlc::cli {

namespace {

// What --from, --to and --window=rule leave of the archive for a rule.
TimeRange rule_bounds(const RuleScan& scan, const rule::Rule& rule) {
  TimeRange bounds = scan.bounds;
  if (scan.options.window != "rule" || rule.query_period.empty()) return bounds;
  if (auto period = read_period(rule.query_period)) {
    bounds.narrow({scan.session.now - *period, scan.session.now});
  } else {
    say("kqlc: {}: queryPeriod `{}` is no period; not bounded\n", rule_key(rule), rule.query_period);
  }
  return bounds;
}

// Adds the jobs of a rule that is compiled, or says what is wrong with it.
void add_jobs(RuleScan& scan, size_t number, const CompileCost* cost) {
  const rule::Rule& rule = scan.files.rules[number];
  const Compiled& compiled = scan.compiled[number];
  std::fputs(render(compiled).c_str(), stderr);
  scan.exit = worse(scan.exit, compiled.exit_code());
  if (!compiled.ok()) return;
  for (Job& job : make_jobs(compiled.plan, rule_bounds(scan, rule))) {
    if (cost) job.profile = std::make_shared<JobProfile>();
    scan.jobs_of[number].push_back(scan.jobs.size());
    scan.jobs.push_back(std::move(job));
  }
  if (!cost || scan.jobs_of[number].empty()) return;
  const Job& first = scan.jobs[scan.jobs_of[number][0]];
  *first.cost(Step::Parse) = cost->parse;
  *first.cost(Step::Bind) = cost->bind;
}

}  // namespace

Result<RuleScan> compile_rules(const Options& options, Session& session, Profile* profile) {
  TimeRange bounds;
  KQLC_TRY_ASSIGN(bounds, time_bounds(options));
  RuleScan scan{options, session, bounds, read_rule_files(options.rules), {}, {}, {}, kDone};
  if (scan.files.left_out) scan.exit = kUsage;
  WallTime compiling(profile ? &profile->wall.compile : nullptr);
  const size_t num_rules = scan.files.rules.size();
  scan.compiled.resize(num_rules);
  scan.jobs_of.resize(num_rules);
  std::vector<CompileCost> costs(profile ? num_rules : 0);
  side_by_side(num_rules, static_cast<size_t>(num_threads(options)), [&](size_t i, size_t thread) {
    if (profile) costs[i].watch = profile->watch(thread);
    scan.compiled[i] =
        compile(scan.files.rules[i].source, *session.schemas, session.now, profile ? &costs[i] : nullptr);
  });
  for (size_t i = 0; i < num_rules; ++i) add_jobs(scan, i, profile ? &costs[i] : nullptr);
  return scan;
}

std::vector<Output> collect_outputs(RuleScan& scan) {
  std::vector<Output> outputs;
  for (size_t i = 0; i < scan.files.rules.size(); ++i) {
    const rule::Rule& rule = scan.files.rules[i];
    for (size_t place : scan.jobs_of[i]) {
      Job& job = scan.jobs[place];
      if (job.error) {
        say("kqlc: {}: {}\n", rule_key(rule), job.error->message);
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
