// SPDX-License-Identifier: Apache-2.0
//
// Team: threads that share a loop over what a state has gathered. In: the state's Context, how many threads,
// how much they may keep. Out: the loop's body run over all of a range, in parts, on any of the threads, each
// with a Context and arenas of its own, which the state's take over in the end.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/base/arena.h"
#include "runtime/functions/function.h"

namespace kqlc::exec {

class Team {
 public:
  // Of a small state the caller's thread is alone. `most_bytes`: what the state arenas may grow by before
  // over_limit(); 0: no limit.
  Team(Context& own, size_t threads, size_t most_bytes = 0);
  Team(const Team&) = delete;
  ~Team() { end(); }

  // Runs body(context, begin, end) over [0, count), `part` places at a time. What it writes for one place no
  // other place may need. Parts that were not begun are left out once over_limit(), or when a context has an
  // error.
  using Body = std::function<void(Context& context, size_t begin, size_t end)>;
  void over(size_t count, size_t part, const Body& body);

  // The same over all of the range, whatever has happened to the query.
  void over_all(size_t count, size_t part, const Body& body);

  // Hands on what the threads have made and the first of their errors; the state's context alone goes on.
  void end();

  Context& own() { return own_; }
  size_t size() const { return 1 + helpers_.size(); }
  bool over_limit() const { return over_limit_.load(std::memory_order_relaxed); }

 private:
  struct Helper {
    Context context;
    Arena scratch, kept;
  };
  void work(Context& context, std::atomic<size_t>& next, size_t count, size_t part, const Body& body);

  Context& own_;
  size_t most_bytes_;
  std::vector<std::unique_ptr<Helper>> helpers_;
  std::atomic<size_t> grown_{0};
  std::atomic<bool> over_limit_{false};
};

// How many entries of a sink a thread takes at once: few, as one group may hold as much as all others.
size_t entries_at_once(size_t entries, const Team& team);

}  // namespace kqlc::exec
