// SPDX-License-Identifier: Apache-2.0
//
// Results go out. In: results, the format, where to. Out: text on standard output, a file, or a folder with a
// file for each result.
#pragma once

#include <vector>

#include "cli/options.h"
#include "cli/output.h"
#include "cli/tables.h"

namespace kqlc::cli {

// Where results are to go; decided before the scan, so that a wrong choice costs nothing.
struct Destination {
  OutputFormat format = OutputFormat::Ndjson;
  std::string path;           // "": standard output
  bool is_folder = false;     // a file for each result
  bool microseconds = false;  // times of Arrow output
  size_t threads = 1;         // that print
};

// Chooses the destination for `results` results. Errors: Usage for what cannot be written there, and for a
// file that `tables` reads: what it holds would be gone.
Result<Destination> choose_destination(const Options& options, size_t results, const Tables& tables);

// Writes all results. Errors: Io; Usage for a value that the format cannot hold.
Result<void> write_results(const std::vector<Output>& outputs, const Destination& destination);

}  // namespace kqlc::cli
