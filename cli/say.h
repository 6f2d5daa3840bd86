// SPDX-License-Identifier: Apache-2.0
//
// What kqlc says to a person, on stderr. It is lost where nobody reads it (a pipe whose reader is gone, a full
// disk): results and exit codes do not depend on it.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace kqlc::cli {

template <class... Values>
void say(fmt::format_string<Values...> format, Values&&... values) {
  std::fputs(fmt::format(format, std::forward<Values>(values)...).c_str(), stderr);
}

}  // namespace kqlc::cli
