// SPDX-License-Identifier: Apache-2.0
//
// Runs: what threads have gathered in order, each for itself, put into their common order. In: sorted spans.
// Out: their elements from first to last, or cut into parts of that order, which threads can visit side by
// side. Source: Knuth, The Art of Computer Programming, vol. 3, 5.4.1 (merging by a heap); the cuts are those
// of a parallel merge by splitters.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace kqlc::exec {

template <class Entry>
using Runs = std::vector<std::span<const Entry>>;

template <class Entry>
size_t count_entries(const Runs<Entry>& runs) {
  size_t count = 0;
  for (const auto& run : runs) count += run.size();
  return count;
}

// Cuts the common order into parts, about as large as each other where the longest run is like the others.
// `before` is a strict order in which no two entries are equal.
template <class Entry, class Before>
std::vector<Runs<Entry>> divide(const Runs<Entry>& runs, size_t parts, const Before& before) {
  std::vector<Runs<Entry>> out(parts);
  if (runs.empty()) return out;
  const auto longest = *std::ranges::max_element(runs, {}, [](const auto& run) { return run.size(); });
  std::vector<size_t> begin(runs.size(), 0);
  for (size_t part = 0; part < parts; ++part)
    for (size_t run = 0; run < runs.size(); ++run) {
      size_t end = runs[run].size();
      if (part + 1 < parts) {
        const Entry& cut = longest[longest.size() * (part + 1) / parts];
        end = static_cast<size_t>(std::ranges::lower_bound(runs[run], cut, before) - runs[run].begin());
      }
      out[part].push_back(runs[run].subspan(begin[run], end - begin[run]));
      begin[run] = end;
    }
  return out;
}

// Calls visit(entry) for all of them.
template <class Entry, class Before, class Visit>
void visit_in_order(Runs<Entry> runs, const Before& before, const Visit& visit) {
  std::erase_if(runs, [](const auto& run) { return run.empty(); });
  const auto later = [&](const auto& a, const auto& b) { return before(b.front(), a.front()); };
  std::ranges::make_heap(runs, later);
  while (runs.size() > 1) {
    std::ranges::pop_heap(runs, later);
    auto& first = runs.back();
    // The heap's root is the next one that can be earlier.
    do {
      visit(first.front());
      first = first.subspan(1);
    } while (!first.empty() && before(first.front(), runs.front().front()));
    if (first.empty())
      runs.pop_back();
    else
      std::ranges::push_heap(runs, later);
  }
  for (const auto& run : runs)
    for (const Entry& entry : run) visit(entry);
}

}  // namespace kqlc::exec
