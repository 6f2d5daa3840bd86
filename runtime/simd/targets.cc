// SPDX-License-Identifier: Apache-2.0
//
// Detects what the CPU and the system can run and keeps the active table. A new target is one row of
// kTargets.
#include "runtime/simd/targets.h"

#include <array>
#include <cstdlib>

namespace kqlc::simd {

namespace scalar {
extern const Kernels kKernels;
}
#if defined(__x86_64__)
namespace sse4 {
extern const Kernels kKernels;
}
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
#endif

namespace {

struct Target {
  std::string_view name;
  const Kernels* kernels;
  bool (*supported)();
};

// The features asked for are those that CMakeLists.txt lets the compiler use for the target's file.
#if defined(__x86_64__)
bool has_sse4() { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"); }
bool has_avx2() {
  return has_sse4() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt");
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
}
#endif

constexpr Target kTargets[] = {
    {"scalar", &scalar::kKernels, [] { return true; }},
#if defined(__x86_64__)
    {"sse4", &sse4::kKernels, has_sse4},
    {"avx2", &avx2::kKernels, has_avx2},
    {"avx512", &avx512::kKernels, has_avx512},
#endif
};
constexpr size_t kNumTargets = std::size(kTargets);

struct Available {
  std::array<const Kernels*, kNumTargets> kernels{};
  size_t size = 0;

  Available() {
    for (const Target& target : kTargets)
      if (target.supported()) kernels[size++] = target.kernels;
  }
};

const Available& detected() {
  static const Available available;
  return available;
}

}  // namespace

constinit std::atomic<const Kernels*> active_kernels{nullptr};

const Kernels& choose_kernels() noexcept {
  const Kernels* best = available_targets().back();
  if (const char* wanted = std::getenv("KQLC_SIMD")) {
    for (const Kernels* candidate : available_targets())
      if (candidate->name == std::string_view(wanted)) best = candidate;
  }
  // A target that was forced meanwhile stays.
  const Kernels* none = nullptr;
  return active_kernels.compare_exchange_strong(none, best) ? *best : *none;
}

bool force_target(std::string_view name) noexcept {
  for (const Kernels* candidate : available_targets()) {
    if (candidate->name != name) continue;
    active_kernels.store(candidate);
    return true;
  }
  return false;
}

std::span<const Kernels* const> available_targets() noexcept {
  return {detected().kernels.data(), detected().size};
}

std::span<const std::string_view> target_names() noexcept {
  static constexpr auto names = [] {
    std::array<std::string_view, kNumTargets> list{};
    for (size_t i = 0; i < kNumTargets; ++i) list[i] = kTargets[i].name;
    return list;
  }();
  return names;
}

}  // namespace kqlc::simd
