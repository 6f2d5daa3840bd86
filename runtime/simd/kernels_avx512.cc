// SPDX-License-Identifier: Apache-2.0
//
// The routines for the target `avx512`: 64-byte registers, AVX-512 BW and VL.
// CMakeLists.txt compiles this file, and no other, with the flags of the target; it includes nothing but
// headers whose functions have internal linkage.
#include "runtime/simd/kernels-inl.h"

#if defined(__x86_64__)
#if !defined(__AVX512BW__) || !defined(__AVX512VL__)
#error "kernels_avx512.cc needs -mavx512bw -mavx512vl"
#endif

namespace kqlc::simd::avx512 {

extern const Kernels kKernels;
constinit const Kernels kKernels = make_kernels<Avx512>("avx512");

}  // namespace kqlc::simd::avx512

#endif
