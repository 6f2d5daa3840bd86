// SPDX-License-Identifier: Apache-2.0
//
// The values that tables hold: few different ones of each type, so that groups and joins meet, with the edges
// of each type among them. Reals and decimals of tables are of one size, so that sums are exact and do not
// depend on their order.
#include <cmath>
#include <limits>

#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/dynamic.h"
#include "runtime/value/guid.h"
#include "tests/differential/generate.h"

namespace kqlc::differential {

namespace {

constexpr std::string_view kTexts[] = {"",
                                       "a",
                                       "cmd.exe",
                                       "C:\\Windows\\System32\\powershell.exe",
                                       "powershell -enc AAAA",
                                       "Distant Software Ltd",
                                       "XDistant Softwares",
                                       "10.0.0.1",
                                       "2024-02-29T12:00:00Z",
                                       "-17",
                                       "3.25",
                                       "true",
                                       "{\"a\":1,\"b\":[1,2,\"x\"]}",
                                       "[1,2,3]",
                                       "\xC3\xA9t\xC3\xA9 \xC3\x89T\xC3\x89",
                                       "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E",
                                       "stra\xC3\x9F"
                                       "e",
                                       "\xF0\x9F\x98\x80 ok",
                                       "bad \xFF\xC3 utf",
                                       "tab\tnew\nline \"quoted\"",
                                       "https://user@example.com:8080/p/a?q=1#f",
                                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
                                       "SGVsbG8=",
                                       "1.2:3:4",
                                       "0x1F",
                                       "nan",
                                       "a,b;c",
                                       "\xC4\xB0stanbul \xC4\xB1"};

constexpr std::string_view kDynamics[] = {"",
                                          "1",
                                          "-2.5",
                                          "true",
                                          "\"text\"",
                                          "[]",
                                          "{}",
                                          "[1,\"a\",null,[2,3]]",
                                          "{\"a\":1,\"b\":\"x\",\"c\":{\"d\":[1,2]}}",
                                          "{\"b\":\"x\",\"a\":1}",
                                          "[3,1,2,3]",
                                          "\"2024-01-01\"",
                                          "1e300",
                                          "{\"a\":null}",
                                          "[{\"a\":1},{\"a\":2}]",
                                          "\"\xC3\xA9\"",
                                          "not json",
                                          "9223372036854775807"};

constexpr int64_t kLongs[] = {
    0,         1,        -1, 2, 3, 7, 10, 100, -100, 255, 65536, 2147483647, -2147483648LL, 1'000'000'007,
    INT64_MAX, INT64_MIN};
constexpr int32_t kInts[] = {0, 1, -1, 2, 5, 12, 100, -37, INT32_MAX, INT32_MIN};
const double kReals[] = {0.0,
                         -0.0,
                         0.25,
                         1.5,
                         -2.75,
                         3,
                         100.5,
                         -1000,
                         65536.125,
                         std::nan(""),
                         std::numeric_limits<double>::infinity(),
                         -std::numeric_limits<double>::infinity()};
constexpr std::string_view kDecimals[] = {
    "0", "1", "-1.5", "0.1", "1234567890.123456789", "-99999999999999999", "1e-10"};
constexpr std::string_view kTimes[] = {"0001-01-01T00:00:00Z",         "9999-12-31T23:59:59.9999999Z",
                                       "1970-01-01T00:00:00Z",         "2024-02-29T23:59:59.9999999Z",
                                       "2023-07-18T09:12:44.0312345Z", "2023-07-19T00:00:00Z",
                                       "2023-07-19T10:00:00Z",         "1899-12-31T23:59:59Z"};
constexpr std::string_view kSpans[] = {
    "0:0:0",      "1.00:00:00", "-01:30:00", "00:00:00.0000001", "10675199.02:48:05.4775807",
    "7.00:00:00", "00:05:00"};
constexpr std::string_view kGuids[] = {"00000000-0000-0000-0000-000000000000",
                                       "74be27de-1e4e-49d9-b579-fe0b331d3642",
                                       "ffffffff-ffff-ffff-ffff-ffffffffffff"};

Cell random_cell(Type type, Random& random, Arena& arena) {
  if (type != Type::String && random.chance(12)) return null_cell(type);
  switch (type) {
    case Type::Bool:
      return make_cell(random.chance(50));
    case Type::Int:
      return make_cell(random.pick(kInts));
    case Type::Long:
      return make_cell(random.chance(40) ? static_cast<int64_t>(random.below(20)) : random.pick(kLongs));
    case Type::Real:
      return make_cell(random.pick(kReals));
    case Type::Decimal:
      return make_cell(*decimal::read(random.pick(kDecimals)));
    case Type::DateTime:
      return make_cell(*datetime::read_datetime(random.pick(kTimes)));
    case Type::TimeSpan:
      return make_cell(*datetime::read_timespan(random.pick(kSpans)));
    case Type::Guid:
      return make_cell(*guid::read(random.pick(kGuids)));
    case Type::String:
      return make_cell(Str(random.pick(kTexts)));
    case Type::Dynamic: {
      std::string_view text = random.pick(kDynamics);
      return text.empty() ? null_cell(type) : make_cell(dynamic::lazy(Str(text), arena));
    }
  }
  KQLC_UNREACHABLE("type");
}

}  // namespace

engines::TableData make_table(const std::string& name, size_t rows, Random& random) {
  engines::TableData table;
  table.name = name;
  table.schema = {{"B", Type::Bool}, {"I", Type::Int},     {"L", Type::Long},     {"K", Type::Long},
                  {"R", Type::Real}, {"M", Type::Decimal}, {"D", Type::DateTime}, {"T", Type::TimeSpan},
                  {"G", Type::Guid}, {"S", Type::String},  {"P", Type::String},   {"Y", Type::Dynamic}};
  // A column without any null, or without any value, now and then.
  size_t full = random.below(table.schema.size() * 2), empty = random.below(table.schema.size() * 4);
  for (size_t r = 0; r < rows; ++r) {
    engines::Row row;
    for (size_t i = 0; i < table.schema.size(); ++i) {
      Cell cell = i == empty ? null_cell(table.schema[i].type)
                             : random_cell(table.schema[i].type, random, *table.arena);
      for (int tries = 0; i == full && !cell.valid && tries < 9; ++tries)
        cell = random_cell(table.schema[i].type, random, *table.arena);
      row.push_back(cell);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace kqlc::differential
