// SPDX-License-Identifier: Apache-2.0
//
// The program's command line. Everything a subcommand does is in its own file.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/compile.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "runtime/simd/targets.h"

namespace {

void add_data_options(CLI::App* app, kqlc::cli::Options& options) {
  app->add_option("--data", options.data, "event files, folders or globs; - is standard input");
  app->add_option("--table", options.table, "the table that the data holds, where it does not say itself");
  app->add_option("--now", options.now, "query time: a datetime, or latest for the newest timestamp in the data; the clock without it");
  app->add_option("--from", options.from, "only rows whose Timestamp or TimeGenerated is this datetime or later");
  app->add_option("--to", options.to, "only rows before this datetime");
  app->add_option("--format", options.format, "table, ndjson, json, csv, arrow or parquet; without it table on a terminal, else ndjson");
  app->add_option("-o,--output", options.output, "a file, or a folder (ends with /) for a file a rule; standard output without it");
  app->add_option("--arrow-time", options.arrow_time, "ns or us: the unit of times in Arrow and Parquet")
      ->check(CLI::IsMember({"ns", "us"}));
  app->add_option("--threads", options.threads, "number of threads; all cores without it");
  app->add_option("--memory-limit", options.memory_limit, "most bytes a query may keep");
  app->add_option("--simd", options.simd, "scalar, sse4, avx2 or avx512; the best there is without it");
  app->add_option("--engine", options.engine, "jit, object or reference; without it jit where the query has a native form")
      ->check(CLI::IsMember({"jit", "object", "reference"}));
  app->add_flag("--strict", options.strict, "bad data ends in exit code 4");
}

}  // namespace

int main(int argc, char** argv) {
  kqlc::cli::install_signal_handlers();
  kqlc::cli::Options options;
  CLI::App app{"kqlc: runs KQL threat-hunting rules over event archives"};
  app.set_version_flag("--version", KQLC_VERSION);
  app.require_subcommand(1);

  CLI::App* scan = app.add_subcommand("scan", "run rules over an archive");
  scan->add_option("rules", options.rules, "rule files and folders")->required();
  add_data_options(scan, options);

  scan->add_option("--window", options.window, "rule: of a scheduled rule only its queryPeriod before the query time")
      ->check(CLI::IsMember({"rule"}));

  CLI::App* query = app.add_subcommand("query", "run one query");
  query->add_option("query", options.query, "the query, or @file");
  query->add_flag("--batch", options.batch, "answer {\"id\",\"query\"} lines from standard input");
  add_data_options(query, options);

  CLI::App* check = app.add_subcommand("check", "diagnostics of rules, without data");
  check->add_option("rules", options.rules, "rule files and folders");
  check->add_option("--explain", options.code, "the long text of a diagnostic, by its code");
  check->add_flag("--json", options.json, "one JSON object a diagnostic");

  CLI::App* explain = app.add_subcommand("explain", "show the stages of a rule");
  explain->add_option("rules", options.rules, "a rule file")->required();
  explain->add_option("--emit", options.emit, "rule, tokens, syntax, plan, ir, pipelines, llvm, asm or object; a summary without it");
  explain->add_option("-o,--output", options.output, "a file; standard output without it");
  explain->add_option("--now", options.now, "query time");

  CLI::App* build = app.add_subcommand("build", "compile a rule to an object file, a shared object, a C header");
  build->add_option("rules", options.rules, "a rule file")->required();
  build->add_option("-o,--output", options.outputs, "a file that ends in .o, .so or .h; may be given several times")->required();

  CLI::App* list = app.add_subcommand("list", "list functions, operators, aggregates, tables or rules");
  list->add_option("what", options.list, "functions, operators, aggregates, tables or rules")->required();
  list->add_option("paths", options.rules, "rules: files and folders; the rules that ship without them");

  CLI::App* ingest = app.add_subcommand("ingest", "convert event files to an archive that scans read in place");
  ingest->add_option("files", options.data, "event files, folders or globs")->required();
  ingest->add_option("-o,--output", options.output, "the archive's folder")->required();
  ingest->add_option("--table", options.table, "the table that the files hold, where they do not say themselves");
  ingest->add_option("--threads", options.threads, "number of files converted at a time; all cores without it");
  ingest->add_flag("--strict", options.strict, "bad data ends in exit code 4");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    int code = app.exit(error);
    return code == 0 ? kqlc::cli::kDone : kqlc::cli::kUsage;
  }
  if (!options.simd.empty() && !kqlc::simd::force_target(options.simd)) {
    std::fprintf(stderr, "kqlc: this processor has no SIMD target `%s`\n", options.simd.c_str());
    return kqlc::cli::kUsage;
  }
  if (*scan) return kqlc::cli::run_scan(options);
  if (*query) return kqlc::cli::run_query(options);
  if (*check) return kqlc::cli::run_check(options);
  if (*build) return kqlc::cli::run_build(options);
  if (*explain) return kqlc::cli::run_explain(options);
  if (*ingest) return kqlc::cli::run_ingest(options);
  return kqlc::cli::run_list(options);
}
