// SPDX-License-Identifier: Apache-2.0
//
// The report of what was read, for a person, on stderr: files, rows, bytes, bad lines with their first
// places, what was left out. In: a ScanReport. Out: lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/archive/archive.h"

namespace kqlc::cli {

// "1 row", "2 rows".
std::string counted(uint64_t count, std::string_view noun);
// What was wrong: bad lines, values that did not fit, columns that are not there, files that broke off.
std::string print_problems(const archive::ScanReport& report);

}  // namespace kqlc::cli
