// SPDX-License-Identifier: Apache-2.0
//
// SIMD targets: which ones this program holds, which the CPU can run, which one is used. In: the CPU, the
// environment variable KQLC_SIMD, `--simd=`. Out: one table of routines, chosen once. All targets give the
// same results; forcing one is for tests, benchmarks and doubt.
#pragma once

#include <atomic>
#include <span>
#include <string_view>

#include "runtime/simd/kernels.h"

namespace kqlc::simd {

extern std::atomic<const Kernels*> active_kernels;

// Detects the CPU and makes the best target (or the one that KQLC_SIMD names, if the CPU has it) the active
// one.
const Kernels& choose_kernels() noexcept;

// The active target. A caller that works on a batch keeps the reference: nothing is chosen again per row.
inline const Kernels& kernels() noexcept {
  const Kernels* active = active_kernels.load(std::memory_order_relaxed);
  return active ? *active : choose_kernels();
}

// Makes the target of that name ("scalar", "sse4", "avx2", "avx512") the active one. Returns false, and
// changes nothing, when there is no such target or the CPU cannot run it.
bool force_target(std::string_view name) noexcept;

// The targets that this CPU can run, the best one last.
std::span<const Kernels* const> available_targets() noexcept;

// All names that force_target may know on some CPU of this architecture, for messages.
std::span<const std::string_view> target_names() noexcept;

}  // namespace kqlc::simd
