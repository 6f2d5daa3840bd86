// SPDX-License-Identifier: Apache-2.0
//
// One random query on all engines. In: a seed. Out: whether the answers agree; where they do not, the
// smallest query found that still shows it, with both answers.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace kqlc::differential {

struct Finding {
  uint64_t seed = 0;
  std::string query;
  std::string engine;      // "jit O2, dictionary, batches of 7, ..."
  std::string difference;  // rows of both answers
  std::string render() const;
};

struct Tally {
  uint64_t queries = 0;                        // that ran on kernels and on the reference executor
  uint64_t late = 0;                           // of these, run with late columns as well
  uint64_t rejected = 0;                       // that the binder did not take
  uint64_t no_kernel = 0;                      // that have no native form
  uint64_t rows = 0;                           // of all answers
  std::map<std::string, uint64_t> rejections;  // by message
  std::map<std::string, uint64_t> used;        // functions and aggregates of the queries that ran
};

// Runs the query of `seed`, at O2 too where `optimised`. Returns true where all answers agree, and where
// there was nothing to compare; the tally says which.
bool check_seed(uint64_t seed, bool optimised, Tally& tally, Finding& finding);

}  // namespace kqlc::differential
