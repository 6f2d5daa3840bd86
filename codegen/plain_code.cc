// SPDX-License-Identifier: Apache-2.0
//
// In the cache a unit that was compiled alone has its object under its own key. The object of several lies
// under the keys of all of them together, and each unit's key leads there: so whatever set of rules asks next
// finds what it needs, and a module that several of them are in is loaded once.
#include "codegen/plain_code.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

#include "codegen/module.h"
#include "runtime/base/side_by_side.h"
#include "runtime/base/stopwatch.h"

namespace kqlc::codegen {

namespace {

constexpr size_t kMostTogether = 16;  // whoever needs one of them waits for all
constexpr size_t kLeastTogether = 4;  // that are worth a thread

// What the cache has for a unit of a module of several.
struct Reference {
  CodeKey module{};
  uint64_t number = 0;  // of the unit in it
};

using Units = std::span<const Unit* const>;

std::string name_of(size_t number, size_t loop) {
  return "kqlc_unit_" + std::to_string(number) + "_loop_" + std::to_string(loop);
}

CodeKey key_of(const Unit& unit) { return code_key(unit.outline, "O0"); }

CodeKey key_of(Units units) {
  std::string keys;
  for (const Unit* unit : units) {
    const CodeKey key = key_of(*unit);
    keys.append(reinterpret_cast<const char*>(key.data()), key.size());
  }
  return code_key(keys, "O0, several");
}

// The modules of several units that this process has loaded from the cache.
class Modules {
 public:
  // Returns nullptr where the cache does not have it.
  std::shared_ptr<Jit> find(const CodeCache& cache, const CodeKey& key) {
    std::lock_guard lock(mutex_);
    std::weak_ptr<Jit>& known = loaded_[key];
    if (auto jit = known.lock()) return jit;
    const std::optional<std::string> object = cache.get(key);
    auto loaded = object ? Jit::load(*object) : Result<std::unique_ptr<Jit>>(nullptr);
    std::shared_ptr<Jit> jit = loaded.ok() ? std::move(loaded).value() : nullptr;
    known = jit;
    return jit;
  }

 private:
  std::mutex mutex_;
  std::map<CodeKey, std::weak_ptr<Jit>> loaded_;
};

// Never destroyed: code may be asked for as long as there are threads.
Modules& modules() {
  static Modules& all = *new Modules;
  return all;
}

// The functions of the unit that has this number in a module.
Result<PlainCode> find_functions(std::shared_ptr<Jit> jit, const Unit& unit, size_t number) {
  std::vector<std::string> names;
  for (size_t loop = 0; loop < unit.loops.size(); ++loop) names.push_back(name_of(number, loop));
  std::vector<const void*> places;
  KQLC_TRY_ASSIGN(places, jit->find(names));
  PlainCode code{std::move(jit), {}};
  for (const void* place : places)
    code.functions.push_back(reinterpret_cast<PipelineFunction>(const_cast<void*>(place)));
  return code;
}

// Nothing where the cache does not have it.
std::optional<PlainCode> find_plain_code(const CodeCache& cache, const Unit& unit) {
  std::optional<std::string> kept = cache.get(key_of(unit));
  if (!kept) return std::nullopt;
  std::shared_ptr<Jit> jit;
  Reference reference;
  if (kept->size() == sizeof reference) {
    std::memcpy(&reference, kept->data(), sizeof reference);
    jit = modules().find(cache, reference.module);
  } else if (auto loaded = Jit::load(*kept); loaded.ok()) {
    jit = std::move(loaded).value();
  }
  if (!jit) return std::nullopt;
  auto code = find_functions(std::move(jit), unit, reference.number);
  if (!code.ok()) return std::nullopt;
  return std::move(code).value();
}

void keep(const CodeCache& cache, Units units, std::string_view object) {
  if (units.size() == 1) return cache.put(key_of(*units[0]), object);
  Reference reference{key_of(units), 0};
  cache.put(reference.module, object);
  for (const Unit* unit : units) {
    cache.put(key_of(*unit), {reinterpret_cast<const char*>(&reference), sizeof reference});
    ++reference.number;
  }
}

Result<std::vector<PlainCode>> compile(Units units, const CodeCache* cache) {
  ModuleOrder order;
  for (size_t number = 0; number < units.size(); ++number)
    for (uint32_t loop = 0; loop < units[number]->loops.size(); ++loop)
      order.functions.push_back({units[number], loop, {}, name_of(number, loop)});
  std::string object;
  KQLC_TRY_ASSIGN(object, compile_object(order));
  std::shared_ptr<Jit> jit;
  KQLC_TRY_ASSIGN(jit, Jit::load(object));
  std::vector<PlainCode> codes(units.size());
  for (size_t number = 0; number < units.size(); ++number) {
    KQLC_TRY_ASSIGN(codes[number], find_functions(jit, *units[number], number));
  }
  if (cache) keep(*cache, units, object);
  return codes;
}

// What becomes of units that are compiled at once.
std::vector<Result<PlainCode>> compile_group(Units units, const CodeCache* cache) {
  std::vector<Result<PlainCode>> out;
  const uint64_t start = thread_nanoseconds();
  auto codes = compile(units, cache);
  const uint64_t share = (thread_nanoseconds() - start) / units.size();
  if (!codes.ok() && units.size() > 1) {
    for (size_t i = 0; i < units.size(); ++i)
      out.push_back(std::move(compile_group(units.subspan(i, 1), cache)[0]));
    return out;
  }
  for (size_t i = 0; i < units.size(); ++i) {
    if (codes.ok()) codes.value()[i].nanoseconds = share;
    out.push_back(codes.ok() ? Result<PlainCode>(std::move(codes.value()[i]))
                             : Result<PlainCode>(codes.error()));
  }
  return out;
}

}  // namespace

std::vector<Result<PlainCode>> make_plain_code(Units units, size_t threads, const CodeCache* cache) {
  std::vector<Result<PlainCode>> out(units.size(), Result<PlainCode>(PlainCode{}));
  std::vector<const Unit*> missing;
  std::vector<size_t> places;  // of the missing ones
  for (size_t i = 0; i < units.size(); ++i) {
    const uint64_t start = thread_nanoseconds();
    auto known = cache ? find_plain_code(*cache, *units[i]) : std::nullopt;
    if (known) {
      known->nanoseconds = thread_nanoseconds() - start;
      out[i] = std::move(*known);
    } else {
      missing.push_back(units[i]);
      places.push_back(i);
    }
  }
  const size_t fair = (missing.size() + threads - 1) / threads;
  const size_t together = std::clamp(fair, kLeastTogether, kMostTogether);
  side_by_side((missing.size() + together - 1) / together, threads, [&](size_t group, size_t) {
    const size_t first = group * together;
    auto made =
        compile_group(Units(missing).subspan(first, std::min(together, missing.size() - first)), cache);
    for (size_t i = 0; i < made.size(); ++i) out[places[first + i]] = std::move(made[i]);
  });
  return out;
}

}  // namespace kqlc::codegen
