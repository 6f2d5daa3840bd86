// SPDX-License-Identifier: Apache-2.0
//
// Jit: machine code in memory. In: the pipelines of a query. Out: their functions, which live as long as the Jit. At O0
// functions are called in the program; at O2 their bitcode is linked in and inlined. The module holds no address:
// names are resolved when it is loaded.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codegen/kernel.h"
#include "compiler/pipelines/pipelines.h"
#include "runtime/exec/run.h"

namespace kqlc::codegen {

class Jit {
 public:
  Jit();
  ~Jit();
  // Returns a function an input, phase by phase. Fills `literals` and `prepared`, which every Run of these pipelines
  // must point to.
  Result<std::vector<PipelineFunction>> compile(const pipelines::Pipelines& pipelines, Level level,
                                                std::vector<Cell>& literals, std::vector<const void*>& prepared);
  const std::string& text() const { return text_; }

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
  std::string text_;
};

}  // namespace kqlc::codegen
