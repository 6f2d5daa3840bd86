// SPDX-License-Identifier: Apache-2.0
//
// The bodies of mathematical functions that are too long to inline. In: numbers. Out: numbers, NaN where
// mathematics has no answer. The density of the beta distribution is computed by logarithms, since its
// factors leave the range of a double long before their product does.
#include "runtime/functions/mathematics.h"

#include <math.h>

#include <limits>

namespace kqlc::functions {

namespace {

// lgamma() itself writes to a variable that all threads share.
double log_gamma(double x) {
  int sign = 0;
  return lgamma_r(x, &sign);
}

}  // namespace

double beta_density(double x, double alpha, double beta) {
  if (!(x > 0 && x < 1 && alpha > 0 && beta > 0)) return std::numeric_limits<double>::quiet_NaN();
  double scale = log_gamma(alpha + beta) - log_gamma(alpha) - log_gamma(beta);
  return std::exp(scale + (alpha - 1) * std::log(x) + (beta - 1) * std::log1p(-x));
}

}  // namespace kqlc::functions
