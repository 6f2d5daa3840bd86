// SPDX-License-Identifier: Apache-2.0
//
// Text formats take all results in one stream; a folder gets one file a result, named after its rule.
#include "cli/write_results.h"

#include <filesystem>
#include <set>

#include "cli/output_file.h"

namespace kqlc::cli {

namespace {

namespace fs = std::filesystem;

Result<void> write_file(const std::vector<Output>& outputs, const Destination& destination, const std::string& path) {
  auto file = OutputFile::open(path);
  if (!file.ok()) return file.error();
  KQLC_TRY(file.value().write(print_outputs(outputs, destination.format)));
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

Result<Destination> choose_destination(const Options& options, size_t results) {
  Destination out;
  KQLC_TRY_ASSIGN(out.format, output_format(options));
  out.path = options.output;
  std::error_code error;
  out.is_folder = !out.path.empty() && (out.path.ends_with('/') || fs::is_directory(out.path, error));
  if (out.path == "-") out.path.clear();
  if (out.is_folder && (fs::create_directories(out.path, error), !fs::is_directory(out.path)))
    return Error{ErrorCode::Io, out.path + ": " + error.message()};
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
