// SPDX-License-Identifier: Apache-2.0
//
// Registered with its printer of code, which both making objects and loading them ask for.
#include "codegen/native_target.h"

#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>

namespace kqlc::codegen {

namespace {

Result<const llvm::Target*> find_native_target() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  std::string problem;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(llvm::sys::getProcessTriple(), problem);
  if (!target) return Error{ErrorCode::Internal, "LLVM: " + problem};
  return target;
}

}  // namespace

Result<const llvm::Target*> native_target() {
  static const Result<const llvm::Target*> target = find_native_target();
  return target;
}

}  // namespace kqlc::codegen
