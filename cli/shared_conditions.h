// SPDX-License-Identifier: Apache-2.0
//
// SharedConditions: what the kernels of a pass ask of text columns (their atoms), decided once a batch for
// all of them. In: the inputs of kernels with the places of their columns in the union, then batches. Out:
// for each input whether any row can be of use to it, and the bitmaps of its atoms. Equal atoms are one; a
// column is decided when the first input needs it, so one whose partners rule everything out is never
// searched.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "runtime/base/cache_line.h"
#include "runtime/exec/column.h"
#include "runtime/exec/kernel.h"
#include "runtime/simd/conditions.h"

namespace kqlc::cli {

class SharedConditions {
 public:
  explicit SharedConditions(size_t threads) : threads_(threads) {}

  // Adds an input, which gets the next number from 0 on. `places`: of its columns in the union.
  void add(const exec::Kernel& kernel, size_t input, const std::vector<size_t>& places);
  // To be called once, after all inputs were added.
  void prepare();

  // Each thread says so before it asks about a batch.
  void begin(size_t thread);
  // Whether all atoms of an input hold for a row of the batch. Then `atoms` are the rows of each
  // (BatchUse::atoms), valid until the thread's next batch.
  bool select(size_t thread, size_t input, const Batch& batch, std::vector<const uint64_t*>& atoms);

 private:
  struct Atom {
    size_t column = 0;     // in columns_
    size_t condition = 0;  // of that column
  };
  // A column of the union that atoms look at.
  struct Column {
    size_t place = 0;
    std::map<simd::Condition, size_t> numbers;  // until prepare()
    std::unique_ptr<simd::ConditionSet> set;
  };
  // What a thread knows of a column of its batch. Threads write these all the time: no two share a cache
  // line.
  struct alignas(kCacheLine) Known {
    simd::Decisions decisions;
    bool is_decided = false;
  };

  // Returns false where the column cannot be read.
  static bool decide(const Column& column, const Batch& batch, simd::Decisions& decisions);

  std::vector<std::vector<Atom>> inputs_;
  std::map<size_t, size_t> column_at_;  // by place
  std::vector<Column> columns_;
  std::vector<std::vector<Known>> threads_;  // by thread, then by column
};

}  // namespace kqlc::cli
