// SPDX-License-Identifier: Apache-2.0
//
// `kqlc build`: one rule as an object file, a shared object or a C header, each by the ending of its name.
#include <fmt/format.h>

#include <filesystem>

#include "cli/output_file.h"
#include "cli/rules.h"
#include "cli/say.h"
#include "cli/session.h"
#include "codegen/object.h"

namespace kqlc::cli {

namespace {

// A C name from the name of the rule's file: kqlc_rule_encoded_powershell.
std::string symbol_of(const std::string& path) {
  std::string name = "kqlc_rule_";
  for (char c : std::filesystem::path(path).stem().string())
    name += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? c : '_';
  return name;
}

Result<void> write_whole(const std::string& path, const std::string& bytes) {
  auto file = OutputFile::open(path);
  if (!file.ok()) return std::move(file.error());
  KQLC_TRY(file.value().write(bytes));
  return file.value().commit();
}

Result<void> write_output(const codegen::ObjectBuilder& builder, const std::string& path) {
  if (path.ends_with(".h")) return write_whole(path, builder.print_header());
  bool shared = path.ends_with(".so");
  std::string object;
  KQLC_TRY_ASSIGN(object, builder.build_object(shared));
  return shared ? codegen::ObjectBuilder::link_shared(object, path) : write_whole(path, object);
}

Result<void> check_outputs(const std::vector<std::string>& outputs) {
  for (const std::string& path : outputs)
    if (!path.ends_with(".o") && !path.ends_with(".so") && !path.ends_with(".h"))
      return Error{ErrorCode::Usage, "-o: `" + path + "` ends neither in .o nor in .so nor in .h"};
  return {};
}

}  // namespace

int run_build(const Options& options) {
  if (auto good = check_outputs(options.outputs); !good.ok()) return fail(good.error());
  auto session = open_session(options);
  if (!session.ok()) return fail(session.error());
  RuleFiles files = read_rule_files(options.rules);
  if (files.left_out) return kUsage;
  if (files.rules.size() != 1)
    return fail({ErrorCode::Usage, fmt::format("build takes one rule, there are {}", files.rules.size())});
  const rule::Rule& rule = files.rules[0];
  Compiled compiled = compile(rule.source, *session.value().schemas, session.value().now);
  std::fputs(render(compiled).c_str(), stderr);
  if (!compiled.ok()) return compiled.exit_code();
  if (compiled.plan.results.size() != 1) {
    say("kqlc: {}: a query of {} results has no native form\n", rule_key(rule), compiled.plan.results.size());
    return kUnsupported;
  }
  auto builder = codegen::ObjectBuilder::create(compiled.plan, compiled.plan.results[0], rule_key(rule),
                                                symbol_of(rule.source.path));
  if (!builder.ok()) {
    say("kqlc: {}: {} has no native form\n", rule_key(rule), builder.error().message);
    return kUnsupported;
  }
  for (const std::string& path : options.outputs)
    if (auto written = write_output(builder.value(), path); !written.ok()) return fail(written.error());
  return kDone;
}

}  // namespace kqlc::cli
