// SPDX-License-Identifier: Apache-2.0
//
// decimal: 34 digits, as IEEE 754 decimal128 in the binary integer encoding. In: text, integers, doubles.
// Out: arithmetic, order and text. The work is done by Intel's decimal floating-point library. Source: KQL
// "The decimal data type".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/base/arena.h"
#include "runtime/value/type.h"

namespace kqlc::decimal {

std::optional<Decimal> read(std::string_view text);
Str print(Decimal value, Arena& arena);

// Whether bytes from elsewhere are a number: not infinite, not NaN.
bool is_finite(Decimal value);
Decimal from_long(int64_t value);
Decimal from_real(double value);
double to_real(Decimal value);
// Cut toward zero; empty when it does not fit.
std::optional<int64_t> to_long(Decimal value);

Decimal add(Decimal a, Decimal b);
Decimal subtract(Decimal a, Decimal b);
Decimal multiply(Decimal a, Decimal b);
// Empty when `b` is zero.
std::optional<Decimal> divide(Decimal a, Decimal b);
std::optional<Decimal> remainder(Decimal a, Decimal b);
Decimal negate(Decimal a);
Decimal floor(Decimal a);
int compare(Decimal a, Decimal b);
uint64_t hash(Decimal value);

}  // namespace kqlc::decimal
