// SPDX-License-Identifier: Apache-2.0
//
// Whole rules over random lines of NDJSON, in every way that such files are scanned: no row may differ from
// those of the reference executor, which is given the generator's own values. KQLC_LINES sets the number of
// lines, KQLC_SEED the first chunk's seed.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>

#include "cli/compile.h"
#include "cli/shared_scan.h"
#include "runtime/simd/targets.h"
#include "tests/differential/rules.h"
#include "tests/engines/files.h"
#include "tests/engines/run.h"

namespace kqlc::differential {
namespace {

using engines::Answer;
using engines::FileWay;
using engines::Native;
using Prefilters = std::vector<simd::LiteralGroups>;

constexpr size_t kLinesAtOnce = 5'000;  // more than one chunk of a scan
constexpr size_t kRulesAtOnce = 5;

struct Rule {
  std::string text;
  cli::Compiled compiled;
  std::optional<Native> native;
  Answer expected;
};

uint64_t number_of(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// Lines with the rules that are run over them.
class Chunk {
 public:
  // Where lines are long beside their texts, many literals are looked for in the values of keys.
  Chunk(uint64_t seed, bool has_long_lines) : random_(seed), events_(random_, has_long_lines ? 6'000 : 0) {}

  void make() {
    for (size_t i = 0; i < kLinesAtOnce; ++i) events_.add_line();
    schemas_.add(kEventTable, events_.table().schema);
    for (size_t i = 0; i < kRulesAtOnce; ++i) add_rule(make_rule(random_));
    auto file = engines::write_ndjson(kEventTable, events_.text(), folder_.path());
    ASSERT_TRUE(file.ok()) << file.error().message;
    files_.push_back(file.value());
    for (const auto& rule : rules_) all_.push_back(rule->native->prefilter(kEventTable));
    many_.emplace_back();
    for (size_t i = 0; i < 40; ++i)
      many_.back().push_back({"literal " + std::to_string(i), simd::Case::Ignored, {"Path"}});
  }

  // The reference executor over the file differs where the reader does, the kernels where they or the ways of
  // finding lines do.
  void check() {
    for (const auto& rule : rules_) {
      SCOPED_TRACE(rule->text);
      const plan::Plan& plan = rule->compiled.plan;
      ASSERT_EQ(engines::compare(rule->expected, engines::run_reference(plan, 0, files_)), "");
      for (const FileWay& way : ways(*rule))
        ASSERT_EQ(engines::compare(rule->expected, rule->native->run(files_, way)), "") << way.name();
      rows_ += rule->expected.rows.size();
      selective_ += !rule->native->prefilter(kEventTable).empty();
      const auto filter = simd::LineFilter::for_any({rule->native->prefilter(kEventTable), many_});
      filter.learn(events_.text());
      by_keys_ += filter.searches_by_keys();
    }
  }

  size_t rows() const { return rows_; }
  size_t selective() const { return selective_; }
  size_t by_keys() const { return by_keys_; }

 private:
  void add_rule(const std::string& text) {
    auto rule = std::make_unique<Rule>();
    rule->text = text;
    rule->compiled = cli::compile({"rule", text, text, {}}, schemas_, 0);
    ASSERT_TRUE(rule->compiled.ok()) << cli::render(rule->compiled);
    const plan::Plan& plan = rule->compiled.plan;
    auto native = Native::compile(plan, 0, codegen::Engine::O0);
    ASSERT_TRUE(native.ok()) << text << ": " << native.error().message;
    rule->native.emplace(std::move(native.value()));
    rule->expected = engines::run_reference(plan, 0, {events_.table()});
    rules_.push_back(std::move(rule));
  }

  // Every SIMD target with and without the rule's prefilter, with that of all rules and with one of many more
  // literals, mapped and read, on one thread and on two.
  std::vector<FileWay> ways(const Rule& rule) const {
    std::vector<FileWay> out;
    const Prefilters none, own{rule.native->prefilter(kEventTable)}, with_many{own[0], many_};
    for (const simd::Kernels* target : simd::available_targets())
      for (const Prefilters* prefilters : {&none, &own, &all_, &with_many})
        for (archive::Mapping mapping : {archive::Mapping::None, archive::Mapping::All})
          for (int threads : {1, 2}) out.push_back({threads, mapping, target->name, *prefilters});
    return out;
  }

  Random random_;
  Events events_;
  plan::Schemas schemas_;
  engines::TemporaryFolder folder_;
  std::vector<archive::File> files_;
  std::vector<std::unique_ptr<Rule>> rules_;
  Prefilters all_;
  simd::LiteralGroups many_;
  size_t rows_ = 0, selective_ = 0, by_keys_ = 0;
};

TEST(Lines, EveryWayOfScanningGivesTheSameRows) {
  const uint64_t num_lines = number_of("KQLC_LINES", 20'000);
  const uint64_t first_seed = number_of("KQLC_SEED", std::random_device{}());
  size_t rows = 0, selective = 0, by_keys = 0;
  for (uint64_t done = 0; done < num_lines; done += kLinesAtOnce) {
    const uint64_t seed = first_seed + done / kLinesAtOnce;
    SCOPED_TRACE("KQLC_SEED=" + std::to_string(seed));
    Chunk chunk(seed, seed % 4 == 0);
    chunk.make();
    if (!HasFailure()) chunk.check();
    if (HasFailure()) return;
    rows += chunk.rows();
    selective += chunk.selective();
    by_keys += chunk.by_keys();
  }
  EXPECT_GT(rows, 0u);
  EXPECT_GT(selective, 0u) << "no rule had a prefilter";
  std::printf("%zu rules with a prefilter, %zu of them where keys are looked for\n", selective, by_keys);
  // Of twenty rules in long lines seldom none has a prefilter, of fewer at times.
  if (num_lines >= 16 * kLinesAtOnce) EXPECT_GT(by_keys, 0u);
}

}  // namespace
}  // namespace kqlc::differential
