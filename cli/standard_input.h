// SPDX-License-Identifier: Apache-2.0
//
// `--data -`: events from standard input. In: the pipe. Out: a path that readers open like any file. What
// comes from a pipe is kept in a nameless temporary file, since a table may be read more than once and some
// formats from behind.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace kqlc::cli {

// Puts a path in place of each "-". Reads standard input to its end, or until the user interrupts.
Result<void> take_standard_input(std::vector<std::string>& paths);

// Calls standard input so where `text` has the path it stands under.
std::string name_standard_input(std::string text);

}  // namespace kqlc::cli
