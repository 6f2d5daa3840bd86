// SPDX-License-Identifier: Apache-2.0
//
// Jit: objects of machine code, loaded into this process. In: the bytes of relocatable objects. Out: the
// addresses of what they export, good as long as the Jit. Names that an object lacks are found in the
// program; ORC's JITLink does the linking. One ORC session serves the whole process, a Jit is a namespace in
// it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace kqlc::codegen {

class Jit {
 public:
  static Result<std::unique_ptr<Jit>> create();
  ~Jit();
  // May be called from any thread.
  Result<void> add(std::string_view object);
  Result<const void*> find(const std::string& name);

 private:
  struct Parts;
  explicit Jit(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace kqlc::codegen
