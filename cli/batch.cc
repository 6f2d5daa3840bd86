// SPDX-License-Identifier: Apache-2.0
//
// The batch protocol that the conformance runner speaks: a result as columns and rows, several results as tables, an
// error as code and message.
#include "cli/batch.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <iostream>
#include <string>

#include "cli/compile.h"
#include "cli/output.h"

namespace kqlc::cli {

namespace {

std::string error_answer(std::string_view code, std::string_view message) {
  return fmt::format("\"error\":{{\"code\":\"{}\",\"message\":{}}}", code, json_string(message));
}

std::string answer(std::string_view query, const plan::Schemas& schemas, int64_t now, const reference::TableReader& reader) {
  source::SourceFile source{"query", std::string(query), std::string(query), {}};
  Compiled compiled = compile(std::move(source), schemas, now);
  if (!compiled.ok()) {
    const source::Diagnostic& first = compiled.diagnostics.all().front();
    return error_answer(source::code_info(first.code).name, first.message);
  }
  std::string tables;
  for (size_t i = 0; i < compiled.plan.results.size(); ++i) {
    auto rows = reference::execute(compiled.plan, i, reader);
    if (!rows.ok()) return error_answer("error", rows.error().message);
    if (compiled.plan.results.size() == 1) return json_table(rows.value());
    tables += (i ? ",{" : "{") + json_table(rows.value()) + "}";
  }
  return "\"tables\":[" + tables + "]";
}

}  // namespace

void run_batch(std::istream& in, std::ostream& out, const plan::Schemas& schemas, int64_t now,
               const reference::TableReader& reader) {
  simdjson::dom::parser parser;
  for (std::string line; std::getline(in, line);) {
    simdjson::dom::element document, id;
    std::string_view query;
    if (parser.parse(line).get(document) || document["id"].get(id) || document["query"].get(query)) continue;
    out << "{\"id\":" << simdjson::minify(id) << "," << answer(query, schemas, now, reader) << "}" << std::endl;
  }
}

}  // namespace kqlc::cli
