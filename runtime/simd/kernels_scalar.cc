// SPDX-License-Identifier: Apache-2.0
//
// The routines for the target `scalar`: eight bytes at a time in plain integers, on any CPU.
// CMakeLists.txt compiles this file, and no other, with the flags of the target; it includes nothing but
// headers whose functions have internal linkage.
#include "runtime/simd/kernels-inl.h"

namespace kqlc::simd::scalar {

extern const Kernels kKernels;
constinit const Kernels kKernels = make_kernels<Scalar>("scalar");

}  // namespace kqlc::simd::scalar
