// SPDX-License-Identifier: Apache-2.0
//
// `kqlc explain`: a stage of each rule as text.
#include <fmt/format.h>

#include "cli/rules.h"
#include "cli/session.h"

namespace kqlc::cli {

int run_explain(const Options& options) {
  auto session = open_session(options);
  if (!session.ok()) return fail(session.error());
  if (options.emit != "plan" && options.emit != "syntax") return fail({ErrorCode::Usage, "--emit: no such stage: " + options.emit});
  RuleFiles files = read_rule_files(options.rules);
  Exit exit = files.left_out || files.rules.empty() ? kUsage : kDone;
  for (const rule::Rule& rule : files.rules) {
    Compiled compiled = compile(rule.source, session.value().schemas, session.value().now);
    std::fputs(render(compiled).c_str(), stderr);
    exit = worse(exit, compiled.exit_code());
    if (options.emit == "syntax") {
      fmt::print("{}", syntax::print(compiled.tree));
    } else if (compiled.ok()) {
      fmt::print("{}", plan::print(compiled.plan));
    }
  }
  return exit;
}

}  // namespace kqlc::cli
