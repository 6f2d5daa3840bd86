// SPDX-License-Identifier: Apache-2.0
//
// The routines for the target `sse4`: 16-byte registers, SSE4.2.
// CMakeLists.txt compiles this file, and no other, with the flags of the target; it includes nothing but
// headers whose functions have internal linkage.
#include "runtime/simd/kernels-inl.h"

#if defined(__x86_64__)
#if !defined(__SSE4_2__)
#error "kernels_sse4.cc needs -msse4.2"
#endif

namespace kqlc::simd::sse4 {

extern const Kernels kKernels;
constinit const Kernels kKernels = make_kernels<Sse4>("sse4");

}  // namespace kqlc::simd::sse4

#endif
