// SPDX-License-Identifier: Apache-2.0
//
// The whole of a JSON value looked at, for --strict: what a scan skips by its structure is read here. In: a
// value of simdjson's on-demand parser. Out: what is wrong inside it. Also what readers of such values share.
#pragma once

#include <simdjson.h>

#include <string_view>

namespace kqlc::archive {

inline bool is_json_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

inline std::string_view trim_end(std::string_view text) {
  while (!text.empty() && is_json_blank(text.back())) text.remove_suffix(1);
  return text;
}

inline std::string_view trim_start(std::string_view text) {
  while (!text.empty() && is_json_blank(text.front())) text.remove_prefix(1);
  return text;
}

inline const char* message_of(simdjson::error_code error) { return simdjson::error_message(error); }

// Returns what is wrong with a value, however deep inside it, or nullptr. `end` is the end of its text. A
// number may be larger than any type holds: that is valid JSON, and so is half a surrogate pair.
const char* problem_of(simdjson::ondemand::value value, const char* end, int depth = 0);

}  // namespace kqlc::archive
