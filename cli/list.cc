// SPDX-License-Identifier: Apache-2.0
//
// `kqlc list`: what the registries hold, one line an overload; further words choose by name. Of a table that
// is named in full the columns are listed. Written through OutputFile, so that a reader like `head` may leave
// early.
#include <fmt/format.h>

#include <algorithm>

#include "cli/output_file.h"
#include "cli/rules.h"
#include "cli/session.h"
#include "runtime/base/printable.h"

namespace kqlc::cli {

namespace {

// Whether the list is of everything, or one of the words occurs in the name.
bool is_asked_for(std::string_view name, const std::vector<std::string>& words) {
  return words.empty() ||
         std::ranges::any_of(words, [&](const std::string& word) { return name.find(word) != name.npos; });
}

std::string list_functions(bool operators, const std::vector<std::string>& words) {
  std::string out;
  for (const Function& row : function_table()) {
    bool is_operator = row.spec.operators[0] != nullptr;
    const char* name = operators ? row.spec.operators[0] : row.spec.name;
    if (is_operator != operators || !row.spec.is_written || !is_asked_for(name, words)) continue;
    std::string params;
    size_t count = row.num_params + (row.variadic ? 1u : 0u);
    for (size_t i = 0; i < count; ++i)
      params +=
          fmt::format("{}{}{}", i ? ", " : "", row.params[i].text ? "scalar" : type_name(row.params[i].type),
                      row.variadic && i + 1 == count ? "..." : "");
    out += fmt::format("{}({}): {}\t{}\n", name, params, type_name(row.result), row.spec.doc);
  }
  return out;
}

std::string list_aggregates(const std::vector<std::string>& words) {
  std::string out;
  for (const Aggregate& row : aggregate_table())
    if (is_asked_for(row.spec.name, words)) out += fmt::format("{}\t{}\n", row.spec.name, row.spec.doc);
  return out;
}

// The names of the tables; of a table that is named in full, its columns.
std::string list_tables(const plan::Schemas& schemas, const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& table : schemas.tables()) {
    if (!is_asked_for(table, words)) continue;
    if (words.empty() || std::ranges::find(words, table) == words.end()) {
      out += table + "\n";
      continue;
    }
    for (const plan::ColumnDef& column : *schemas.find(table))
      out += fmt::format("{}.{}\t{}\n", table, column.name, type_name(column.type));
  }
  return out;
}

Result<std::string> list_rules(const Options& options, Exit& exit) {
  std::vector<std::string> paths = options.rules;
  if (paths.empty()) paths = {find_beside_program({"rules/hunting", "share/kqlc/rules"})};
  if (paths[0].empty())
    return Error{ErrorCode::Usage, "no rules stand beside the program: name files or folders"};
  RuleFiles files = read_rule_files(paths);
  if (files.left_out) exit = kUsage;
  std::string out;
  for (const rule::Rule& rule : files.rules)
    out += fmt::format("{}\t{}\t{}", printable(rule_key(rule)), printable(rule.name),
                       printable(rule.source.path)) +
           "\n";
  return out;
}

Result<std::string> list_what(const Options& options, Exit& exit) {
  const std::vector<std::string>& words = options.rules;
  if (options.list == "functions" || options.list == "operators")
    return list_functions(options.list == "operators", words);
  if (options.list == "aggregates") return list_aggregates(words);
  if (options.list == "rules") return list_rules(options, exit);
  if (options.list != "tables")
    return Error{ErrorCode::Usage, "nothing is called `" + options.list +
                                       "`: functions, operators, aggregates, tables or rules"};
  plan::Schemas schemas;
  KQLC_TRY_ASSIGN(schemas, load_schemas());
  return list_tables(schemas, words);
}

}  // namespace

int run_list(const Options& options) {
  Exit exit = kDone;
  auto text = list_what(options, exit);
  if (!text.ok()) return fail(text.error());
  if (options.list != "rules" && text.value().empty())
    return fail({ErrorCode::Usage, "none of the " + options.list + " has such a name"});
  auto out = OutputFile::open("");
  if (!out.ok()) return fail(out.error());
  if (auto written = out.value().write(text.value()); !written.ok()) return fail(written.error());
  return exit;
}

}  // namespace kqlc::cli
