// SPDX-License-Identifier: Apache-2.0
//
// The routines for the target `avx2`: 32-byte registers, AVX2 and BMI.
// CMakeLists.txt compiles this file, and no other, with the flags of the target; it includes nothing but
// headers whose functions have internal linkage.
#include "runtime/simd/kernels-inl.h"

#if defined(__x86_64__)
#if !defined(__AVX2__)
#error "kernels_avx2.cc needs -mavx2"
#endif

namespace kqlc::simd::avx2 {

extern const Kernels kKernels;
constinit const Kernels kKernels = make_kernels<Avx2>("avx2");

}  // namespace kqlc::simd::avx2

#endif
