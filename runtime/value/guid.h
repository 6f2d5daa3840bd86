// SPDX-License-Identifier: Apache-2.0
//
// guid: its text forms. In: text with or without dashes and braces, or sixteen bytes. Out: the other of the
// two; printed as 8-4-4-4-12 small hexadecimal digits. Source: KQL "The guid data type".
#pragma once

#include <optional>
#include <string_view>

#include "runtime/base/arena.h"
#include "runtime/value/type.h"

namespace kqlc::guid {

std::optional<Guid> read(std::string_view text);
inline constexpr int kTextSize = 36;
void print(const Guid& value, char* out);
Str print(const Guid& value, Arena& arena);
inline int compare(const Guid& a, const Guid& b) { return std::memcmp(a.bytes, b.bytes, 16); }

}  // namespace kqlc::guid
