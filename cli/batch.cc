// SPDX-License-Identifier: Apache-2.0
//
// The batch protocol that the conformance runner speaks: a result as columns and rows, several results as
// tables, an error as code and message.
#include "cli/batch.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <iostream>
#include <string>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/run.h"
#include "cli/session.h"

namespace kqlc::cli {

namespace {

std::string error_answer(std::string_view code, std::string_view message) {
  return fmt::format("\"error\":{{\"code\":\"{}\",\"message\":{}}}", code, json_string(message));
}

struct Batch {
  const plan::Schemas& schemas;
  int64_t now;
  Tables& tables;
  const Options& options;
  TimeRange bounds;
};

std::string answer(std::string_view query, const Batch& batch) {
  source::SourceFile source{"query", std::string(query), std::string(query), {}};
  Compiled compiled = compile(std::move(source), batch.schemas, batch.now);
  if (!compiled.ok()) {
    const source::Diagnostic& first = compiled.diagnostics.all().front();
    return error_answer(source::code_info(first.code).name, first.message);
  }
  std::vector<Job> jobs = make_jobs(compiled.plan, batch.bounds);
  run_jobs(jobs, batch.tables, batch.options);
  std::string tables;
  for (const Job& job : jobs) {
    if (job.error) return error_answer("error", job.error->message);
    if (!job.partial.empty()) return error_answer("partial", job.partial);
    if (jobs.size() == 1) return json_table(job.rows);
    tables += (tables.empty() ? "{" : ",{") + json_table(job.rows) + "}";
  }
  return "\"tables\":[" + tables + "]";
}

}  // namespace

int run_batch(std::istream& in, const plan::Schemas& schemas, int64_t now, Tables& tables,
              const Options& options) {
  auto out = OutputFile::open("");
  if (!out.ok()) return fail(out.error());
  auto bounds = time_bounds(options);
  if (!bounds.ok()) return fail(bounds.error());
  Batch batch{schemas, now, tables, options, bounds.value()};
  simdjson::dom::parser parser;
  for (std::string line; !interrupted() && std::getline(in, line);) {
    simdjson::dom::element document, id;
    std::string_view query;
    if (parser.parse(line).get(document) || document["id"].get(id) || document["query"].get(query)) continue;
    auto written = out.value().write("{\"id\":" + simdjson::minify(id) + "," + answer(query, batch) + "}\n");
    if (!written.ok()) return fail(written.error());
  }
  return interrupted() ? kInterrupted : kDone;
}

}  // namespace kqlc::cli
