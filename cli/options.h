// SPDX-License-Identifier: Apache-2.0
//
// What the command line asked for, and the things every subcommand needs: schemas, query time.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "cli/output.h"
#include "cli/time_range.h"
#include "compiler/plan/schema.h"
#include "runtime/base/result.h"

namespace kqlc::cli {

struct Options {
  std::string query;                 // query: the text, or a file after @
  std::vector<std::string> rules;    // scan, check, explain: files and folders
  std::vector<std::string> data;     // files, folders, globs
  std::string table;                 // --table
  std::string now;                   // --now: a datetime or `latest`; "": the clock
  std::string from, to;              // --from, --to: datetimes
  std::string window;                // --window: `rule`
  std::string format;                // --format; "": table on a terminal, else ndjson
  std::string output;                // -o; "": standard output
  std::vector<std::string> outputs;  // build -o: .o, .so and .h files
  std::string code;                  // check --explain: a diagnostic's code
  std::string arrow_time = "ns";     // --arrow-time: ns or us
  std::string emit;                  // explain --emit; "": a summary
  std::string list;                  // list: what
  std::string simd;                  // --simd
  std::string engine;                // --engine: jit, object, reference; "": jit where there is a native form
  std::string cache;                 // --cache; "": where the system keeps caches
  bool no_cache = false;
  bool batch = false;
  bool strict = false;
  bool map_all = false;   // --mmap: NDJSON is mapped as well
  bool map_none = false;  // --no-mmap: Arrow files are read as well
  bool json = false;      // check --json
  bool profile = false;   // explain --profile
  bool terms = false;     // ingest --terms
  int threads = 0;        // 0: all cores
  size_t memory_limit = 0;
};

// The first of `places` that is a folder, in the program's folder or one above it; "" where there is none.
std::string find_beside_program(std::initializer_list<const char*> places);
// Reads the schemas that stand beside the program (rules/schemas in its folder or one above it), or else
// those inside it.
Result<plan::Schemas> load_schemas();
class Tables;
// Returns the query time in ticks: the clock, a datetime, or with `latest` the newest timestamp of the data.
Result<int64_t> query_time(const Options& options, Tables& tables);
// Lets compiled rules be kept on disk, as --cache and --no-cache say. A folder that cannot be used means no
// cache; one that was named is then said on stderr.
void open_cache(const Options& options);
// Puts the number of bytes in the place of a size: `20000`, `500MB`, `1.5 GB` (a KB is 1024 bytes; any letter
// case). Returns what is wrong with it; "" where nothing is.
std::string read_size(std::string& text);
// Number of threads: --threads, else all cores.
int num_threads(const Options& options);
// What --from and --to bound, in ticks: from is inside, to is the first instant outside.
Result<TimeRange> time_bounds(const Options& options);
// Returns the wanted output format.
Result<OutputFormat> output_format(const Options& options);

// The subcommands; each returns the exit code.
int run_query(const Options& options);
int run_check(const Options& options);
int run_explain(const Options& options);
int run_build(const Options& options);
int run_list(const Options& options);
int run_scan(const Options& options);
int run_ingest(const Options& options);

}  // namespace kqlc::cli
