// SPDX-License-Identifier: Apache-2.0
//
// `kqlc explain --profile`: runs rules as `kqlc scan` does, and prints what took how long instead of the
// rows.
#pragma once

#include <string>

#include "cli/options.h"
#include "cli/rule_scan.h"

namespace kqlc::cli {

// Returns the exit code.
int explain_profile(const Options& options);

// A profile of rules that have run, for people; lines are cut to `width` columns where that is not 0.
std::string print_profile(const RuleScan& scan, const Profile& profile, size_t width);
// The same as one JSON document; all times in milliseconds.
std::string profile_json(const RuleScan& scan, const Profile& profile);

}  // namespace kqlc::cli
