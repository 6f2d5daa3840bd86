// SPDX-License-Identifier: Apache-2.0
//
// The batch protocol that the conformance runner speaks: a result as columns and rows, several results as
// tables, an error as code and message.
#include "cli/batch.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <iostream>
#include <sstream>
#include <string>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/run.h"
#include "cli/session.h"
#include "cli/window.h"
#include "runtime/base/side_by_side.h"

namespace kqlc::cli {

namespace {

std::string error_answer(std::string_view code, std::string_view message) {
  return fmt::format("\"error\":{{\"code\":\"{}\",\"message\":{}}}", code, json_string(message));
}

const source::Diagnostic& first_error(const source::Diagnostics& diagnostics) {
  return *std::ranges::find_if(diagnostics.all(), [](const source::Diagnostic& diagnostic) {
    return source::code_info(diagnostic.code).severity == source::Severity::Error;
  });
}

struct Batch {
  const plan::Schemas& schemas;
  int64_t now;
  Tables& tables;
  const Options& options;
  TimeRange bounds;
};

void append_json_tables(std::string& out, const std::vector<Job>& jobs, size_t threads) {
  std::vector<std::string> tables(jobs.size());
  side_by_side(jobs.size(), threads, [&](size_t i, size_t) { append_json_table(tables[i], jobs[i].rows); });
  out += "\"tables\":[";
  for (const std::string& table : tables) {
    out += &table == tables.data() ? "{" : ",{";
    out += table;
    out += "}";
  }
  out += "]";
}

// What is not in the rows, and why: a sentence a line of the report.
void append_report(std::string& out, const std::vector<Job>& jobs, const Batch& batch) {
  std::string text = batch.tables.render_problems();
  for (const Job& job : jobs)
    if (std::string reason = explain_empty_window(job, batch.tables, batch.options); !reason.empty())
      text += "no event in its window: " + reason + "\n";
  std::istringstream lines(text);
  const char* before = ",\"report\":[";
  bool any = false;
  for (std::string line; std::getline(lines, line); any = true)
    out += (any ? "," : before) + json_string(line);
  if (any) out += "]";
}

// Appends what the query gives, or why it gives nothing.
void answer(std::string_view query, const Batch& batch, std::string& out) {
  source::SourceFile source{"query", std::string(query), std::string(query), {}};
  Compiled compiled = compile(std::move(source), batch.schemas, batch.now);
  if (!compiled.ok()) {
    out += "\"error\":" + source::render_json(first_error(compiled.diagnostics), compiled.source);
    return;
  }
  std::vector<Job> jobs = make_jobs(compiled.plan, batch.bounds);
  batch.tables.begin_report();
  run_jobs(jobs, batch.tables, batch.options);
  for (const Job& job : jobs) {
    if (!job.error && job.partial.empty()) continue;
    out += job.error ? error_answer("error", job.error->message) : error_answer("partial", job.partial);
    return;
  }
  const auto threads = static_cast<size_t>(num_threads(batch.options));
  if (jobs.size() == 1)
    append_json_table(out, jobs[0].rows, threads);
  else
    append_json_tables(out, jobs, threads);
  append_report(out, jobs, batch);
}

// Every line has its answer, so that who asks can count them.
std::string answer_line(const std::string& line, simdjson::dom::parser& parser, const Batch& batch) {
  simdjson::dom::element document, id;
  std::string_view query;
  const bool is_json = parser.parse(line).get(document) == simdjson::SUCCESS && document.is_object();
  const bool has_id = is_json && document["id"].get(id) == simdjson::SUCCESS;
  const bool has_query = is_json && document["query"].get(query) == simdjson::SUCCESS;
  std::string out = "{\"id\":" + (has_id ? simdjson::minify(id) : "null") + ",";
  if (has_query)
    answer(query, batch, out);
  else
    out += error_answer("request", is_json ? "the line has no text `query`" : "the line is no JSON object");
  out += "}\n";
  return out;
}

}  // namespace

int run_batch(std::istream& in, const plan::Schemas& schemas, int64_t now, Tables& tables,
              const Options& options) {
  auto out = OutputFile::open("");
  if (!out.ok()) return fail(out.error());
  auto bounds = time_bounds(options);
  if (!bounds.ok()) return fail(bounds.error());
  Batch batch{schemas, now, tables, options, bounds.value()};
  std::ios::sync_with_stdio(false);  // which would take each character of a line alone
  simdjson::dom::parser parser;
  for (std::string line; !interrupted() && std::getline(in, line);) {
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    auto written = out.value().write(answer_line(line, parser, batch));
    if (!written.ok()) return fail(written.error());
  }
  return interrupted() ? kInterrupted : kDone;
}

}  // namespace kqlc::cli
