// SPDX-License-Identifier: Apache-2.0
//
// One sentence a problem; the same problem of two passes is said once.
#include "cli/report.h"

#include <fmt/format.h>

#include <set>

#include "runtime/base/printable.h"

namespace kqlc::cli {

std::string print_problems(const archive::ScanReport& report) {
  std::string out;
  if (report.bad_lines) out += fmt::format("bad lines: {} of {} parsed\n", report.bad_lines, report.lines);
  std::set<std::string> places;
  for (const archive::Sample& sample : report.samples)
    if (places.insert(sample.place).second) out += fmt::format("  {}: {}\n", printable(sample.place), printable(sample.message));
  if (report.repaired_lines) out += fmt::format("lines with invalid UTF-8, repaired: {}\n", report.repaired_lines);
  for (const auto& [column, problem] : report.problems)
    out += fmt::format("column {}: {} values could not be converted, first {}: {}\n", printable(column), problem.failures,
                       printable(problem.first.place), printable(problem.first.message));
  for (const auto& [column, files] : report.missing_columns)
    out += fmt::format("column {}: not in {} of the files, read as null\n", printable(column), files);
  if (report.other_tables) out += fmt::format("rows that name another table: {}\n", report.other_tables);
  std::set<std::string> sentences;
  for (const Error& error : report.errors) sentences.insert("left out: " + printable(error.message));
  for (const std::string& note : report.notes) sentences.insert(printable(note));
  for (const std::string& sentence : sentences) out += sentence + "\n";
  return out;
}

}  // namespace kqlc::cli
