// SPDX-License-Identifier: Apache-2.0
//
// "Did you mean": how far two names are apart. In: names. Out: a number of edits, and from how many on a name
// is no suggestion any more. Neighbours that changed places are one edit, for that is how people type.
#pragma once

#include <cstddef>
#include <string_view>

namespace kqlc::source {

// Number of single-character edits between two names, without regard to ASCII case, up to a limit of 64.
size_t edit_distance(std::string_view a, std::string_view b);
// A name is a suggestion for `name` only when it is nearer than this.
size_t nearest_bound(std::string_view name);

}  // namespace kqlc::source
