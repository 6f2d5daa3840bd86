// SPDX-License-Identifier: Apache-2.0
//
// Tiers: which of several equal functions a batch runs through. In: a Unit. Out: for each batch the best
// function there is by then. Nothing is compiled before the first batch asks for it: most rules of a pack
// find nothing in an archive. A loop that has seen many rows is compiled at O2 in the background, for the
// shape of the columns it meets, and takes over between batches. Few shapes get a function of their own; all
// others share one that takes any. Rules of one shape share all of this.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "codegen/jit.h"
#include "codegen/module.h"
#include "codegen/plain_code.h"
#include "runtime/exec/kernel.h"

namespace kqlc::codegen {

struct TierPolicy {
  int64_t rows_before = 0;  // rows that reach a loop before it is compiled at O2; -1: never
  bool wait = false;        // compile before the batch is run, not beside it
};

inline constexpr size_t kMaxVariants = 4;  // shapes of one loop that get a function of their own

class TieredCode : public exec::Code {
 public:
  TieredCode(std::shared_ptr<const Unit> unit, TierPolicy policy);
  // Waits for a compilation that is under way.
  ~TieredCode() override;

  // Makes the functions at O0 of those that have none and that nobody is making, on up to `threads` threads.
  // Returns the CPU time (ns) that each took.
  static std::vector<uint64_t> load(std::span<TieredCode* const> codes, size_t threads);
  bool is_loaded() const { return stage_.load(std::memory_order_acquire) == Stage::Loaded; }

  PipelineFunction choose(uint32_t function, const Column* columns, size_t num_columns,
                          int64_t num_rows) override;
  std::string problem() const override { return problem_; }
  // CPU time (ns) that compilation at O2 has taken since it was last asked.
  uint64_t take_background_time() { return background_.exchange(0, std::memory_order_relaxed); }

 private:
  struct Variant {
    Shape shape;  // fixed before `used` counts it
    std::atomic<int64_t> rows{0};
    std::atomic<bool> ordered{false};
    std::unique_ptr<Jit> jit;  // what `code` lies in
    std::atomic<PipelineFunction> code{nullptr};
  };
  struct Loop {
    PipelineFunction plain = nullptr;  // at O0, any shape
    Variant any;                       // at O2, any shape
    Variant variants[kMaxVariants];
    std::atomic<size_t> used{0};
  };

  // Whether the functions at O0 are there, could not be made, or are being made.
  enum class Stage : uint8_t { None, Loading, Loaded, Failed };

  bool claim();
  void take(Result<PlainCode> code);
  bool wait_for_functions();
  Variant& variant_for(Loop& loop, const Column* columns, size_t num_columns);
  void order(uint32_t function, Variant& variant);
  void compile(uint32_t function, Variant& variant);
  void compile_variant(uint32_t function, Variant& variant);
  void work();

  std::shared_ptr<const Unit> unit_;
  TierPolicy policy_;
  std::atomic<Stage> stage_{Stage::None};
  std::string problem_;  // why there are no functions
  std::shared_ptr<Jit> jit_;
  std::unique_ptr<Loop[]> loops_;
  std::atomic<uint64_t> background_{0};
  std::mutex lock_;
  std::vector<std::pair<uint32_t, Variant*>> queue_;
  std::thread worker_;
  bool working_ = false, stopping_ = false;
};

}  // namespace kqlc::codegen
