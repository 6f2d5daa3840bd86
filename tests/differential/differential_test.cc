// SPDX-License-Identifier: Apache-2.0
//
// A few hundred random queries with fixed seeds as part of kqlc_tests, so that they run under the sanitizers
// too; the suite `differential` runs thousands.
#include <gtest/gtest.h>

#include "tests/differential/check.h"

namespace kqlc::differential {
namespace {

class Differential : public ::testing::TestWithParam<uint64_t> {};

TEST_P(Differential, ReferenceAndKernelsAgree) {
  Tally tally;
  for (uint64_t seed = GetParam() * 1000; tally.queries < 20; ++seed) {
    Finding finding;
    EXPECT_TRUE(check_seed(seed, seed % 10 == 0, tally, finding)) << finding.render();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Differential, ::testing::Range<uint64_t>(1, 11));

}  // namespace
}  // namespace kqlc::differential
