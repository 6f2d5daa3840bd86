// SPDX-License-Identifier: Apache-2.0
//
// kqlc_differential: random queries on the reference executor and on kernels. In: --seed=N (the first seed),
// --count=N (queries that must have been compared), --optimised-every=N (O2 for every Nth; 0: never),
// --survey (go on after findings and say what was rejected and what was never used). Out: findings, and as
// the last line "N passed, N failed". Exit status 0 where nothing failed.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "codegen/shared_code.h"
#include "runtime/aggregates/aggregate.h"
#include "runtime/functions/function.h"
#include "tests/differential/check.h"

namespace {

using namespace kqlc;
using namespace kqlc::differential;

constexpr uint64_t kMostFindings = 10;

bool read_option(const char* argument, const char* name, uint64_t& value) {
  std::string text(argument), start = std::string("--") + name + "=";
  if (!text.starts_with(start)) return false;
  value = std::strtoull(text.c_str() + start.size(), nullptr, 10);
  return true;
}

void print_survey(const Tally& tally) {
  for (const auto& [message, count] : tally.rejections)
    if (count > 5)
      std::printf("rejected %6llu: %s\n", static_cast<unsigned long long>(count), message.c_str());
  for (const Function& row : function_table()) {
    const char* name = row.spec.operators[0] ? row.spec.operators[0] : row.spec.name;
    if (row.spec.deterministic && !tally.used.contains(name)) std::printf("never used: %s\n", name);
  }
  for (const Aggregate& row : aggregate_table())
    if (!tally.used.contains(row.spec.name)) std::printf("never used: %s\n", row.spec.name);
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t seed = 1, count = 2000, optimised_every = 8;
  bool survey = false;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--survey") {
      survey = true;
    } else if (!read_option(argv[i], "seed", seed) && !read_option(argv[i], "count", count) &&
               !read_option(argv[i], "optimised-every", optimised_every)) {
      std::fprintf(stderr,
                   "usage: kqlc_differential [--seed=N] [--count=N] [--optimised-every=N] [--survey]\n");
      return 2;
    }
  }
  std::printf("first seed %llu\n", static_cast<unsigned long long>(seed));
  Tally tally;
  uint64_t failed = 0;
  for (uint64_t next = seed; tally.queries < count && (survey || failed < kMostFindings); ++next) {
    Finding finding;
    if (check_seed(next, optimised_every && next % optimised_every == 0, tally, finding)) continue;
    ++failed;
    std::printf("%s", finding.render().c_str());
    std::fflush(stdout);
  }
  if (survey) print_survey(tally);
  std::printf("%llu rows, %llu queries with late columns, %llu rejected, %llu without a native form\n",
              static_cast<unsigned long long>(tally.rows), static_cast<unsigned long long>(tally.late),
              static_cast<unsigned long long>(tally.rejected),
              static_cast<unsigned long long>(tally.no_kernel));
  std::printf("%llu passed, %llu failed\n",
              static_cast<unsigned long long>(tally.queries - std::min(failed, tally.queries)),
              static_cast<unsigned long long>(failed));
  codegen::drop_shared_code();
  return failed ? 1 : 0;
}
