// SPDX-License-Identifier: Apache-2.0
//
// The rules a subcommand works on. In: paths of files and folders. Out: Rules in the order of their sorted
// paths; what could not be read has been said on stderr and is left out.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/rule/rule.h"

namespace kqlc::cli {

struct RuleFiles {
  std::vector<rule::Rule> rules;
  size_t left_out = 0;                           // files that could not be read or held no rule
  size_t repeated = 0;                           // files that were named again, under whatever path
  std::string diagnostics;                       // of files, where they are asked for
  std::set<std::pair<uint64_t, uint64_t>> seen;  // device and number of each file
};

// Reads every rule file of `paths`; folders are walked for the extensions of rule files. What is wrong with a
// file is said on stderr; with `as_json` diagnostics are kept instead, a JSON object a line.
RuleFiles read_rule_files(const std::vector<std::string>& paths, bool as_json = false);

// What results are labelled with: the rule's id, or its path where it has none.
std::string rule_key(const rule::Rule& rule);

}  // namespace kqlc::cli
