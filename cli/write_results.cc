// SPDX-License-Identifier: Apache-2.0
//
// Text formats take all results in one stream; a folder gets one file a result, named after its rule.
#include "cli/write_results.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <filesystem>
#include <set>

#include "cli/output_file.h"
#include "cli/table_width.h"
#include "runtime/output/arrow_output.h"

namespace kqlc::cli {

namespace {

namespace fs = std::filesystem;

output::ArrowOutput arrow_output(const Output& result, const Destination& destination) {
  output::ArrowOutput out;
  for (const plan::ColumnDef& column : result.rows->schema) out.columns.push_back({column.name, column.type});
  out.rows = &result.rows->rows;
  out.microseconds = destination.microseconds;
  out.partial = result.partial;
  return out;
}

Result<void> write_bytes(const std::vector<Output>& outputs, const Destination& destination,
                         OutputFile& file) {
  bool to_path = !file.path_for_now().empty();
  switch (destination.format) {
    case OutputFormat::Parquet:
      return output::write_parquet_file(arrow_output(outputs[0], destination), file.path_for_now());
    case OutputFormat::Arrow: {
      output::ArrowOutput result = arrow_output(outputs[0], destination);
      return to_path ? output::write_arrow_file(result, file.path_for_now())
                     : output::write_arrow_stream(result, file.descriptor());
    }
    default:
      return print_outputs(outputs, destination.format, terminal_width(file.descriptor()),
                           destination.threads, [&](std::string_view bytes) { return file.write(bytes); });
  }
}

bool is_columnar(OutputFormat format) {
  return format == OutputFormat::Arrow || format == OutputFormat::Parquet;
}

Result<void> write_file(const std::vector<Output>& outputs, const Destination& destination,
                        const std::string& path) {
  // The one rule of a columnar scan may have failed; what failed it has been said.
  if (outputs.empty() && is_columnar(destination.format)) return {};
  auto file = OutputFile::open(path);
  if (!file.ok()) return file.error();
  auto written = write_bytes(outputs, destination, file.value());
  if (!written.ok()) return std::move(written.error()).with_context(path.empty() ? "standard output" : path);
  return file.value().commit();
}

// A file name of letters that no system minds, not yet taken.
std::string free_name(const std::string& stem, std::set<std::string>& taken) {
  std::string plain;
  for (char c : stem.substr(0, 120)) {
    bool fits = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
    plain += fits ? c : '_';
  }
  if (plain.empty() || plain[0] == '.') plain.insert(0, "rule");
  std::string name = plain;
  for (int number = 2; !taken.insert(name).second; ++number) name = plain + "-" + std::to_string(number);
  return name;
}

}  // namespace

Result<Destination> choose_destination(const Options& options, size_t results, const Tables& tables) {
  Destination out;
  KQLC_TRY_ASSIGN(out.format, output_format(options));
  out.path = options.output;
  std::error_code error;
  out.is_folder = !out.path.empty() && (out.path.ends_with('/') || fs::is_directory(out.path, error));
  if (out.path == "-") out.path.clear();
  if (!out.path.empty() && !out.is_folder && tables.holds(out.path))
    return Error{ErrorCode::Usage, out.path + ": is read by this query; name another file with -o"};
  if (out.is_folder && (fs::create_directories(out.path, error), !fs::is_directory(out.path)))
    return Error{ErrorCode::Io, out.path + ": " + error.message()};
  const fs::path parent = fs::path(out.path).parent_path();
  if (!out.is_folder && !parent.empty() && !fs::is_directory(parent, error))
    return Error{ErrorCode::Io, out.path + ": there is no folder " + parent.string()};
  out.microseconds = options.arrow_time == "us";
  out.threads = static_cast<size_t>(num_threads(options));
  if (!is_columnar(out.format)) return out;
  std::string name(extension_of(out.format).substr(1));
  if (results > 1 && !out.is_folder)
    return Error{ErrorCode::Usage, "--format=" + name + " holds one result and there are " +
                                       std::to_string(results) +
                                       ": name a folder with -o FOLDER/ for a file each"};
  struct stat status;
  bool is_file = !out.path.empty() && (stat(out.path.c_str(), &status) != 0 || S_ISREG(status.st_mode));
  if (out.format == OutputFormat::Parquet && !out.is_folder && !is_file)
    return Error{ErrorCode::Usage, "--format=parquet needs a file: name it with -o"};
  if (out.path.empty() && isatty(STDOUT_FILENO))
    return Error{ErrorCode::Usage, "--format=arrow is not for a terminal: name a file with -o"};
  return out;
}

Result<void> write_results(const std::vector<Output>& outputs, const Destination& destination) {
  if (!destination.is_folder) return write_file(outputs, destination, destination.path);
  std::set<std::string> taken;
  for (const Output& output : outputs) {
    std::string name = free_name(output.stem, taken) + std::string(extension_of(destination.format));
    KQLC_TRY(write_file({output}, destination, (fs::path(destination.path) / name).string()));
  }
  return {};
}

}  // namespace kqlc::cli
