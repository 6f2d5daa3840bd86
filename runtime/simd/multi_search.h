// SPDX-License-Identifier: Apache-2.0
//
// Several byte strings searched in one pass. In: the strings, whether case counts, which JSON escapes count
// as hits. Out: the first hit or all of them. Few are compared by their rarest bytes, more are found by
// windows of a few bytes each, chosen where they are rare (kernels.h tells how).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/simd/needle.h"

namespace kqlc::simd {

class WindowCounts;

// Immutable; shared by threads.
class MultiSearch {
 public:
  struct Piece {
    std::string bytes;      // not empty
    bool caseless = false;  // folds ASCII letters
  };

  MultiSearch() = default;
  // Of many pieces those parts are searched that are rare: in `sample`, where that is not empty, else in
  // event text as such.
  explicit MultiSearch(const std::vector<Piece>& pieces, const EscapeFilter& escapes = {},
                       std::string_view sample = {});
  MultiSearch(MultiSearch&&) noexcept = default;
  MultiSearch& operator=(MultiSearch&&) noexcept = default;

  // Returns the start of a hit in [begin, end) and its piece's number (kEscapeHit for a JSON escape), or
  // nullptr. A line holding a hit is never passed over for one in a later line; within a line the order is
  // free.
  const char* find(const char* begin, const char* end, size_t* which) const;

  // Calls `hit` for each occurrence of each piece in [begin, end), in no certain order; maybe for
  // escapes that count as well (kEscapeHit).
  void find_all(const char* begin, const char* end, MultiHit hit, void* context) const;

  size_t size() const { return needles_.size(); }
  // How many cycles a block of 64 bytes without any piece takes, by estimate.
  double cost() const;
  // Whether the places to look at are found by two rare bytes that all pieces have.
  bool shares_pair() const { return multi_.has_pair; }

 private:
  struct Window {
    uint32_t needle;
    int32_t anchor;  // offset in it; -1: it begins a byte before
    uint32_t open;   // the byte before or behind the needle that it has, else kClosed
  };
  static constexpr uint32_t kClosed = 256;
  size_t width_for(size_t stride) const;
  void choose_windows(const std::vector<Piece>& pieces, std::string_view sample);
  bool choose_pair(std::vector<Window>& windows);
  std::vector<Window> choose_samples(const std::vector<Piece>& pieces, std::string_view sample);
  std::vector<Window> place_windows(const std::vector<Piece>& pieces, size_t stride, size_t width,
                                    const WindowCounts* counts) const;
  std::string window_bytes(const Window& window, size_t width) const;
  void build_fingerprints(std::vector<Window> windows);
  void fill_bitmap(const std::vector<Window>& windows);
  void index_windows(const std::vector<Window>& windows);
  WindowMember make_member(const Window& window) const;

  std::vector<std::unique_ptr<char[]>> storage_;
  std::vector<SearchNeedle> needles_;
  std::vector<WindowMember> members_;
  std::vector<uint32_t> begins_, bitmap_;
  MultiNeedle multi_{};
};

// Less text tells little of what is common; more is not looked at: it is some dozens of lines of each kind,
// and takes less time than a chunk.
inline constexpr size_t kEnoughToLearn = size_t{1} << 16, kMostToLearn = size_t{1} << 18;

// A search that becomes quicker, and finds the same, once it has seen text of the kind it searches. Shared by
// threads.
class LearningSearch {
 public:
  LearningSearch();
  explicit LearningSearch(std::vector<MultiSearch::Piece> pieces, const EscapeFilter& escapes = {});
  LearningSearch(LearningSearch&&) noexcept;
  LearningSearch& operator=(LearningSearch&&) noexcept;
  ~LearningSearch();

  // The best there is now; it stays valid. Requires: pieces were given.
  const MultiSearch& search() const;
  // Learns from the first text that is shown; of others nothing is taken.
  void learn(std::string_view text) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// How many of the places of a text a piece may be found at, by the frequencies of its bytes.
double expected_rate(std::string_view piece, bool caseless);

}  // namespace kqlc::simd
