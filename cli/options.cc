// SPDX-License-Identifier: Apache-2.0
//
// Finding the schemas, the query time and the output format.
#include "cli/options.h"

#include <unistd.h>

#include <filesystem>

#include "cli/tables.h"
#include "runtime/value/datetime.h"

namespace kqlc::cli {

Result<plan::Schemas> load_schemas() {
  plan::Schemas schemas;
  std::error_code error;
  std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (int level = 0; level < 4 && !folder.empty(); ++level, folder = folder.parent_path())
    for (const char* place : {"rules/schemas", "share/kqlc/schemas"})
      if (std::filesystem::is_directory(folder / place, error)) {
        KQLC_TRY(schemas.load_folder((folder / place).string()));
        return schemas;
      }
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

Result<OutputFormat> output_format(const Options& options) {
  OutputFormat format = isatty(STDOUT_FILENO) ? OutputFormat::Table : OutputFormat::Ndjson;
  if (!options.format.empty() && !find_format(options.format, format))
    return Error{ErrorCode::Usage, "--format: no such format: `" + options.format + "`"};
  return format;
}

}  // namespace kqlc::cli
