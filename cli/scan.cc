// SPDX-License-Identifier: Apache-2.0
//
// `kqlc scan`, `check` and `explain`: rules from files and folders. A rule that is wrong or not supported is reported
// and left out; all others still run. Exit codes: the worst of the rules, unless the data decides (--strict).
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/compile.h"
#include "cli/options.h"
#include "cli/run.h"
#include "cli/tables.h"
#include "compiler/rule/rule.h"

namespace kqlc::cli {

namespace {

namespace fs = std::filesystem;

struct RuleFiles {
  std::vector<rule::Rule> rules;
  bool failed = false;  // a file could not be read or held no rule
};

bool is_rule_file(const fs::path& path) {
  std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".kql" || extension == ".csl" || extension == ".md";
}

void read_rule_file(const std::string& path, RuleFiles& out) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    fmt::print(stderr, "kqlc: cannot read {}\n", path);
    out.failed = true;
    return;
  }
  source::Diagnostics diagnostics;
  std::vector<rule::Rule> rules = rule::read_rules(path, text.str(), diagnostics);
  source::SourceFile whole{path, text.str(), text.str(), {}};
  for (const source::Diagnostic& diagnostic : diagnostics.all()) std::fputs(source::render(diagnostic, whole).c_str(), stderr);
  out.failed |= diagnostics.has_errors();
  for (rule::Rule& rule : rules) out.rules.push_back(std::move(rule));
}

RuleFiles read_rule_files(const std::vector<std::string>& paths) {
  RuleFiles out;
  std::error_code error;
  for (const std::string& path : paths) {
    if (!fs::is_directory(path, error)) {
      read_rule_file(path, out);
      continue;
    }
    std::vector<std::string> files;
    for (auto entry = fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied, error);
         entry != fs::recursive_directory_iterator(); entry.increment(error)) {
      if (error) break;
      if (entry->is_regular_file(error) && is_rule_file(entry->path())) files.push_back(entry->path().string());
    }
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) read_rule_file(file, out);
  }
  return out;
}

std::string rule_key(const rule::Rule& rule) { return rule.id.empty() ? rule.source.path : rule.id; }

struct Setup {
  plan::Schemas schemas;
  Tables tables;
  int64_t now = 0;
};

Result<Setup> prepare(const Options& options) {
  Setup setup;
  KQLC_TRY_ASSIGN(setup.schemas, load_schemas());
  KQLC_TRY_ASSIGN(setup.tables, Tables::open(options, setup.schemas));
  KQLC_TRY_ASSIGN(setup.now, query_time(options, setup.tables));
  return setup;
}

int fail(const Error& error) {
  fmt::print(stderr, "kqlc: {}\n", error.message);
  return error.code == ErrorCode::Limit ? kLimit : error.code == ErrorCode::Internal ? kInternal : kUsage;
}

// A mistake outweighs what is not supported; either outweighs success.
Exit worse(Exit a, Exit b) {
  auto rank = [](Exit code) { return code == kDone ? 0 : code == kUnsupported ? 1 : code == kUsage ? 2 : 3; };
  return rank(a) >= rank(b) ? a : b;
}

struct Hits {
  std::string rule;
  size_t rows = 0;
};

Result<size_t> run_rule(const Compiled& compiled, const rule::Rule& rule, Tables& tables, OutputFormat format, const Options& options) {
  size_t hits = 0;
  for (size_t i = 0; i < compiled.plan.results.size(); ++i) {
    reference::Rows rows;
    KQLC_TRY_ASSIGN(rows, run_result(compiled.plan, i, tables, options));
    hits += rows.rows.size();
    std::string out = format == OutputFormat::Table
                          ? fmt::format("{} ({} rows)\n{}\n", rule.name.empty() ? rule_key(rule) : rule.name, rows.rows.size(),
                                        rows.rows.empty() ? "" : print_rows(rows, format, ""))
                          : print_rows(rows, format, rule_key(rule));
    if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size() || std::fflush(stdout) != 0)
      return Error{ErrorCode::Io, "cannot write the result"};
  }
  return hits;
}

}  // namespace

int run_scan(const Options& options) {
  auto setup = prepare(options);
  if (!setup.ok()) return fail(setup.error());
  auto format = output_format(options);
  if (!format.ok()) return fail(format.error());
  Tables& tables = setup.value().tables;
  if (tables.empty()) return fail({ErrorCode::Usage, "no event files: name them with --data"});
  RuleFiles files = read_rule_files(options.rules);
  Exit exit = files.failed ? kUsage : kDone;
  std::vector<Hits> hits;
  auto start = std::chrono::steady_clock::now();
  for (const rule::Rule& rule : files.rules) {
    Compiled compiled = compile(rule.source, setup.value().schemas, setup.value().now);
    std::fputs(render(compiled).c_str(), stderr);
    exit = worse(exit, compiled.exit_code());
    if (!compiled.ok()) continue;
    auto rows = run_rule(compiled, rule, tables, format.value(), options);
    if (!rows.ok()) {
      fmt::print(stderr, "kqlc: {}: {}\n", rule_key(rule), rows.error().message);
      exit = rows.error().code == ErrorCode::Limit ? kLimit : worse(exit, kUsage);
      continue;
    }
    hits.push_back({rule_key(rule), rows.value()});
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (const Hits& hit : hits) fmt::print(stderr, "{}: {} rows\n", hit.rule, hit.rows);
  size_t left_out = files.rules.size() - hits.size();
  if (left_out) fmt::print(stderr, "{} of {} rules left out\n", left_out, files.rules.size());
  std::fputs(tables.render_report(seconds).c_str(), stderr);
  if (files.rules.empty()) return kUsage;
  return options.strict && tables.report().has_bad_data() ? kBadData : exit;
}

int run_check(const Options& options) {
  auto setup = prepare(options);
  if (!setup.ok()) return fail(setup.error());
  RuleFiles files = read_rule_files(options.rules);
  Exit exit = files.failed ? kUsage : kDone;
  size_t good = 0;
  for (const rule::Rule& rule : files.rules) {
    Compiled compiled = compile(rule.source, setup.value().schemas, setup.value().now);
    good += compiled.ok();
    exit = worse(exit, compiled.exit_code());
    for (const source::Diagnostic& diagnostic : compiled.diagnostics.all())
      fmt::print("{}", options.json ? source::render_json(diagnostic, compiled.source) + "\n" : source::render(diagnostic, compiled.source));
  }
  fmt::print(stderr, "{} of {} rules compile\n", good, files.rules.size());
  return files.rules.empty() ? kUsage : exit;
}

int run_explain(const Options& options) {
  auto setup = prepare(options);
  if (!setup.ok()) return fail(setup.error());
  if (options.emit != "plan" && options.emit != "syntax") return fail({ErrorCode::Usage, "--emit: no such stage: " + options.emit});
  RuleFiles files = read_rule_files(options.rules);
  Exit exit = files.failed || files.rules.empty() ? kUsage : kDone;
  for (const rule::Rule& rule : files.rules) {
    Compiled compiled = compile(rule.source, setup.value().schemas, setup.value().now);
    std::fputs(render(compiled).c_str(), stderr);
    exit = worse(exit, compiled.exit_code());
    if (options.emit == "syntax") {
      fmt::print("{}", syntax::print(compiled.tree));
    } else if (compiled.ok()) {
      fmt::print("{}", plan::print(compiled.plan));
    }
  }
  return exit;
}

}  // namespace kqlc::cli
