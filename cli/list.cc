// SPDX-License-Identifier: Apache-2.0
//
// `kqlc list`: what the registries hold, one line an overload.
#include <fmt/format.h>

#include "cli/compile.h"
#include "cli/options.h"

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

}  // namespace

int run_list(const Options& options) {
  if (options.list == "functions" || options.list == "operators") {
    list_functions(options.list == "operators");
  } else if (options.list == "aggregates") {
    for (const Aggregate& row : aggregate_table()) fmt::print("{}\t{}\n", row.spec.name, row.spec.doc);
  } else if (options.list == "tables") {
    auto schemas = load_schemas();
    if (!schemas.ok()) {
      fmt::print(stderr, "kqlc: {}\n", schemas.error().message);
      return kUsage;
    }
    for (const std::string& table : schemas.value().tables()) fmt::print("{}\n", table);
  } else {
    fmt::print(stderr, "kqlc: nothing is called `{}`: functions, operators, aggregates or tables\n", options.list);
    return kUsage;
  }
  return kDone;
}

}  // namespace kqlc::cli
