// SPDX-License-Identifier: Apache-2.0
//
// The string operators of KQL on two texts, neither of them prepared. In: two strings of UTF-8. Out: whether
// the operator holds. For a constant right side use PreparedNeedle, which agrees with these; these serve the
// `call` bodies of the function table and columns compared with columns. Plain functions: compiled kernels
// call them. Source: KQL "String operators".
#pragma once

#include "runtime/value/type.h"

namespace kqlc::simd {

bool equals_cs(Str text, Str other) noexcept;  // ==
bool equals(Str text, Str other) noexcept;     // =~
bool contains_cs(Str text, Str needle) noexcept;
bool contains(Str text, Str needle) noexcept;
bool startswith_cs(Str text, Str needle) noexcept;
bool startswith(Str text, Str needle) noexcept;
bool endswith_cs(Str text, Str needle) noexcept;
bool endswith(Str text, Str needle) noexcept;
bool has_cs(Str text, Str needle) noexcept;  // at term borders on both sides
bool has(Str text, Str needle) noexcept;
bool hasprefix_cs(Str text, Str needle) noexcept;  // at the start of a term
bool hasprefix(Str text, Str needle) noexcept;
bool hassuffix_cs(Str text, Str needle) noexcept;  // at the end of a term
bool hassuffix(Str text, Str needle) noexcept;

// Compares caselessly, by folded characters: negative, 0 or positive. 0 exactly when equals().
int compare_caseless(Str a, Str b) noexcept;

}  // namespace kqlc::simd
