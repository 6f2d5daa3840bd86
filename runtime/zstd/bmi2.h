// SPDX-License-Identifier: Apache-2.0
//
// Loops of shifts by a register are shorter with BMI2. In: the processor. Out: whether it has that, and the
// mark of a function that may be called then. Depositing bits (PDEP) takes the first two generations of AMD's
// Zen, family 17h, hundreds of cycles.
#pragma once

namespace kqlc::zstd {

#if defined(__x86_64__)
#define KQLC_BMI2 [[gnu::target("bmi2,popcnt")]]
inline bool has_bmi2() {
  static const bool has = __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
  return has;
}
inline bool has_fast_deposit() {
  static const bool has = has_bmi2() && !__builtin_cpu_is("amdfam17h");
  return has;
}
#else
#define KQLC_BMI2
constexpr bool has_bmi2() { return false; }
constexpr bool has_fast_deposit() { return false; }
#endif

}  // namespace kqlc::zstd
