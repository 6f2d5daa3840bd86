// SPDX-License-Identifier: Apache-2.0
//
// The whole of a JSON value looked at: what a scan skips by its structure alone is read here, because the
// value was asked for or because of --strict. In: text. Out: what is wrong with it. Source: RFC 8259.
#pragma once

#include <string_view>

namespace kqlc::archive {

// Returns what is wrong with a JSON value, however deep inside it, or nullptr. A number may be larger than
// any type holds: that is valid JSON, and so is half a surrogate pair. Requires: the text is UTF-8.
const char* problem_of_json(std::string_view text);

}  // namespace kqlc::archive
