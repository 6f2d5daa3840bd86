// SPDX-License-Identifier: Apache-2.0
//
// Choosing costs a comparison of a few numbers a batch. A compilation that fails leaves the loop with the
// function it has: both do the same.
#include "codegen/tiers.h"

#include "runtime/base/stopwatch.h"
#include "runtime/base/threads.h"

namespace kqlc::codegen {

namespace {

// An object from the cache; else it is compiled, and kept there. Variants have the same code where the
// outline is the same, as for the rules that share this.
Result<std::string> find_or_compile(const Unit& unit, const std::string& variant, const ModuleOrder& order) {
  const CodeCache* cache = code_cache();
  if (!cache) return compile_object(order);
  const CodeKey key = code_key(unit.outline, variant);
  if (auto known = cache->get(key)) return std::move(*known);
  Result<std::string> object = compile_object(order);
  if (object.ok()) cache->put(key, object.value());
  return object;
}

}  // namespace

TieredCode::TieredCode(std::shared_ptr<const Unit> unit, TierPolicy policy)
    : unit_(std::move(unit)), policy_(policy), loops_(new Loop[unit_->loops.size()]) {}

TieredCode::~TieredCode() {
  {
    std::lock_guard guard(lock_);
    stopping_ = true;
    queue_.clear();
  }
  if (worker_.joinable()) worker_.join();
}

// Whether it is the caller's to make the functions.
bool TieredCode::claim() {
  Stage none = Stage::None;
  return stage_.compare_exchange_strong(none, Stage::Loading, std::memory_order_acq_rel);
}

void TieredCode::take(Result<PlainCode> code) {
  if (code.ok()) {
    jit_ = std::move(code.value().jit);
    for (size_t i = 0; i < unit_->loops.size(); ++i) loops_[i].plain = code.value().functions[i];
  } else {
    problem_ = code.error().message;
  }
  stage_.store(code.ok() ? Stage::Loaded : Stage::Failed, std::memory_order_release);
  stage_.notify_all();
}

std::vector<uint64_t> TieredCode::load(std::span<TieredCode* const> codes, size_t threads) {
  std::vector<uint64_t> costs(codes.size());
  std::vector<size_t> claimed;
  std::vector<const Unit*> units;
  for (size_t i = 0; i < codes.size(); ++i) {
    if (!codes[i]->claim()) continue;
    claimed.push_back(i);
    units.push_back(codes[i]->unit_.get());
  }
  std::vector<Result<PlainCode>> made = make_plain_code(units, threads, code_cache());
  for (size_t i = 0; i < claimed.size(); ++i) {
    if (made[i].ok()) costs[claimed[i]] = made[i].value().nanoseconds;
    codes[claimed[i]]->take(std::move(made[i]));
  }
  return costs;
}

// Makes the functions if nobody has, and waits for whoever is doing so. Returns whether there are any.
bool TieredCode::wait_for_functions() {
  TieredCode* self = this;
  load({&self, 1}, 1);
  stage_.wait(Stage::Loading, std::memory_order_acquire);
  return is_loaded();
}

PipelineFunction TieredCode::choose(uint32_t function, const Column* columns, size_t num_columns,
                                    int64_t num_rows) {
  if (!is_loaded() && !wait_for_functions()) return nullptr;
  Loop& loop = loops_[function];
  if (policy_.rows_before < 0) return loop.plain;
  Variant& variant = variant_for(loop, columns, num_columns);
  if (PipelineFunction code = variant.code.load(std::memory_order_acquire)) return code;
  int64_t seen = variant.rows.fetch_add(num_rows, std::memory_order_relaxed) + num_rows;
  if (seen > policy_.rows_before && !variant.ordered.exchange(true)) order(function, variant);
  // The one that was waited for, or one that another shape has made ready.
  if (PipelineFunction code = variant.code.load(std::memory_order_acquire)) return code;
  PipelineFunction any = loop.any.code.load(std::memory_order_acquire);
  return any ? any : loop.plain;
}

TieredCode::Variant& TieredCode::variant_for(Loop& loop, const Column* columns, size_t num_columns) {
  if (!columns) return loop.any;
  // Rules that share this code may have further columns that it does not read.
  auto fits = [&](const Variant& variant) {
    if (variant.shape.size() != num_columns) return false;
    for (size_t i = 0; i < num_columns; ++i)
      if (variant.shape[i] != shape_of(columns[i])) return false;
    return true;
  };
  size_t used = loop.used.load(std::memory_order_acquire);
  for (size_t i = 0; i < used; ++i)
    if (fits(loop.variants[i])) return loop.variants[i];
  if (used == kMaxVariants) return loop.any;
  std::lock_guard guard(lock_);
  size_t now = loop.used.load(std::memory_order_relaxed);
  for (size_t i = used; i < now; ++i)
    if (fits(loop.variants[i])) return loop.variants[i];
  if (now == kMaxVariants) return loop.any;
  for (size_t i = 0; i < num_columns; ++i) loop.variants[now].shape.push_back(shape_of(columns[i]));
  loop.used.store(now + 1, std::memory_order_release);
  return loop.variants[now];
}

void TieredCode::order(uint32_t function, Variant& variant) {
  std::lock_guard guard(lock_);
  if (policy_.wait) return compile(function, variant);
  queue_.emplace_back(function, &variant);
  if (working_) return;
  if (worker_.joinable()) worker_.join();  // it has ended; it took no lock after it said so
  worker_ = start_thread([this] { work(); });
  working_ = worker_.joinable();  // where there is no thread, the next order asks again
}

void TieredCode::work() {
  for (;;) {
    std::pair<uint32_t, Variant*> next;
    {
      std::lock_guard guard(lock_);
      if (queue_.empty() || stopping_) {
        working_ = false;
        return;
      }
      next = queue_.front();
      queue_.erase(queue_.begin());
    }
    compile(next.first, *next.second);
  }
}

void TieredCode::compile(uint32_t function, Variant& variant) {
  const uint64_t start = thread_nanoseconds();
  compile_variant(function, variant);
  background_.fetch_add(thread_nanoseconds() - start, std::memory_order_relaxed);
}

void TieredCode::compile_variant(uint32_t function, Variant& variant) {
  std::string name = "kqlc_loop_" + std::to_string(function) + "_o2";
  for (uint32_t shape : variant.shape) name += "_" + std::to_string(shape);
  auto object =
      find_or_compile(*unit_, name, {Level::O2, {{unit_.get(), function, variant.shape, name}}, {}});
  if (!object.ok()) return;
  auto jit = Jit::load(object.value());
  if (!jit.ok()) return;
  auto code = jit.value()->find({name});
  if (!code.ok()) return;
  variant.jit = std::move(jit).value();
  variant.code.store(reinterpret_cast<PipelineFunction>(const_cast<void*>(code.value()[0])),
                     std::memory_order_release);
}

}  // namespace kqlc::codegen
