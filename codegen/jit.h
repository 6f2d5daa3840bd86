// SPDX-License-Identifier: Apache-2.0
//
// Jit: an object of machine code, loaded into this process. In: the bytes of a relocatable object. Out: the
// addresses of what it exports, good as long as the Jit. Names that the object lacks are found in the
// program; ORC's JITLink does the linking. One ORC session serves the whole process, a Jit is a namespace in
// it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace kqlc::codegen {

class Jit {
 public:
  // May be called from any thread. Errors: Internal: LLVM does not take it.
  static Result<std::unique_ptr<Jit>> load(std::string_view object);
  ~Jit();
  // The addresses of what has these names, in their order. The first call links. Errors: Internal: there is
  // no such name, or one that the object needs is nowhere.
  Result<std::vector<const void*>> find(const std::vector<std::string>& names);

 private:
  struct Parts;
  explicit Jit(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace kqlc::codegen
