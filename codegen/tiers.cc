// SPDX-License-Identifier: Apache-2.0
//
// Choosing costs a comparison of a few numbers a batch. A compilation that fails leaves the loop with the
// function it has: both do the same.
#include "codegen/tiers.h"

#include "runtime/base/stopwatch.h"

namespace kqlc::codegen {

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

// Makes the functions at O0 when they are first needed. Returns whether there are any.
bool TieredCode::load() {
  std::call_once(once_, [&] {
    auto loaded = load_functions();
    if (!loaded.ok()) problem_ = loaded.error().message;
    loaded_.store(loaded.ok(), std::memory_order_release);
  });
  return loaded_.load(std::memory_order_acquire);
}

// An object from the cache; else it is compiled, and kept there. Variants have the same code where the
// outline is the same, as for the rules that share this.
template <class Compile>
Result<std::string> TieredCode::find_or_compile(const std::string& variant, Compile compile) const {
  const CodeCache* cache = key_ ? code_cache() : nullptr;
  if (!cache) return compile();
  const CodeKey key = code_key({reinterpret_cast<const char*>(key_->data()), key_->size()}, variant);
  if (auto known = cache->get(key)) return std::move(*known);
  Result<std::string> object = compile();
  if (object.ok()) cache->put(key, object.value());
  return object;
}

Result<void> TieredCode::load_functions() {
  std::string object;
  if (code_cache()) key_ = code_key(unit_->outline, "");
  const ModuleOrder order = order_all(*unit_, Level::O0, "");
  KQLC_TRY_ASSIGN(object, find_or_compile("O0", [&] { return compile_object(*unit_, order); }));
  KQLC_TRY_ASSIGN(jit_, Jit::create());
  KQLC_TRY(jit_->add(object));
  for (const FunctionOrder& function : order.functions) {
    const void* place = nullptr;
    KQLC_TRY_ASSIGN(place, jit_->find(function.name));
    loops_[function.loop].plain = reinterpret_cast<PipelineFunction>(const_cast<void*>(place));
  }
  return {};
}

PipelineFunction TieredCode::choose(uint32_t function, const Column* columns, size_t num_columns,
                                    int64_t num_rows) {
  if (!loaded_.load(std::memory_order_acquire) && !load()) return nullptr;
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
  working_ = true;
  worker_ = std::thread([this] { work(); });
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
  ModuleOrder order{Level::O2, {{function, variant.shape, name}}, {}, true};
  auto object = find_or_compile(name, [&] { return compile_object(*unit_, order); });
  if (!object.ok() || !jit_->add(object.value()).ok()) return;
  if (auto code = jit_->find(name); code.ok())
    variant.code.store(reinterpret_cast<PipelineFunction>(const_cast<void*>(code.value())),
                       std::memory_order_release);
}

}  // namespace kqlc::codegen
