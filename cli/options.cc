// SPDX-License-Identifier: Apache-2.0
//
// Finding the schemas, the query time and the output format.
#include "cli/options.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "cli/say.h"
#include "cli/tables.h"
#include "codegen/code_cache.h"
#include "runtime/value/datetime.h"

// The files of rules/schemas as they were when the program was built: begins and ends
// (cmake/embed_files.cmake).
extern "C" const char* const kqlc_schema_files[][2];

namespace kqlc::cli {

std::string find_beside_program(std::initializer_list<const char*> places) {
  std::error_code error;
  std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (int level = 0; level < 4 && !folder.empty(); ++level, folder = folder.parent_path())
    for (const char* place : places)
      if (std::filesystem::is_directory(folder / place, error)) return (folder / place).string();
  return "";
}

Result<plan::Schemas> load_schemas() {
  plan::Schemas schemas;
  std::string folder = find_beside_program({"rules/schemas", "share/kqlc/schemas"});
  if (!folder.empty()) {
    KQLC_TRY(schemas.load_folder(folder));
    return schemas;
  }
  for (const auto* file = kqlc_schema_files; (*file)[0]; ++file)
    KQLC_TRY(schemas.load_text(std::string_view((*file)[0], (*file)[1]), "a schema inside the program"));
  return schemas;
}

Result<int64_t> query_time(const Options& options, Tables& tables) {
  if (options.now == "latest") {
    if (tables.empty()) return Error{ErrorCode::Usage, "--now=latest needs --data"};
    int64_t newest = 0;
    KQLC_TRY_ASSIGN(newest, tables.newest_time());
    if (newest == 0) return Error{ErrorCode::Usage, "--now=latest: the data has no timestamps"};
    return newest;
  }
  if (options.now.empty()) return datetime::system_now().ticks;
  auto value = datetime::read_datetime(options.now);
  if (!value) return Error{ErrorCode::Usage, "--now: `" + options.now + "` is no datetime"};
  return value->ticks;
}

void open_cache(const Options& options) {
  if (options.no_cache) return;
  std::string folder = options.cache;
  const char* caches = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  // As the XDG specification has it: a path that is not absolute does not count.
  if (folder.empty() && caches && caches[0] == '/') folder = std::string(caches) + "/kqlc";
  if (folder.empty() && home && home[0] == '/') folder = std::string(home) + "/.cache/kqlc";
  if (folder.empty()) return;
  auto used = codegen::use_code_cache(folder);
  if (!used.ok() && !options.cache.empty()) say("kqlc: --cache {}\n", used.error().message);
}

std::string read_size(std::string& text) {
  const std::string wrong = "`" + text + "` is no size: a number above 0 such as 20000, 500MB or 1.5GB";
  double number = 0;
  auto [rest, failed] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (failed != std::errc()) return wrong;
  std::string unit = text.substr(static_cast<size_t>(rest - text.data()));
  std::ranges::transform(unit, unit.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  unit.erase(0, unit.find_first_not_of(' '));
  if (unit.ends_with('b')) unit.pop_back();
  if (unit.size() == 2 && unit.ends_with('i')) unit.pop_back();
  constexpr std::string_view kUnits = "kmgtp";
  const size_t power = unit.empty() ? 0 : kUnits.find(unit) + 1;
  if (unit.size() > 1 || (!unit.empty() && power == 0)) return wrong;
  number *= std::pow(1024, power);
  if (!(number >= 1 && number < 0x1p63)) return wrong;
  text = std::to_string(static_cast<uint64_t>(number));
  return "";
}

int num_threads(const Options& options) {
  return options.threads > 0 ? options.threads
                             : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

Result<TimeRange> time_bounds(const Options& options) {
  TimeRange range;
  auto read = [](const std::string& option, const std::string& text) -> Result<int64_t> {
    auto value = datetime::read_datetime(text);
    if (!value) return Error{ErrorCode::Usage, option + ": `" + text + "` is no datetime"};
    return value->ticks;
  };
  if (!options.from.empty()) {
    KQLC_TRY_ASSIGN(range.from, read("--from", options.from));
  }
  if (!options.to.empty()) {
    KQLC_TRY_ASSIGN(range.to, read("--to", options.to));
    --range.to;
  }
  if (range.to < range.from) return Error{ErrorCode::Usage, "--from is not before --to"};
  return range;
}

Result<OutputFormat> output_format(const Options& options) {
  OutputFormat format = isatty(STDOUT_FILENO) && (options.output.empty() || options.output == "-")
                            ? OutputFormat::Table
                            : OutputFormat::Ndjson;
  if (!options.format.empty()) {
    if (find_format(options.format, format)) return format;
    return Error{ErrorCode::Usage, "--format: no such format: `" + options.format +
                                       "`: table, ndjson, json, csv, arrow or parquet"};
  }
  // A file's name says its form: what ends in .parquet is never JSON.
  for (OutputFormat known : {OutputFormat::Table, OutputFormat::Ndjson, OutputFormat::Json, OutputFormat::Csv,
                             OutputFormat::Arrow, OutputFormat::Parquet})
    if (options.output.ends_with(extension_of(known))) return known;
  std::filesystem::path path(options.output);
  std::error_code error;
  // A folder's name says nothing; `-` and `.` have no ending.
  if (path.has_extension() && !std::filesystem::is_directory(path, error))
    return Error{ErrorCode::Usage,
                 "-o " + options.output + ": no form of output ends with `" + path.extension().string() +
                     "`: .parquet, .arrow, .csv, .json, .ndjson or .txt do, or --format says it"};
  return format;
}

}  // namespace kqlc::cli
