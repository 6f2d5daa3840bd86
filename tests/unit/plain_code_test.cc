// SPDX-License-Identifier: Apache-2.0
//
// Code of several units made at once: each gets its own functions, whatever comes from the cache, is compiled
// with others or alone, and whatever happened to the cache.
#include "codegen/plain_code.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/unit/unit_fixture.h"

namespace kqlc::codegen {
namespace {

namespace fs = std::filesystem;

class PlainCodeTest : public testing::Test {
 protected:
  PlainCodeTest() {
    char name[] = "/tmp/kqlc_plain_code_XXXXXX";
    folder_ = mkdtemp(name);
    cache_ = CodeCache::open(folder_ / "cache").value();
    for (size_t i = 0; i < 21; ++i) {
      std::string columns = "Name";
      for (size_t column = 0; column < i; ++column)
        columns += ", C" + std::to_string(column) + " = Size + Size";
      units_.push_back(make_unit("T | where Size > 1 | project " + columns));
    }
  }
  ~PlainCodeTest() override { fs::remove_all(folder_); }

  std::vector<const Unit*> units(size_t first, size_t count) const {
    std::vector<const Unit*> out;
    for (size_t i = first; i < first + count; ++i) out.push_back(units_[i].get());
    return out;
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(folder_ / "cache")) out.push_back(entry.path());
    return out;
  }
  // Each has as many functions as loops, and all are different.
  static void expect_complete(const std::vector<const Unit*>& units,
                              const std::vector<Result<PlainCode>>& codes) {
    ASSERT_EQ(codes.size(), units.size());
    std::set<PipelineFunction> all;
    size_t count = 0;
    for (size_t i = 0; i < units.size(); ++i) {
      ASSERT_TRUE(codes[i].ok()) << codes[i].error().message;
      EXPECT_EQ(codes[i].value().functions.size(), units[i]->loops.size());
      count += units[i]->loops.size();
      all.insert(codes[i].value().functions.begin(), codes[i].value().functions.end());
    }
    EXPECT_EQ(all.size(), count);
    EXPECT_EQ(all.count(nullptr), 0u);
  }
  static size_t count_modules(const std::vector<Result<PlainCode>>& codes) {
    std::set<const Jit*> modules;
    for (const auto& code : codes) modules.insert(code.value().jit.get());
    return modules.size();
  }

  fs::path folder_;
  std::unique_ptr<CodeCache> cache_;
  std::vector<std::unique_ptr<Unit>> units_;
};

TEST_F(PlainCodeTest, SeveralUnitsShareModules) {
  for (size_t threads : {1, 2, 4}) {
    auto codes = make_plain_code(units(0, 21), threads, nullptr);
    expect_complete(units(0, 21), codes);
    EXPECT_EQ(count_modules(codes), threads == 4 ? 4u : 2u) << threads;
  }
  EXPECT_TRUE(make_plain_code({}, 2, nullptr).empty());
}

TEST_F(PlainCodeTest, OtherSetsFindWhatTheCacheHas) {
  expect_complete(units(0, 12), make_plain_code(units(0, 12), 2, cache_.get()));
  EXPECT_EQ(files().size(), 14u);  // two modules, and where each unit is
  expect_complete(units(12, 1), make_plain_code(units(12, 1), 2, cache_.get()));
  EXPECT_EQ(files().size(), 15u);
  auto known = make_plain_code(units(3, 10), 1, cache_.get());
  expect_complete(units(3, 10), known);
  EXPECT_EQ(count_modules(known), 3u);
  EXPECT_EQ(files().size(), 15u);
}

TEST_F(PlainCodeTest, WhatTheCacheHasLostIsMadeAgain) {
  expect_complete(units(0, 5), make_plain_code(units(0, 5), 1, cache_.get()));
  const std::vector<fs::path> all = files();
  for (const fs::path& file : all) {
    fs::remove(file);
    expect_complete(units(0, 5), make_plain_code(units(0, 5), 1, cache_.get()));
  }
  for (const fs::path& file : files()) std::ofstream(file, std::ios::trunc) << "cut";
  expect_complete(units(0, 5), make_plain_code(units(0, 5), 1, cache_.get()));
}

// What another unit's entry leads to has no function of this number.
TEST_F(PlainCodeTest, AReferenceIntoAnotherModuleIsNoCode) {
  expect_complete(units(0, 4), make_plain_code(units(0, 4), 1, cache_.get()));
  const CodeKey module = code_key("another", "");
  struct {
    CodeKey module;
    uint64_t number;
  } reference{module, 1000};
  cache_->put(module, "no object");
  cache_->put(code_key(units_[0]->outline, "O0"),
              {reinterpret_cast<const char*>(&reference), sizeof reference});
  expect_complete(units(0, 4), make_plain_code(units(0, 4), 1, cache_.get()));
}

}  // namespace
}  // namespace kqlc::codegen
