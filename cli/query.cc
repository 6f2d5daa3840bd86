// SPDX-License-Identifier: Apache-2.0
//
// `kqlc query`: one query from the command line, or many from standard input.
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>

#include "cli/batch.h"
#include "cli/compile.h"
#include "cli/options.h"
#include "cli/run.h"
#include "cli/tables.h"

namespace kqlc::cli {

namespace {

int fail(const Error& error) {
  fmt::print(stderr, "kqlc: {}\n", error.message);
  return error.code == ErrorCode::Limit ? kLimit : error.code == ErrorCode::Internal ? kInternal : kUsage;
}

Result<std::string> query_text(const Options& options) {
  if (!options.query.starts_with('@')) return options.query;
  std::ifstream file(options.query.substr(1));
  if (!file) return Error{ErrorCode::Usage, "cannot read " + options.query.substr(1)};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

int run_query(const Options& options) {
  auto schemas = load_schemas();
  if (!schemas.ok()) return fail(schemas.error());
  auto tables = Tables::open(options, schemas.value());
  if (!tables.ok()) return fail(tables.error());
  auto now = query_time(options, tables.value());
  if (!now.ok()) return fail(now.error());
  if (options.batch) {
    run_batch(std::cin, std::cout, schemas.value(), now.value(), tables.value().reader());
    return kDone;
  }
  auto format = output_format(options);
  if (!format.ok()) return fail(format.error());
  auto text = query_text(options);
  if (!text.ok()) return fail(text.error());
  Compiled compiled = compile({"query", text.value(), text.value(), {}}, schemas.value(), now.value());
  std::fputs(render(compiled).c_str(), stderr);
  if (!compiled.ok()) return compiled.exit_code();
  auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < compiled.plan.results.size(); ++i) {
    auto rows = run_result(compiled.plan, i, tables.value(), options);
    if (!rows.ok()) return fail(rows.error());
    std::string out = print_rows(rows.value(), format.value(), "");
    if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size() || std::fflush(stdout) != 0)
      return fail({ErrorCode::Io, "cannot write the result"});
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!tables.value().empty()) std::fputs(tables.value().render_report(seconds).c_str(), stderr);
  return options.strict && tables.value().report().has_bad_data() ? kBadData : kDone;
}

}  // namespace kqlc::cli
