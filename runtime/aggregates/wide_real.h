// SPDX-License-Identifier: Apache-2.0
//
// Real numbers of twice the digits: the unevaluated sum of two doubles, about 32 decimal digits. In: doubles.
// Out: sums, products and quotients whose error is so small that the order of rows and threads does not show
// once the result is one double, even where large terms cancel. What is not finite ends as not finite.
// Source: T. J. Dekker, "A floating-point technique for extending the available precision".
#pragma once

#include <cmath>

namespace kqlc::aggregates {

struct WideReal {
  double high = 0, low = 0;

  double rounded() const { return high + low; }
};

// The exact sum of two doubles.
inline WideReal exact_sum(double a, double b) {
  double sum = a + b, part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

// The exact product of two doubles.
inline WideReal exact_product(double a, double b) {
  double product = a * b;
  return {product, std::fma(a, b, -product)};
}

inline WideReal operator+(WideReal a, WideReal b) {
  WideReal high = exact_sum(a.high, b.high), low = exact_sum(a.low, b.low);
  WideReal once = exact_sum(high.high, high.low + low.high);
  return exact_sum(once.high, once.low + low.low);
}

inline WideReal operator-(WideReal a, WideReal b) { return a + WideReal{-b.high, -b.low}; }

inline WideReal operator*(WideReal a, WideReal b) {
  WideReal product = exact_product(a.high, b.high);
  return exact_sum(product.high, product.low + (a.high * b.low + a.low * b.high));
}

inline WideReal operator/(WideReal a, double b) {
  double quotient = a.high / b;
  WideReal rest = a - WideReal{quotient, 0} * WideReal{b, 0};
  return exact_sum(quotient, rest.rounded() / b);
}

}  // namespace kqlc::aggregates
