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

// Cuts the common order into parts that are about as large as each other. `before` is a strict order; of
// equal entries all are in one part.
template <class Entry, class Before>
std::vector<Runs<Entry>> divide(const Runs<Entry>& runs, size_t parts, const Before& before) {
  constexpr size_t kSamplesOfPart = 8;
  const size_t step = std::max<size_t>(1, count_entries(runs) / (parts * kSamplesOfPart));
  std::vector<const Entry*> samples;
  for (const auto& run : runs)
    for (size_t i = step / 2; i < run.size(); i += step) samples.push_back(&run[i]);
  std::ranges::sort(samples, [&](const Entry* a, const Entry* b) { return before(*a, *b); });
  std::vector<Runs<Entry>> out(parts);
  Runs<Entry> rest = runs;
  for (size_t part = 0; part < parts; ++part)
    for (auto& run : rest) {
      const size_t cut = samples.size() * (part + 1) / parts;
      const auto end =
          cut < samples.size() ? std::ranges::lower_bound(run, *samples[cut], before) : run.end();
      const auto size = static_cast<size_t>(end - run.begin());
      out[part].push_back(run.first(size));
      run = run.subspan(size);
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
