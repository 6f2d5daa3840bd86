// SPDX-License-Identifier: Apache-2.0
//
// The ten scalar types of KQL and the C++ types that stand for them in kernels, functions and the reference
// executor. Everything here is plain old data of at most 16 bytes, so that a value travels in two registers
// and a kernel compiled from bitcode sees the same layout as the native program. Text and JSON forms live
// elsewhere (datetime.h, decimal.h, guid.h, dynamic.h). Source: KQL "Scalar data types".
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kqlc {

enum class Type : uint8_t { Bool, Int, Long, Real, Decimal, DateTime, TimeSpan, Guid, String, Dynamic };
inline constexpr int kNumTypes = 10;

// Returns the name KQL gives to the type: "bool", "long", "datetime", ...
constexpr std::string_view type_name(Type type) {
  constexpr std::string_view names[kNumTypes] = {"bool",     "int",      "long", "real",   "decimal",
                                                 "datetime", "timespan", "guid", "string", "dynamic"};
  return names[static_cast<int>(type)];
}

// Most bytes of a text that a function makes; a longer one is an error, not cut.
inline constexpr uint64_t kMaxText = uint64_t{64} << 20;

// UTF-8 text; never null in KQL. `data` may be nullptr only when `size` is 0. Not terminated.
struct Str {
  const char* data = nullptr;
  uint64_t size = 0;

  constexpr Str() = default;
  constexpr Str(const char* text, uint64_t length) : data(text), size(length) {}
  constexpr Str(std::string_view text) : data(text.data()), size(text.size()) {}  // NOLINT
  constexpr std::string_view view() const { return {data, static_cast<size_t>(size)}; }
};

// Ticks of 100 ns since 0001-01-01 00:00 UTC; kqlc::datetime checks the range (years 1 to 9999).
struct DateTime {
  int64_t ticks = 0;
};

// Ticks of 100 ns, signed.
struct TimeSpan {
  int64_t ticks = 0;
};

// The sixteen bytes in the order of the text form.
struct Guid {
  uint8_t bytes[16] = {};
};

// A decimal of up to 34 digits: value = (-1)^sign * coefficient * 10^exponent. The layout is private to
// decimal.h.
struct alignas(8) Decimal {
  uint64_t low = 0;
  uint64_t high = 0;
};

namespace dynamic {
struct Node;
}

// A value of type dynamic: a tree of nodes in some arena, parsed lazily from JSON text (see dynamic.h).
// nullptr is dynamic(null).
struct Dynamic {
  const dynamic::Node* node = nullptr;
};

// A value of T or null, as a function's parameter (when it wants to see nulls) or its result.
template <class T>
struct Nullable {
  T value{};
  bool valid = false;

  constexpr Nullable() = default;
  constexpr Nullable(T v) : value(v), valid(true) {}  // NOLINT(google-explicit-constructor)
};

// One scalar of any type: 16 bytes of payload and validity. The type is known from the place where it stands,
// as in an Arrow column. A Cell of type String is always valid. The unused bytes of the payload are
// unspecified.
struct Cell {
  union {
    bool b;
    int32_t i;
    int64_t l;  // also datetime and timespan ticks
    double d;
    Str s;
    Guid g;
    Decimal m;
    const dynamic::Node* node;
  };
  bool valid;
  // Of a text that a sink gets straight from a column with a dictionary: its code there + 1, so that within a
  // run (Context::run) equal codes of the column are equal texts; else 0.
  uint32_t code;

  Cell() : s(), valid(false), code(0) {}
};
static_assert(sizeof(Cell) == 24);

// Maps a C++ type to its KQL type and to its place in a Cell.
template <class T>
struct TypeOf;

#define KQLC_TYPE_OF(cpp_type, kql_type, read_expression, write_statement) \
  template <>                                                              \
  struct TypeOf<cpp_type> {                                                \
    static constexpr Type type = Type::kql_type;                           \
    static cpp_type read(const Cell& cell) { return read_expression; }     \
    static void write(Cell& cell, cpp_type value) { write_statement; }     \
  };
KQLC_TYPE_OF(bool, Bool, cell.b, cell.b = value)
KQLC_TYPE_OF(int32_t, Int, cell.i, cell.i = value)
KQLC_TYPE_OF(int64_t, Long, cell.l, cell.l = value)
KQLC_TYPE_OF(double, Real, cell.d, cell.d = value)
KQLC_TYPE_OF(Decimal, Decimal, cell.m, cell.m = value)
KQLC_TYPE_OF(DateTime, DateTime, DateTime{cell.l}, cell.l = value.ticks)
KQLC_TYPE_OF(TimeSpan, TimeSpan, TimeSpan{cell.l}, cell.l = value.ticks)
KQLC_TYPE_OF(Guid, Guid, cell.g, cell.g = value)
KQLC_TYPE_OF(Str, String, cell.s, cell.s = value)
KQLC_TYPE_OF(Dynamic, Dynamic, Dynamic{cell.node}, cell.node = value.node)
#undef KQLC_TYPE_OF

// Returns a valid cell of `value`.
template <class T>
Cell make_cell(T value) {
  Cell cell;
  TypeOf<T>::write(cell, value);
  cell.valid = true;
  if constexpr (TypeOf<T>::type == Type::Dynamic) cell.valid = value.node != nullptr;
  return cell;
}

// Returns the null of `type`; for String that is the empty string, which KQL has instead of a null.
inline Cell null_cell(Type type) {
  Cell cell;
  cell.valid = type == Type::String;
  return cell;
}

}  // namespace kqlc
