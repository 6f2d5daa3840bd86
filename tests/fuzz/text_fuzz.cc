// SPDX-License-Identifier: Apache-2.0
//
// Any text as a decimal, datetime, timespan, guid: what can be read is printed as text that reads as the same
// value.
#include <cstring>
#include <string>

#include "runtime/base/check.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/guid.h"

using namespace kqlc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 256) return 0;
  Arena arena;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto value = datetime::read_datetime(text)) {
    auto again = datetime::read_datetime(datetime::print_datetime(*value, arena).view());
    KQLC_CHECK(again && again->ticks == value->ticks, "datetime");
  }
  if (auto value = datetime::read_timespan(text)) {
    auto again = datetime::read_timespan(datetime::print_timespan(*value, arena).view());
    KQLC_CHECK(again && again->ticks == value->ticks, "timespan");
  }
  if (auto value = decimal::read(text)) {
    Str printed = decimal::print(*value, arena);
    auto again = decimal::read(printed.view());
    KQLC_CHECK(again && decimal::print(*again, arena).view() == printed.view(), "decimal");
  }
  if (auto value = guid::read(text)) {
    auto again = guid::read(guid::print(*value, arena).view());
    KQLC_CHECK(again && std::memcmp(again->bytes, value->bytes, 16) == 0, "guid");
  }
  return 0;
}
