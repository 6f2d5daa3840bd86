// SPDX-License-Identifier: Apache-2.0
//
// What `kqlc build` writes: a rule's code outside of this process. In: a result of a Plan. Out: the bytes of
// an object file that links with the kernel runtime alone, a shared object made of it, and a C header that
// declares it and says in its comment what the rule reads and gives.
#pragma once

#include <memory>
#include <string>

#include "compiler/plan/plan.h"
#include "runtime/base/result.h"

namespace kqlc::codegen {

struct Unit;

class ObjectBuilder {
 public:
  // `symbol`: the C name of the rule's KqlcKernelCode. Errors: Unsupported, naming what has no native form.
  static Result<ObjectBuilder> create(const plan::Plan& plan, plan::NodeId node, const std::string& rule,
                                      std::string symbol);
  ObjectBuilder(ObjectBuilder&&) noexcept;
  ~ObjectBuilder();

  // A relocatable object. With `shared` it also exports its code as kqlc_kernel_code, for dlsym.
  Result<std::string> build_object(bool shared) const;
  std::string print_header() const;
  // Links an object into `path` with the system's compiler and the archive of the kernel runtime.
  // Errors: there is no compiler, no archive, or it fails.
  static Result<void> link_shared(const std::string& object, const std::string& path);

 private:
  ObjectBuilder() = default;
  std::unique_ptr<Unit> unit_;
  std::string symbol_;
};

}  // namespace kqlc::codegen
