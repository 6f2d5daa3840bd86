// SPDX-License-Identifier: Apache-2.0
//
// RuleScan: rules from files and folders, compiled together against the same schemas and query time. In: a
// session and rule files. Out: a job for each result of each rule, and after they have run, the results. A
// rule that is wrong is said on stderr and left out; `exit` is the worst of them.
#pragma once

#include <vector>

#include "cli/job.h"
#include "cli/output.h"
#include "cli/rules.h"
#include "cli/session.h"

namespace kqlc::cli {

struct RuleScan {
  const Options& options;
  Session& session;
  TimeRange bounds;  // of --from and --to
  RuleFiles files;
  std::vector<Compiled> compiled;            // by rule
  std::vector<Job> jobs;                     // rule by rule
  std::vector<std::vector<size_t>> jobs_of;  // by rule
  Exit exit = kDone;
};

// Compiles the rules of options.rules. With a `profile` each job gets one of its own. Errors: a wrong --from
// or --to.
Result<RuleScan> compile_rules(const Options& options, Session& session, Profile* profile = nullptr);
// The results of rules that came through; reports the others.
std::vector<Output> collect_outputs(RuleScan& scan);

}  // namespace kqlc::cli
