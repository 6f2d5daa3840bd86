// SPDX-License-Identifier: Apache-2.0
//
// The border to Intel's decimal library (built with arguments by value, rounding and flags as arguments).
// Values that it calls NaN or infinite do not leave this file: text that is none is refused, and division by
// zero is empty.
#include "runtime/value/decimal.h"

#include <xxhash.h>

#include <cstring>
#include <string>

extern "C" {
struct alignas(16) KqlcBid128 {
  uint64_t w[2];
};
KqlcBid128 __bid128_from_string(char*, unsigned, unsigned*);
void __bid128_to_string(char*, KqlcBid128, unsigned*);
KqlcBid128 __bid128_from_int64(int64_t);
KqlcBid128 __binary64_to_bid128(double, unsigned, unsigned*);
double __bid128_to_binary64(KqlcBid128, unsigned, unsigned*);
int64_t __bid128_to_int64_xint(KqlcBid128, unsigned*);
KqlcBid128 __bid128_add(KqlcBid128, KqlcBid128, unsigned, unsigned*);
KqlcBid128 __bid128_sub(KqlcBid128, KqlcBid128, unsigned, unsigned*);
KqlcBid128 __bid128_mul(KqlcBid128, KqlcBid128, unsigned, unsigned*);
KqlcBid128 __bid128_div(KqlcBid128, KqlcBid128, unsigned, unsigned*);
KqlcBid128 __bid128_fmod(KqlcBid128, KqlcBid128, unsigned*);
KqlcBid128 __bid128_negate(KqlcBid128);
KqlcBid128 __bid128_round_integral_negative(KqlcBid128, unsigned*);
int __bid128_quiet_less(KqlcBid128, KqlcBid128, unsigned*);
int __bid128_quiet_equal(KqlcBid128, KqlcBid128, unsigned*);
int __bid128_isFinite(KqlcBid128);
int __bid128_isZero(KqlcBid128);
}

namespace kqlc::decimal {

namespace {

constexpr unsigned kInvalidFlag = 1;

KqlcBid128 to_bid(Decimal value) { return {{value.low, value.high}}; }
Decimal from_bid(KqlcBid128 value) { return {value.w[0], value.w[1]}; }

// Writes digits and exponent of the library's "+123E-2" as plain text where that is short, as Kusto prints.
std::string plain_text(std::string_view scientific) {
  bool minus = scientific.front() == '-';
  size_t e = scientific.find('E');
  std::string digits(scientific.substr(1, e - 1));
  int exponent = std::stoi(std::string(scientific.substr(e + 1)));
  if (exponent > 0 && digits.size() + static_cast<size_t>(exponent) <= 34) {
    if (digits != "0") digits.append(static_cast<size_t>(exponent), '0');
    exponent = 0;
  }
  if (exponent < 0 && exponent >= -34) {
    size_t places = static_cast<size_t>(-exponent);
    if (digits.size() <= places) digits.insert(0, places - digits.size() + 1, '0');
    digits.insert(digits.size() - places, 1, '.');
    exponent = 0;
  }
  if (exponent != 0) digits += "E" + std::string(exponent > 0 ? "+" : "") + std::to_string(exponent);
  return (minus ? "-" : "") + digits;
}

}  // namespace

std::optional<Decimal> read(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  bool digit = false;
  for (char c : text) {
    digit |= c >= '0' && c <= '9';
    if (!((c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E'))
      return std::nullopt;
  }
  if (!digit || text.size() > 200) return std::nullopt;
  std::string copy(text);
  unsigned flags = 0;
  KqlcBid128 value = __bid128_from_string(copy.data(), 0, &flags);
  if (!__bid128_isFinite(value)) return std::nullopt;
  return from_bid(value);
}

Str print(Decimal value, Arena& arena) {
  char buffer[64] = {};
  unsigned flags = 0;
  __bid128_to_string(buffer, to_bid(value), &flags);
  return arena.copy(std::string_view(plain_text(buffer)));
}

bool is_finite(Decimal value) { return __bid128_isFinite(to_bid(value)); }

Decimal from_long(int64_t value) { return from_bid(__bid128_from_int64(value)); }

Decimal from_real(double value) {
  // The shortest text of the double, as .NET converts: 0.1 becomes 0.1 and not 0.1000000000000000055.
  Arena arena;
  char buffer[48];
  int size = std::snprintf(buffer, sizeof buffer, "%.15g", value);
  auto read_back = read(std::string_view(buffer, static_cast<size_t>(size)));
  return read_back.value_or(Decimal{});
}

double to_real(Decimal value) {
  unsigned flags = 0;
  return __bid128_to_binary64(to_bid(value), 0, &flags);
}

std::optional<int64_t> to_long(Decimal value) {
  unsigned flags = 0;
  int64_t out = __bid128_to_int64_xint(to_bid(value), &flags);
  if (flags & kInvalidFlag) return std::nullopt;
  return out;
}

Decimal add(Decimal a, Decimal b) {
  unsigned flags = 0;
  return from_bid(__bid128_add(to_bid(a), to_bid(b), 0, &flags));
}
Decimal subtract(Decimal a, Decimal b) {
  unsigned flags = 0;
  return from_bid(__bid128_sub(to_bid(a), to_bid(b), 0, &flags));
}
Decimal multiply(Decimal a, Decimal b) {
  unsigned flags = 0;
  return from_bid(__bid128_mul(to_bid(a), to_bid(b), 0, &flags));
}
std::optional<Decimal> divide(Decimal a, Decimal b) {
  if (__bid128_isZero(to_bid(b))) return std::nullopt;
  unsigned flags = 0;
  return from_bid(__bid128_div(to_bid(a), to_bid(b), 0, &flags));
}
std::optional<Decimal> remainder(Decimal a, Decimal b) {
  if (__bid128_isZero(to_bid(b))) return std::nullopt;
  unsigned flags = 0;
  return from_bid(__bid128_fmod(to_bid(a), to_bid(b), &flags));
}
Decimal negate(Decimal a) { return from_bid(__bid128_negate(to_bid(a))); }
Decimal floor(Decimal a) {
  unsigned flags = 0;
  return from_bid(__bid128_round_integral_negative(to_bid(a), &flags));
}

int compare(Decimal a, Decimal b) {
  unsigned flags = 0;
  if (__bid128_quiet_equal(to_bid(a), to_bid(b), &flags)) return 0;
  return __bid128_quiet_less(to_bid(a), to_bid(b), &flags) ? -1 : 1;
}

uint64_t hash(Decimal value) {
  double approximate = to_real(value);    // equal decimals of other exponents agree
  if (approximate == 0) approximate = 0;  // so do those of other signs
  return XXH3_64bits(&approximate, sizeof approximate);
}

}  // namespace kqlc::decimal
