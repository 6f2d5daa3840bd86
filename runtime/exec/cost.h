// SPDX-License-Identifier: Apache-2.0
//
// KernelCost: what a kernel's work took, where somebody asked (State::measure). In: the pipelines of one
// state or of several, added up. Out: nanoseconds of CPU and rows, a pipeline each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kqlc::exec {

struct PipelineCost {
  uint64_t nanoseconds = 0;
  uint64_t rows = 0;            // that its loop was given: those which atoms and marks had left
  uint64_t passed_batches = 0;  // of which they left none
};

struct KernelCost {
  std::vector<PipelineCost> pipelines;  // as Program::pipelines
  uint64_t code = 0;                    // ns in which code was made that a batch had to wait for

  void add(const KernelCost& other) {
    if (pipelines.size() < other.pipelines.size()) pipelines.resize(other.pipelines.size());
    for (size_t i = 0; i < other.pipelines.size(); ++i) {
      pipelines[i].nanoseconds += other.pipelines[i].nanoseconds;
      pipelines[i].rows += other.pipelines[i].rows;
      pipelines[i].passed_batches += other.pipelines[i].passed_batches;
    }
    code += other.code;
  }
};

}  // namespace kqlc::exec
