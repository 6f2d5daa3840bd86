// SPDX-License-Identifier: Apache-2.0
//
// The program's command line. Everything a subcommand does is in its own file.
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>

#include "cli/compile.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/warm_up.h"
#include "codegen/shared_code.h"
#include "runtime/simd/targets.h"

namespace {

void add_data_options(CLI::App* app, kqlc::cli::Options& options) {
  app->add_option(
      "--data", options.data,
      "event files, folders or globs (JSON, CSV, Parquet, Arrow; .gz and .zst); - is standard input");
  app->add_option("--table", options.table,
                  "the table that the data holds, where neither its path nor its rows say so");
  app->add_option(
      "--now", options.now,
      "query time: a datetime, or latest for the newest timestamp in the data; the clock without it");
  app->add_option("--from", options.from,
                  "only rows whose Timestamp or TimeGenerated is this datetime or later");
  app->add_option("--to", options.to, "only rows before this datetime");
  app->add_option("--format", options.format,
                  "table, ndjson, json, csv, arrow or parquet; without it what -o ends with, else table on a "
                  "terminal, else ndjson");
  app->add_option("-o,--output", options.output,
                  "a file, or a folder (ends with /) for a file a rule; standard output without it");
  app->add_option("--arrow-time", options.arrow_time, "ns or us: the unit of times in Arrow and Parquet")
      ->check(CLI::IsMember({"ns", "us"}));
  app->add_option("--threads", options.threads, "number of threads; all cores without it")
      ->check(CLI::Range(0, 4096));
  app->add_option("--memory-limit", options.memory_limit, "most bytes a query may keep: 500MB, 1.5GB")
      ->transform(CLI::Validator(kqlc::cli::read_size, "SIZE"));
  auto* map_all =
      app->add_flag("--mmap", options.map_all, "map plain NDJSON files into memory, as Arrow files are");
  app->add_flag("--no-mmap", options.map_none, "read Arrow files into memory instead of mapping them")
      ->excludes(map_all);
  app->add_option("--simd", options.simd, "scalar, sse4, avx2 or avx512; the best there is without it");
  app->add_option("--engine", options.engine,
                  "jit, object or reference; without it jit where the query has a native form")
      ->check(CLI::IsMember({"jit", "object", "reference"}));
  app->add_flag("--strict", options.strict, "bad data ends in exit code 4");
  auto* cache = app->add_option("--cache", options.cache,
                                "folder where compiled rules are kept, of mode 0700; without it kqlc in "
                                "$XDG_CACHE_HOME or ~/.cache");
  app->add_flag("--no-cache", options.no_cache, "keep no compiled rules and use none")->excludes(cache);
}

void add_window_option(CLI::App* app, kqlc::cli::Options& options) {
  app->add_option("--window", options.window,
                  "rule: of a scheduled rule only its queryPeriod before the query time")
      ->check(CLI::IsMember({"rule"}));
}

// LLVM's static objects end with the process; no compilation may be under way then.
struct EndOfCompilations {
  ~EndOfCompilations() { kqlc::codegen::drop_shared_code(); }
};

// What one query or file gave back the next one asks for, and a page that went back to the system costs a
// fault. So freed blocks of up to 32 MB stay with the process, at most 64 MB of them at the end of a heap.
void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kMegabyte = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, 32 * kMegabyte);
  mallopt(M_TRIM_THRESHOLD, 64 * kMegabyte);
#endif
}

// What nobody catches: no memory is a limit that was hit, on whichever thread; all else is a bug of ours.
[[noreturn]] void end_on_exception() {
  try {
    if (std::current_exception()) throw;
  } catch (const std::bad_alloc&) {
    constexpr char kMessage[] =
        "kqlc: the system gives no more memory; --memory-limit ends a query before that\n";
    [[maybe_unused]] ssize_t written = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
    _exit(kqlc::cli::kLimit);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "kqlc: an exception that nobody caught: %s\n", exception.what());
  } catch (...) {
  }
  std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  std::set_terminate(end_on_exception);
  kqlc::cli::install_signal_handlers();
  kqlc::cli::Options options;
  CLI::App app{"kqlc: runs KQL threat-hunting rules over event archives"};
  app.set_version_flag("--version", KQLC_VERSION);
  app.require_subcommand(0, 1);
  app.footer(
      "Results go to standard output or -o, messages and the report to standard error.\n"
      "Exit codes: 0 done, 2 wrong use, rule or input, 3 valid KQL that is not supported, 4 bad data under "
      "--strict,\n"
      "            5 a limit was hit, 130 interrupted, 1 a bug of kqlc.");

  CLI::App* scan = app.add_subcommand("scan", "run rules over an archive");
  scan->add_option("rules", options.rules, "rule files and folders")->required();
  add_data_options(scan, options);
  scan->footer(
      "Rules often ask for the last days: over an old archive use --now=latest.\n\n"
      "  kqlc scan rules/ --data archive/ --now=latest\n"
      "  kqlc scan rule.yaml --data 'export/*.json.gz' --table DeviceProcessEvents -o hits.parquet\n"
      "  kqlc scan rules/ --data archive/ --from 2023-07-18 --to 2023-07-20 --format csv -o hits/");
  add_window_option(scan, options);

  CLI::App* query = app.add_subcommand("query", "run one query");
  query->add_option("query", options.query, "the query, or @file");
  auto* batch = query->add_flag("--batch", options.batch,
                                "answer {\"id\",\"query\"} lines from standard input, on standard output");
  add_data_options(query, options);
  for (const char* other : {"query", "--output", "--format"}) batch->excludes(query->get_option(other));
  query->footer(
      "  kqlc query 'DeviceProcessEvents | summarize count() by FileName | top 10 by count_' --data "
      "archive/\n"
      "  kqlc query @hunt.kql --data archive/ -o hunt.csv");

  CLI::App* check = app.add_subcommand("check", "diagnostics of rules, without data");
  check->add_option("rules", options.rules, "rule files and folders");
  check->add_option("--explain", options.code, "the long text of a diagnostic, by its code");
  check->add_flag("--json", options.json, "one JSON object a diagnostic");

  CLI::App* explain = app.add_subcommand("explain", "show the stages of a rule");
  explain->add_option("rules", options.rules, "rule files and folders")->required();
  auto* emit = explain->add_option(
      "--emit", options.emit,
      "rule, tokens, syntax, plan, ir, pipelines, llvm, asm or object; a summary without it");
  explain
      ->add_flag("--profile", options.profile,
                 "run the rules over --data and say what took how long (--format table or json)")
      ->excludes(emit);
  add_data_options(explain, options);
  add_window_option(explain, options);
  explain->footer(
      "--profile runs as `kqlc scan` does, forms the rows and throws them away; the other forms read no "
      "data.\n\n"
      "  kqlc explain rule.yaml\n"
      "  kqlc explain rules/ --profile --data archive/ --now=latest");

  CLI::App* build =
      app.add_subcommand("build", "compile a rule to an object file, a shared object, a C header");
  build->add_option("rules", options.rules, "a rule file")->required();
  build
      ->add_option("-o,--output", options.outputs,
                   "a file that ends in .o, .so or .h; may be given several times")
      ->required();
  build->footer(
      "  kqlc build rule.yaml -o rule.o -o rule.so -o rule.h\n\n"
      "The header says which columns the rule reads and gives; runtime/exec/kernel_abi.h is the interface, "
      "and\n"
      "tests/kernel_abi holds an example in C and one in Python.");

  CLI::App* list = app.add_subcommand("list", "list functions, operators, aggregates, tables or rules");
  list->add_option("what", options.list, "functions, operators, aggregates, tables or rules")->required();
  list->add_option("paths", options.rules,
                   "parts of names; a whole table name lists its columns. With `rules`: files and folders");

  CLI::App* ingest =
      app.add_subcommand("ingest", "convert event files to an archive that scans read in place");
  ingest->add_option("files", options.data, "event files, folders or globs")->required();
  ingest->add_option("-o,--output", options.output, "the archive's folder")->required();
  ingest->add_option("--table", options.table,
                     "the table that the files hold, where they do not say themselves");
  ingest
      ->add_option("--threads", options.threads, "number of files converted at a time; all cores without it")
      ->check(CLI::Range(0, 4096));
  ingest->add_flag("--strict", options.strict, "bad data ends in exit code 4");
  ingest->add_flag(
      "--terms", options.terms,
      "write beside each Arrow file which terms its texts hold, so that scans pass over files "
      "without those that rules ask for; takes a third to a half more CPU time and 3 % of "
      "the archive's size, a fifth where files hold few rows; for an archive without them ingest into a new "
      "folder");

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
  if (app.get_subcommands().empty()) {
    std::fputs(app.help().c_str(), stderr);
    return kqlc::cli::kUsage;
  }
  const EndOfCompilations end;
  const bool runs = *scan || *query || options.profile;
  std::optional<kqlc::cli::WarmUp> warm_up;
  if (runs) {
    warm_up.emplace(options);
    kqlc::cli::open_cache(options);
  }
  if (*scan) return kqlc::cli::run_scan(options);
  if (*query) return kqlc::cli::run_query(options);
  if (*check) return kqlc::cli::run_check(options);
  if (*build) return kqlc::cli::run_build(options);
  if (*explain) return kqlc::cli::run_explain(options);
  if (*ingest) return kqlc::cli::run_ingest(options);
  return kqlc::cli::run_list(options);
}
