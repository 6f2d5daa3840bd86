// SPDX-License-Identifier: Apache-2.0
//
// The names of KQL's scalar and aggregate functions, supported here or not. In: a name. Out: whether KQL has
// it, which tells a misspelt function (K0202) from one that is not supported yet (K0301).
#pragma once

#include <string>
#include <string_view>

namespace kqlc::plan {

bool is_kql_function(std::string_view name);
// The function name nearest to `name`, or "".
std::string nearest_kql_function(std::string_view name);

}  // namespace kqlc::plan
