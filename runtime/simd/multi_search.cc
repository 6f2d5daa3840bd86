// SPDX-License-Identifier: Apache-2.0
//
// Which windows of the pieces are searched, and the tables that the kernels look them up in.
#include "runtime/simd/multi_search.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

#include "runtime/base/check.h"
#include "runtime/simd/targets.h"

namespace kqlc::simd {

// How often the windows of a text come in it, by their hashes.
class WindowCounts {
 public:
  WindowCounts(std::string_view text, size_t width) : width_(width), counts_(size_t{1} << kBits) {
    for (size_t at = 0; at + width <= text.size(); ++at) ++counts_[hash(text.data() + at)];
    total_ = static_cast<double>(std::max<size_t>(text.size(), 1));
  }
  double rate(std::string_view window) const { return counts_[hash(window.data())] / total_; }
  // How often one of them comes.
  double rate(const std::vector<std::string>& windows) const {
    std::vector<uint32_t> hashes;
    for (const std::string& window : windows) hashes.push_back(hash(window.data()));
    std::ranges::sort(hashes);
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    double sum = 0;
    for (uint32_t hash : hashes) sum += counts_[hash];
    return sum / total_;
  }

 private:
  static constexpr uint32_t kBits = 18;
  uint32_t hash(const char* place) const {
    uint32_t bytes = 0;
    std::memcpy(&bytes, place, width_);
    return hash_window(bytes, width_, kBits);
  }

  size_t width_;
  std::vector<uint32_t> counts_;
  double total_ = 1;
};

namespace {

constexpr size_t kSampleBytes = 4;
constexpr size_t kOpenSize = 6;  // of a needle that lacks one byte for four windows
// About so many cycles, by a profile with AVX-512: to look up the window at a place; to look at a candidate.
constexpr double kPlaceCost = 1.4, kCandidateCost = 48;

// Returns where in the piece the rarest run of `windows` windows of `width` bytes, each one byte on, begins.
uint32_t choose_window(const MultiSearch::Piece& piece, size_t width, size_t windows,
                       const WindowCounts* counts) {
  uint32_t best = 0;
  double best_rate = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i + width + windows - 1 <= piece.bytes.size(); ++i) {
    double rate = 0;
    for (size_t at = i; at < i + windows; ++at) {
      const std::string_view window = std::string_view(piece.bytes).substr(at, width);
      rate += expected_rate(window, piece.caseless) + (counts ? counts->rate(window) : 0);
    }
    if (rate >= best_rate) continue;
    best_rate = rate;
    best = static_cast<uint32_t>(i);
  }
  return best;
}

}  // namespace

double expected_rate(std::string_view piece, bool caseless) {
  double rate = 1;
  for (char byte : piece) rate *= byte_frequency(static_cast<unsigned char>(byte), caseless) / 65536.0;
  return rate;
}

MultiSearch::MultiSearch(const std::vector<Piece>& pieces, const EscapeFilter& escapes,
                         std::string_view sample) {
  const auto add = [&](std::string_view bytes, bool caseless, SearchNeedle* needle) {
    storage_.push_back(std::make_unique<char[]>(2 * bytes.size()));
    prepare_search(bytes, caseless, Match::Contains, storage_.back().get(), needle);
  };
  for (const Piece& piece : pieces) {
    KQLC_CHECK(!piece.bytes.empty(), "a search for nothing");
    needles_.emplace_back();
    add(piece.bytes, piece.caseless, &needles_.back());
  }
  add("\\u", false, &multi_.escape);
  if (needles_.size() > kMaxProbes) choose_windows(pieces, sample);
  multi_.needles = needles_.data();
  multi_.size = needles_.size();
  multi_.escapes = escapes;
  multi_.members = members_.data();
  multi_.begins = begins_.data();
  multi_.bitmap = bitmap_.data();
}

// With more needles than this the buckets of fingerprints let nearly every letter pass.
constexpr size_t kMostFingerprints = 32;
// So many needles of six bytes may be entered with windows that reach one byte beyond them.
constexpr size_t kMostOpen = 64;

// Two bytes that stand together more rarely than this are quicker to look for than fingerprints.
constexpr double kRarePair = 1.0 / 256;

namespace {

// Where `needle` has the bytes `i` and i + 1 of `other`, with `before` bytes before and `after` behind them.
std::optional<uint32_t> place_of_pair(const SearchNeedle& needle, const SearchNeedle& other, size_t i,
                                      size_t before, size_t after) {
  for (size_t at = before; at + 2 + after <= needle.size; ++at)
    if (std::memcmp(needle.bytes + at, other.bytes + i, 2) == 0 &&
        std::memcmp(needle.fold + at, other.fold + i, 2) == 0)
      return static_cast<uint32_t>(at);
  return std::nullopt;
}

}  // namespace

// Finds the rarest two bytes that all needles share, and windows that have them at the same place; false:
// there are none, or they are not rare.
bool MultiSearch::choose_pair(std::vector<Window>& windows) {
  double best = kRarePair;
  const SearchNeedle& model = needles_[0];
  for (size_t i = 0; i + 1 < model.size; ++i) {
    const double rate = expected_rate({model.bytes + i, 2}, model.fold[i] != 0 || model.fold[i + 1] != 0);
    for (size_t before = 0; rate < best && before + 2 <= multi_.window; ++before) {
      std::vector<Window> found;
      for (uint32_t needle = 0; needle < needles_.size(); ++needle) {
        const auto place = place_of_pair(needles_[needle], model, i, before, multi_.window - before - 2);
        if (!place) break;
        found.push_back({needle, *place - static_cast<uint32_t>(before), kClosed});
      }
      if (found.size() < needles_.size()) continue;
      best = rate;
      windows = std::move(found);
      multi_.has_pair = true;
      multi_.pair.first = before;
      multi_.pair.second = before + 1;
      multi_.pair.first_byte = static_cast<uint8_t>(model.bytes[i]);
      multi_.pair.first_fold = static_cast<uint8_t>(model.fold[i]);
      multi_.pair.second_byte = static_cast<uint8_t>(model.bytes[i + 1]);
      multi_.pair.second_fold = static_cast<uint8_t>(model.fold[i + 1]);
    }
  }
  return multi_.has_pair;
}

// How many windows in a row each needle has, so that one is at a place that is a multiple of that number.
size_t MultiSearch::count_windows(size_t shortest) const {
  const size_t open = static_cast<size_t>(
      std::ranges::count_if(needles_, [&](const SearchNeedle& needle) { return needle.size == kOpenSize; }));
  if (shortest > kOpenSize || (shortest == kOpenSize && open <= kMostOpen)) return 4;
  return shortest > kSampleBytes ? 2 : 1;
}

void MultiSearch::choose_windows(const std::vector<Piece>& pieces, std::string_view sample) {
  size_t shortest = needles_[0].size;
  for (const SearchNeedle& needle : needles_) shortest = std::min(shortest, needle.size);
  const bool samples = needles_.size() > kMostFingerprints && shortest >= kSampleBytes;
  multi_.window = samples ? kSampleBytes : std::min(shortest, kMaxFingerprint);
  std::optional<WindowCounts> counts;
  if (!sample.empty()) counts.emplace(sample, multi_.window);
  const WindowCounts* known = counts ? &*counts : nullptr;
  std::vector<Window> all;
  if (samples) {
    choose_stride(pieces, count_windows(shortest), known, all);
  } else if (multi_.window < 2 || !choose_pair(all)) {
    all = place_windows(pieces, 1, known);
    build_fingerprints(all);
  }
  index_windows(all);
}

// The windows of each piece, so many in a row.
std::vector<MultiSearch::Window> MultiSearch::place_windows(const std::vector<Piece>& pieces, size_t windows,
                                                            const WindowCounts* counts) const {
  const size_t width = multi_.window;
  std::vector<Window> all;
  for (uint32_t i = 0; i < pieces.size(); ++i) {
    const bool open = width + windows - 1 > pieces[i].bytes.size();
    const uint32_t first = open ? 0 : choose_window(pieces[i], width, windows, counts);
    for (uint32_t at = first; at < first + windows - open; ++at) all.push_back({i, at, kClosed});
    // Whatever stands behind the needle, as the hash has it.
    for (uint32_t byte = 0; open && byte < 256; ++byte)
      if (byte & 0x20) all.push_back({i, static_cast<uint32_t>(windows - 1), byte});
  }
  return all;
}

// Wide strides look at fewer places, but leave less choice of windows: which of both costs less is known by
// how often these come.
void MultiSearch::choose_stride(const std::vector<Piece>& pieces, size_t most, const WindowCounts* counts,
                                std::vector<Window>& chosen) {
  double least = std::numeric_limits<double>::infinity();
  for (size_t stride = most; stride > 0; stride /= 2) {
    std::vector<Window> windows = place_windows(pieces, stride, counts);
    const double places = 64.0 / static_cast<double>(stride);
    double cost = kPlaceCost * places;
    if (counts) {
      std::vector<std::string> texts;
      for (const Window& window : windows) texts.push_back(window_bytes(window));
      cost += kCandidateCost * places * counts->rate(texts);
    }
    if (cost >= least) continue;
    least = cost;
    chosen = std::move(windows);
    multi_.stride = static_cast<uint32_t>(stride);
  }
}

std::string MultiSearch::window_bytes(const Window& window) const {
  const size_t known = multi_.window - (window.open != kClosed);
  std::string bytes(needles_[window.needle].bytes + window.anchor, known);
  if (window.open != kClosed) bytes.push_back(static_cast<char>(window.open));
  return bytes;
}

// Needles with like windows share a bucket, so that its table entries stay few.
void MultiSearch::build_fingerprints(std::vector<Window> windows) {
  const size_t width = multi_.window;
  const auto text = [&](const Window& window) {
    return std::string_view(needles_[window.needle].bytes + window.anchor, width);
  };
  std::ranges::sort(windows, [&](const Window& a, const Window& b) { return text(a) < text(b); });
  for (size_t w = 0; w < windows.size(); ++w) {
    const auto bit = static_cast<uint8_t>(1u << (8 * w / windows.size()));
    const SearchNeedle& needle = needles_[windows[w].needle];
    for (size_t i = 0; i < width; ++i) {
      const size_t at = windows[w].anchor + i;
      const auto byte = static_cast<uint8_t>(needle.bytes[at]);
      const auto other = static_cast<uint8_t>(byte ^ static_cast<uint8_t>(needle.fold[at]));
      for (uint8_t form : {byte, other}) {
        multi_.low[i][form & 15] |= bit;
        multi_.high[i][form >> 4] |= bit;
      }
    }
  }
}

WindowMember MultiSearch::make_member(const Window& window) const {
  const SearchNeedle& needle = needles_[window.needle];
  const auto size = static_cast<uint32_t>(needle.size), word = static_cast<uint32_t>(sizeof(uint32_t));
  WindowMember member{window.needle, window.anchor, size - window.anchor, 0, 0, kNoMore};
  if (size < word) return member;
  const uint32_t at = size - window.anchor >= 2 * word ? window.anchor + word
                      : window.anchor >= word          ? window.anchor - word
                                                       : size - word;
  member.more_at = static_cast<int32_t>(at) - static_cast<int32_t>(window.anchor);
  std::memcpy(&member.more, needle.bytes + at, word);
  std::memcpy(&member.more_fold, needle.fold + at, word);
  return member;
}

// The bitmap that is asked first has so many hashes that most windows of other texts meet none: 128 a window,
// at most 2^18, which are 32 KB. Which needles they belong to is found by fewer bits, so that it stays in the
// cache.
void MultiSearch::index_windows(const std::vector<Window>& windows) {
  const int width = std::bit_width(windows.size());
  multi_.hash_bits = static_cast<uint32_t>(std::clamp(width + (multi_.stride ? 7 : 2), 8, 18));
  multi_.index_bits = static_cast<uint32_t>(std::clamp(width + 2, 8, 18));
  std::vector<std::array<uint32_t, 3>> entries;  // index, needle, anchor
  bitmap_.assign((size_t{1} << multi_.hash_bits) / 32, 0);
  for (const Window& window : windows) {
    uint32_t bytes = 0;
    std::memcpy(&bytes, window_bytes(window).data(), multi_.window);
    const uint32_t hash = hash_window(bytes, multi_.window, multi_.hash_bits);
    bitmap_[hash / 32] |= 1u << (hash % 32);
    entries.push_back({hash_window(bytes, multi_.window, multi_.index_bits), window.needle, window.anchor});
  }
  std::ranges::sort(entries);
  entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
  begins_.assign((size_t{1} << multi_.index_bits) + 1, 0);
  for (const auto& [index, needle, anchor] : entries) {
    ++begins_[index + 1];
    members_.push_back(make_member({needle, anchor, kClosed}));
  }
  std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
}

const char* MultiSearch::find(const char* begin, const char* end, size_t* which) const {
  return kernels().find_any(multi_, begin, end, which);
}

void MultiSearch::find_all(const char* begin, const char* end, MultiHit hit, void* context) const {
  kernels().find_all(multi_, begin, end, hit, context);
}

// While one thread learns the others search as before.
struct LearningSearch::State {
  std::vector<MultiSearch::Piece> pieces;
  EscapeFilter escapes{};
  MultiSearch first, learnt;
  std::atomic<bool> has_begun = false;
  std::atomic<const MultiSearch*> current = nullptr;
};

LearningSearch::LearningSearch() = default;
LearningSearch::LearningSearch(LearningSearch&&) noexcept = default;
LearningSearch& LearningSearch::operator=(LearningSearch&&) noexcept = default;
LearningSearch::~LearningSearch() = default;

LearningSearch::LearningSearch(std::vector<MultiSearch::Piece> pieces, const EscapeFilter& escapes)
    : state_(std::make_unique<State>()) {
  state_->pieces = std::move(pieces);
  state_->escapes = escapes;
  state_->first = MultiSearch(state_->pieces, escapes);
  state_->current = &state_->first;
}

const MultiSearch& LearningSearch::search() const { return *state_->current.load(std::memory_order_acquire); }

// A quarter of a megabyte is some dozens of lines of each kind, and takes less time than a chunk.
void LearningSearch::learn(std::string_view text) const {
  constexpr size_t kLeast = size_t{1} << 16, kMost = size_t{1} << 18;
  State& state = *state_;
  if (state.has_begun.load(std::memory_order_relaxed) || text.size() < kLeast) return;
  if (state.pieces.size() <= kMaxProbes || state.has_begun.exchange(true)) return;
  state.learnt = MultiSearch(state.pieces, state.escapes, text.substr(0, kMost));
  state.current.store(&state.learnt, std::memory_order_release);
}

}  // namespace kqlc::simd
