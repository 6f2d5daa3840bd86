// SPDX-License-Identifier: Apache-2.0
//
// `kqlc check`: the diagnostics of rules, without data.
#include <fmt/format.h>

#include "cli/output_file.h"
#include "cli/rules.h"
#include "cli/say.h"
#include "cli/session.h"

namespace kqlc::cli {

namespace {

// `kqlc check --explain CODE`: what a diagnostic means, at length.
int explain_code(const std::string& name) {
  const source::CodeInfo* info = source::find_code(name);
  if (!info) return fail({ErrorCode::Usage, "--explain: no diagnostic is called `" + name + "`"});
  const char* severity = info->severity == source::Severity::Error ? "error" : "warning";
  auto out = OutputFile::open("");
  if (!out.ok()) return fail(out.error());
  auto written = out.value().write(
      fmt::format("{} ({}): {}\n\n{}\n", info->name, severity, info->summary, info->explanation));
  return written.ok() ? kDone : fail(written.error());
}

}  // namespace

int run_check(const Options& options) {
  if (!options.code.empty()) return explain_code(options.code);
  if (options.rules.empty()) return fail({ErrorCode::Usage, "no rules: name files or folders"});
  auto session = open_session(options);
  if (!session.ok()) return fail(session.error());
  auto out = OutputFile::open("");
  if (!out.ok()) return fail(out.error());
  RuleFiles files = read_rule_files(options.rules, options.json);
  if (auto written = out.value().write(files.diagnostics); !written.ok()) return fail(written.error());
  Exit exit = files.left_out ? kUsage : kDone;
  size_t good = 0;
  for (const rule::Rule& rule : files.rules) {
    Compiled compiled = compile(rule.source, *session.value().schemas, session.value().now);
    good += compiled.ok();
    exit = worse(exit, compiled.exit_code());
    std::string text;
    for (const source::Diagnostic& diagnostic : compiled.diagnostics.all())
      text += options.json ? source::render_json(diagnostic, compiled.source) + "\n"
                           : source::render(diagnostic, compiled.source);
    if (auto written = out.value().write(text); !written.ok()) return fail(written.error());
  }
  say("{} of {} rules compile\n", good, files.rules.size() + files.left_out);
  return files.rules.empty() ? kUsage : exit;
}

}  // namespace kqlc::cli
