// SPDX-License-Identifier: Apache-2.0
//
// Threads live as long as one loop: loops are few, and short ones run on the caller's thread alone.
#include "runtime/exec/team.h"

#include <algorithm>

#include "runtime/base/threads.h"

namespace kqlc::exec {

namespace {

// What a state of less holds is done with before another thread has started: a pack has a hundred such
// states.
constexpr size_t kLeastBytes = size_t{1} << 20;

}  // namespace

Team::Team(Context& own, size_t threads, size_t most_bytes) : own_(own), most_bytes_(most_bytes) {
  if (own.state_arena->bytes() < kLeastBytes) threads = 1;
  for (size_t i = 1; i < threads; ++i) {
    auto& helper = helpers_.emplace_back(std::make_unique<Helper>());
    helper->context.arena = &helper->scratch;
    helper->context.state_arena = &helper->kept;
    helper->context.now = own.now;
  }
}

void Team::work(Context& context, std::atomic<size_t>& next, size_t count, size_t part, const Body& body) {
  for (size_t begin = 0; (begin = next.fetch_add(part)) < count && !over_limit() && !context.error;) {
    const size_t before = context.state_arena->bytes();
    body(context, begin, std::min(begin + part, count));
    const size_t grown = context.state_arena->bytes() - before;
    if (grown && most_bytes_ && grown_.fetch_add(grown) + grown > most_bytes_) over_limit_ = true;
  }
}

void Team::over(size_t count, size_t part, const Body& body) {
  std::atomic<size_t> next{0};
  const size_t threads = std::min(size(), (count + part - 1) / part);
  on_threads(threads, [&](size_t i) { work(i ? helpers_[i - 1]->context : own_, next, count, part, body); });
}

void Team::over_all(size_t count, size_t part, const Body& body) {
  std::vector<char> done((count + part - 1) / part);
  over(count, part, [&](Context& context, size_t begin, size_t end) {
    body(context, begin, end);
    done[begin / part] = 1;
  });
  for (size_t i = 0; i < done.size(); ++i)
    if (!done[i]) body(own_, i * part, std::min((i + 1) * part, count));
}

void Team::end() {
  for (auto& helper : helpers_) {
    own_.state_arena->adopt(helper->kept);
    own_.arena->adopt(helper->scratch);
    if (!own_.error) own_.over_limit = helper->context.over_limit;
    if (helper->context.error) own_.fail(helper->context.error);
  }
  helpers_.clear();
}

size_t entries_at_once(size_t entries, const Team& team) {
  constexpr size_t kLeast = 64, kMost = 4096, kPartsOfThread = 32;  // that are worth a thread
  return entries < kLeast ? kLeast : std::clamp<size_t>(entries / (kPartsOfThread * team.size()), 4, kMost);
}

}  // namespace kqlc::exec
