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

namespace {

uint32_t hash_of(const char* bytes, size_t width) {
  uint32_t first = 0, last = 0;
  std::memcpy(&first, bytes, std::min<size_t>(width, sizeof first));
  std::memcpy(&last, bytes + last_of_window(width), std::min<size_t>(width, sizeof last));
  return hash_window(first, last);
}

}  // namespace

// How often the windows of a text come in it, by their hashes. An estimate: every other place is looked at.
class WindowCounts {
 public:
  WindowCounts(std::string_view text, size_t width) : width_(width), counts_(size_t{1} << kBits) {
    for (size_t at = 0; at + width <= text.size(); at += kStep) ++counts_[slot(text.data() + at)];
    total_ = static_cast<double>(text.size() / kStep + 1);
  }
  size_t width() const { return width_; }
  double rate(std::string_view window) const { return counts_[slot(window.data())] / total_; }
  // How often one of them comes.
  double rate(const std::vector<std::string>& windows) const {
    std::vector<uint32_t> slots;
    for (const std::string& window : windows) slots.push_back(slot(window.data()));
    std::ranges::sort(slots);
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
    double sum = 0;
    for (uint32_t slot : slots) sum += counts_[slot];
    return sum / total_;
  }

 private:
  static constexpr uint32_t kBits = 18;
  static constexpr size_t kStep = 2;
  uint32_t slot(const char* window) const { return hash_of(window, width_) >> (32 - kBits); }

  size_t width_;
  std::vector<uint32_t> counts_;
  double total_ = 1;
};

namespace {

// About so many cycles, by a profile with AVX-512: to look up the window at a place; to look at a candidate.
constexpr double kPlaceCost = 1.4, kCandidateCost = 48;
// By estimate, for 64 bytes: to compare two bytes of one needle; to look up a byte of fingerprints.
constexpr double kProbeCost = 2.5, kFingerprintCost = 6;
// So many bits of the bitmap of windows are there for each of them, 32 KB at most.
constexpr int kBitsAWindow = 6, kMostBits = 18;

uint32_t bits_for(size_t windows) {
  return static_cast<uint32_t>(std::clamp<int>(std::bit_width(windows) + kBitsAWindow, 8, kMostBits));
}

// How many of the places of a text without any of the windows pass their bitmap: the square of the share of
// bits that are set in a word, on average.
double rate_of_strangers(size_t windows) {
  const double a_word =
      32.0 * static_cast<double>(windows) / static_cast<double>(size_t{1} << bits_for(windows));
  return std::min(1.0, 4 * (a_word + a_word * a_word) / 1024);
}

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
// So many needles may be entered with windows that reach beyond them: some, so that windows may be wide; more
// where these are narrow and a shorter stride is all that is left.
constexpr size_t kSomeOpen = 8, kMostOpen = 64;

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
        found.push_back({needle, static_cast<int32_t>(*place - before), kClosed});
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

// How wide windows may be where each needle has `stride` of them in a row, with a few that reach a byte
// beyond their needles; 0: no needle may be so short.
size_t MultiSearch::width_for(size_t stride) const {
  const size_t beyond = stride > 1 ? 2 : 1;
  for (size_t width = kMaxSample; width >= kMinSample; --width) {
    const size_t full = stride + width - 1, most_open = width > kMinSample ? kSomeOpen : kMostOpen;
    size_t open = 0, shortest = full;
    for (const SearchNeedle& needle : needles_) {
      open += needle.size < full;
      shortest = std::min(shortest, needle.size);
    }
    if (open <= most_open && shortest + beyond >= full) return width;
  }
  return 0;
}

void MultiSearch::choose_windows(const std::vector<Piece>& pieces, std::string_view sample) {
  size_t shortest = needles_[0].size;
  for (const SearchNeedle& needle : needles_) shortest = std::min(shortest, needle.size);
  std::vector<Window> all;
  if (needles_.size() > kMostFingerprints && shortest >= kMinSample) {
    all = choose_samples(pieces, sample);
    fill_bitmap(all);
  } else {
    multi_.window = std::min(shortest, kMaxFingerprint);
    if (multi_.window < 2 || !choose_pair(all)) {
      std::optional<WindowCounts> counts;
      if (!sample.empty()) counts.emplace(sample, multi_.window);
      all = place_windows(pieces, 1, multi_.window, counts ? &*counts : nullptr);
      build_fingerprints(all);
    }
  }
  index_windows(all);
}

// The windows of each piece, so many in a row. Where the piece is too short for them, the last one reaches a
// byte beyond its end, and the first one begins a byte before it if that is not enough.
std::vector<MultiSearch::Window> MultiSearch::place_windows(const std::vector<Piece>& pieces, size_t stride,
                                                            size_t width, const WindowCounts* counts) const {
  std::vector<Window> all;
  for (uint32_t i = 0; i < pieces.size(); ++i) {
    const size_t size = pieces[i].bytes.size(), full = stride + width - 1;
    int32_t first = full > size + 1 ? -1 : 0;
    if (full <= size) first = static_cast<int32_t>(choose_window(pieces[i], width, stride, counts));
    for (int32_t at = first; at < first + static_cast<int32_t>(stride); ++at) {
      const bool open = at < 0 || static_cast<size_t>(at) + width > size;
      if (!open) all.push_back({i, at, kClosed});
      // Whatever stands beside the needle, as the hash has it.
      for (uint32_t byte = 0; open && byte < 256; ++byte)
        if (byte & 0x20) all.push_back({i, at, byte});
    }
  }
  return all;
}

// Wide strides look at fewer places, but leave less choice of windows, and narrower ones: which of these
// costs less is known by how often they come in the sample.
std::vector<MultiSearch::Window> MultiSearch::choose_samples(const std::vector<Piece>& pieces,
                                                             std::string_view sample) {
  std::vector<Window> chosen;
  std::optional<WindowCounts> counts;
  double least = std::numeric_limits<double>::infinity();
  for (size_t stride = kMaxStride; stride > 0; --stride) {
    const size_t width = width_for(stride);
    const double places = 64.0 / static_cast<double>(stride);
    if (width == 0 || kPlaceCost * places >= least) continue;
    if (!sample.empty() && !(counts && counts->width() == width)) counts.emplace(sample, width);
    std::vector<Window> windows = place_windows(pieces, stride, width, counts ? &*counts : nullptr);
    std::vector<std::string> texts;
    for (const Window& window : windows) texts.push_back(window_bytes(window, width));
    double rate = rate_of_strangers(windows.size());
    if (counts)
      rate += counts->rate(texts);
    else
      for (size_t i = 0; i < windows.size(); ++i)
        rate += expected_rate(texts[i], pieces[windows[i].needle].caseless);
    const double cost = (kPlaceCost + kCandidateCost * rate) * places;
    if (cost >= least) continue;
    least = cost;
    chosen = std::move(windows);
    multi_.stride = static_cast<uint32_t>(stride);
    multi_.window = width;
  }
  return chosen;
}

std::string MultiSearch::window_bytes(const Window& window, size_t width) const {
  const SearchNeedle& needle = needles_[window.needle];
  std::string bytes(width, static_cast<char>(window.open));
  for (size_t i = 0; i < width; ++i) {
    const auto at = static_cast<int64_t>(i) + window.anchor;
    if (at >= 0 && at < static_cast<int64_t>(needle.size)) bytes[i] = needle.bytes[at];
  }
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
      const size_t at = static_cast<size_t>(windows[w].anchor) + i;
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
  const auto size = static_cast<int32_t>(needle.size), width = static_cast<int32_t>(multi_.window),
             word = static_cast<int32_t>(sizeof(uint32_t));
  WindowMember member{window.needle, window.anchor, size - window.anchor, 0, 0, kNoMore};
  if (size < word) return member;
  const int32_t at = size - window.anchor >= width + word ? window.anchor + width
                     : window.anchor >= word              ? window.anchor - word
                                                          : size - word;
  member.more_at = at - window.anchor;
  std::memcpy(&member.more, needle.bytes + at, sizeof member.more);
  std::memcpy(&member.more_fold, needle.fold + at, sizeof member.more_fold);
  return member;
}

// What is asked first has so many bits that most windows of other texts lack one of their two.
void MultiSearch::fill_bitmap(const std::vector<Window>& windows) {
  multi_.hash_bits = bits_for(windows.size());
  bitmap_.assign((size_t{1} << multi_.hash_bits) / 32, 0);
  for (const Window& window : windows) {
    const uint32_t hash = hash_of(window_bytes(window, multi_.window).data(), multi_.window);
    bitmap_[hash >> (37 - multi_.hash_bits)] |= window_bits(hash, multi_.hash_bits);
  }
}

// Which needles windows belong to is found by few bits, so that it stays in the cache.
void MultiSearch::index_windows(const std::vector<Window>& windows) {
  multi_.index_bits =
      static_cast<uint32_t>(std::clamp<int>(std::bit_width(windows.size()) + 2, 8, kMostBits));
  struct Place {
    uint32_t index, needle;
    int32_t anchor;
    auto operator<=>(const Place&) const = default;
  };
  std::vector<Place> places;
  for (const Window& window : windows) {
    const uint32_t hash = hash_of(window_bytes(window, multi_.window).data(), multi_.window);
    places.push_back({hash >> (32 - multi_.index_bits), window.needle, window.anchor});
  }
  std::ranges::sort(places);
  places.erase(std::unique(places.begin(), places.end()), places.end());
  begins_.assign((size_t{1} << multi_.index_bits) + 1, 0);
  for (const Place& place : places) {
    ++begins_[place.index + 1];
    members_.push_back(make_member({place.needle, place.anchor, kClosed}));
  }
  std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
}

double MultiSearch::cost() const {
  const size_t probes = multi_.has_pair ? 1 : needles_.size();
  if (multi_.has_pair || multi_.window == 0)
    return kProbeCost * static_cast<double>(probes + multi_.escapes.enabled);
  if (multi_.stride) return kPlaceCost * 64 / multi_.stride;
  return kFingerprintCost * static_cast<double>(multi_.window);
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

void LearningSearch::learn(std::string_view text) const {
  State& state = *state_;
  if (state.has_begun.load(std::memory_order_relaxed)) return;
  if (state.pieces.size() <= kMaxProbes || state.has_begun.exchange(true)) return;
  state.learnt = MultiSearch(state.pieces, state.escapes, text.substr(0, kMostToLearn));
  state.current.store(&state.learnt, std::memory_order_release);
}

}  // namespace kqlc::simd
