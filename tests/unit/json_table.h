// SPDX-License-Identifier: Apache-2.0
//
// Rows as the text that tests compare: {"columns":[...],"rows":[...]} without the outer braces.
#pragma once

#include <string>

#include "cli/output.h"
#include "runtime/base/check.h"

namespace kqlc {

inline std::string json_table(const reference::Rows& rows, size_t threads = 1) {
  std::string text;
  const auto written =
      cli::print_json_members({{"", "", "", &rows, ""}}, threads, "", "", [&](std::string_view bytes) {
        text += bytes;
        return Result<void>();
      });
  KQLC_CHECK(written.ok(), "appending cannot fail");
  return text;
}

}  // namespace kqlc
