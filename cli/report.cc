// SPDX-License-Identifier: Apache-2.0
//
// One sentence a problem; the same problem of two passes is said once.
#include "cli/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "runtime/base/printable.h"

namespace kqlc::cli {

namespace {

constexpr size_t kMostNames = 8;

// Columns that files lack, those of as many files together: archives leave out what is null, so there may be
// dozens.
std::string print_missing(const std::map<std::string, uint64_t>& missing) {
  std::map<uint64_t, std::vector<std::string>> by_count;
  for (const auto& [column, files] : missing) by_count[files].push_back(printable(column));
  std::string out;
  for (const auto& [files, columns] : by_count) {
    std::string names;
    for (size_t i = 0; i < std::min(columns.size(), kMostNames); ++i) names += (i ? ", " : "") + columns[i];
    if (columns.size() > kMostNames) names += fmt::format(" and {} more", columns.size() - kMostNames);
    out += fmt::format("{} not in {}, read as null (text as \"\"): {}\n", counted(columns.size(), "column"),
                       counted(files, "file"), names);
  }
  return out;
}

}  // namespace

std::string counted(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string print_problems(const archive::ScanReport& report) {
  std::string out;
  if (report.bad_lines) out += fmt::format("bad lines: {} of {} parsed\n", report.bad_lines, report.lines);
  std::set<std::string> places;
  for (const archive::Sample& sample : report.samples)
    if (places.insert(sample.place).second)
      out += fmt::format("  {}: {}\n", printable(sample.place), printable(sample.message));
  if (report.repaired_lines)
    out += fmt::format("lines with invalid UTF-8, repaired: {}\n", report.repaired_lines);
  for (const auto& [column, problem] : report.problems)
    out += fmt::format("column {}: {} could not be converted, first {}: {}\n", printable(column),
                       counted(problem.failures, "value"), printable(problem.first.place),
                       printable(problem.first.message));
  out += print_missing(report.missing_columns);
  if (report.other_tables) out += fmt::format("rows that name another table: {}\n", report.other_tables);
  std::set<std::string> sentences;
  for (const auto* errors : {&report.errors, &report.lost})
    for (const Error& error : *errors) sentences.insert("left out: " + printable(error.message));
  for (const std::string& note : report.notes) sentences.insert(printable(note));
  for (const std::string& sentence : sentences) out += sentence + "\n";
  return out;
}

}  // namespace kqlc::cli
