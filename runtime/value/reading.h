// SPDX-License-Identifier: Apache-2.0
//
// Values of a file or of a foreign array as values of a column's type. In: text or a number. Out: a Cell, a
// null, or the word that it does not fit. A real number that is whole fits a long.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/value/type.h"

namespace kqlc::reading {

// Whether two texts are equal but for the case of ASCII letters.
bool equals_caseless(std::string_view a, std::string_view b);

enum class Reading : uint8_t { Value, Null, Failure };

// Reads text as `type`, which is neither string nor dynamic; blank text is null.
Reading read_value(Type type, std::string_view text, Cell* cell);
// Converts a number to bool, int, long, real or decimal; other types fail.
Reading convert_long(int64_t value, Type type, Cell* cell);
Reading convert_real(double value, Type type, Cell* cell);

}  // namespace kqlc::reading
