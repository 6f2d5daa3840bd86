// SPDX-License-Identifier: Apache-2.0
//
// `kqlc list`: what the registries hold, one line an overload.
#include <fmt/format.h>

#include "cli/rules.h"
#include "cli/session.h"

namespace kqlc::cli {

namespace {

void list_functions(bool operators) {
  for (const Function& row : function_table()) {
    bool is_operator = row.spec.operators[0] != nullptr;
    if (is_operator != operators) continue;
    std::string params;
    size_t count = row.num_params + (row.variadic ? 1u : 0u);
    for (size_t i = 0; i < count; ++i)
      params += fmt::format("{}{}{}", i ? ", " : "", row.params[i].text ? "scalar" : type_name(row.params[i].type),
                            row.variadic && i + 1 == count ? "..." : "");
    fmt::print("{}({}): {}\t{}\n", operators ? row.spec.operators[0] : row.spec.name, params, type_name(row.result), row.spec.doc);
  }
}

int list_rules(const Options& options) {
  std::vector<std::string> paths = options.rules;
  if (paths.empty()) paths = {find_beside_program({"rules/hunting", "share/kqlc/rules"})};
  if (paths[0].empty()) return fail({ErrorCode::Usage, "no rules stand beside the program: name files or folders"});
  RuleFiles files = read_rule_files(paths);
  for (const rule::Rule& rule : files.rules)
    fmt::print("{}\t{}\t{}\n", rule_key(rule), rule.name, rule.source.path);
  return files.left_out ? kUsage : kDone;
}

}  // namespace

int run_list(const Options& options) {
  if (options.list == "functions" || options.list == "operators") {
    list_functions(options.list == "operators");
  } else if (options.list == "aggregates") {
    for (const Aggregate& row : aggregate_table()) fmt::print("{}\t{}\n", row.spec.name, row.spec.doc);
  } else if (options.list == "tables") {
    auto schemas = load_schemas();
    if (!schemas.ok()) return fail(schemas.error());
    for (const std::string& table : schemas.value().tables()) fmt::print("{}\n", table);
  } else if (options.list == "rules") {
    return list_rules(options);
  } else {
    return fail({ErrorCode::Usage, "nothing is called `" + options.list +
                                       "`: functions, operators, aggregates, tables or rules"});
  }
  return kDone;
}

}  // namespace kqlc::cli
