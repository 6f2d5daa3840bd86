// SPDX-License-Identifier: Apache-2.0
//
// The batch protocol that the conformance runner speaks: a result as columns and rows, several results as
// tables, an error as code and message.
#include "cli/batch.h"

#include <fmt/format.h>
#include <poll.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <string>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/run.h"
#include "cli/session.h"
#include "cli/window.h"

namespace kqlc::cli {

namespace {

std::string error_answer(std::string_view code, std::string_view message) {
  return fmt::format("\"error\":{{\"code\":\"{}\",\"message\":{}}}}}\n", code, json_string(message));
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

// What is not in the rows, and why: a member with a sentence a line of the report, if there are any.
std::string print_report(const std::vector<Job>& jobs, const Batch& batch) {
  std::string text = batch.tables.render_problems();
  for (const Job& job : jobs)
    if (std::string reason = explain_empty_window(job, batch.tables, batch.options); !reason.empty())
      text += "no event in its window: " + reason + "\n";
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);)
    out += (out.empty() ? ",\"report\":[" : ",") + json_string(line);
  return out.empty() ? out : out + "]";
}

// Writes `before`, what the query gives or why it gives nothing, and the end of the line.
Result<void> answer(std::string_view query, const std::string& before, const Batch& batch,
                    const TextWriter& write) {
  source::SourceFile source{"query", std::string(query), std::string(query), {}};
  Compiled compiled = compile(std::move(source), batch.schemas, batch.now);
  if (!compiled.ok())
    return write(fmt::format("{}\"error\":{}}}\n", before,
                             source::render_json(first_error(compiled.diagnostics), compiled.source)));
  std::vector<Job> jobs = make_jobs(compiled.plan, batch.bounds);
  batch.tables.begin_report();
  run_jobs(jobs, batch.tables, batch.options);
  std::vector<Output> outputs;
  for (const Job& job : jobs) {
    if (job.error) return write(before + error_answer("error", job.error->message));
    if (!job.partial.empty()) return write(before + error_answer("partial", job.partial));
    outputs.push_back({"", "", "", &job.rows, ""});
  }
  return print_json_members(outputs, static_cast<size_t>(num_threads(batch.options)), before,
                            print_report(jobs, batch) + "}\n", write);
}

// Every line has its answer, so that who asks can count them.
Result<void> answer_line(const std::string& line, simdjson::dom::parser& parser, const Batch& batch,
                         const TextWriter& write) {
  simdjson::dom::element document, id;
  std::string_view query;
  const bool is_json = parser.parse(line).get(document) == simdjson::SUCCESS && document.is_object();
  const bool has_id = is_json && document["id"].get(id) == simdjson::SUCCESS;
  const bool has_query = is_json && document["query"].get(query) == simdjson::SUCCESS;
  const std::string before = "{\"id\":" + (has_id ? simdjson::minify(id) : "null") + ",";
  if (has_query) return answer(query, before, batch, write);
  return write(before + error_answer("request", is_json ? "the line has no text `query`"
                                                        : "the line is no JSON object"));
}

// Lines of standard input. While a part of one has come, what happens meanwhile is looked at as well.
class InputLines {
 public:
  explicit InputLines(const OutputFile& out) : out_(out) {}

  // Waits for the next line and takes it, without its end. Returns false at the end of all, or when there is
  // no need to go on.
  bool next(std::string& line) {
    size_t end = bytes_.find('\n');
    for (size_t seen = 0; end == bytes_.npos && !ended_; end = bytes_.find('\n', seen)) {
      seen = bytes_.size();
      if (!wait()) return false;
      read_some();
    }
    if (interrupted() || out_.is_reader_gone() || bytes_.empty()) return false;
    line = bytes_.substr(0, end);
    bytes_.erase(0, end == bytes_.npos ? end : end + 1);
    return true;
  }

 private:
  bool wait() const {
    constexpr int kMilliseconds = 100;  // between two looks at what may have happened
    pollfd in{STDIN_FILENO, POLLIN, 0};
    while (!interrupted() && !out_.is_reader_gone())
      if (poll(&in, 1, kMilliseconds) > 0) return true;
    return false;
  }

  void read_some() {
    constexpr size_t kBytesAtOnce = size_t{1} << 16;
    const size_t size = bytes_.size();
    bytes_.resize(size + kBytesAtOnce);
    const ssize_t count = read(STDIN_FILENO, bytes_.data() + size, kBytesAtOnce);
    ended_ = count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN);
    bytes_.resize(size + static_cast<size_t>(std::max<ssize_t>(count, 0)));
  }

  const OutputFile& out_;
  std::string bytes_;
  bool ended_ = false;
};

}  // namespace

int run_batch(const plan::Schemas& schemas, int64_t now, Tables& tables, const Options& options) {
  auto out = OutputFile::open("");
  if (!out.ok()) return fail(out.error());
  auto bounds = time_bounds(options);
  if (!bounds.ok()) return fail(bounds.error());
  Batch batch{schemas, now, tables, options, bounds.value()};
  simdjson::dom::parser parser;
  const TextWriter write = [&](std::string_view bytes) { return out.value().write(bytes); };
  bool is_bad = false;
  InputLines lines(out.value());
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    auto written = answer_line(line, parser, batch, write);
    if (!written.ok()) return fail(written.error());
    is_bad |= options.strict && tables.has_bad_data();
  }
  return interrupted() ? kInterrupted : is_bad ? kBadData : kDone;
}

}  // namespace kqlc::cli
