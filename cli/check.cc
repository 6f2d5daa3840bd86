// SPDX-License-Identifier: Apache-2.0
//
// `kqlc check`: the diagnostics of rules, without data.
#include <fmt/format.h>

#include "cli/rules.h"
#include "cli/session.h"

namespace kqlc::cli {

int run_check(const Options& options) {
  auto session = open_session(options);
  if (!session.ok()) return fail(session.error());
  RuleFiles files = read_rule_files(options.rules);
  Exit exit = files.left_out ? kUsage : kDone;
  size_t good = 0;
  for (const rule::Rule& rule : files.rules) {
    Compiled compiled = compile(rule.source, session.value().schemas, session.value().now);
    good += compiled.ok();
    exit = worse(exit, compiled.exit_code());
    for (const source::Diagnostic& diagnostic : compiled.diagnostics.all())
      fmt::print("{}", options.json ? source::render_json(diagnostic, compiled.source) + "\n"
                                    : source::render(diagnostic, compiled.source));
  }
  fmt::print(stderr, "{} of {} rules compile\n", good, files.rules.size());
  return files.rules.empty() ? kUsage : exit;
}

}  // namespace kqlc::cli
