// SPDX-License-Identifier: Apache-2.0
//
// From literals to byte strings that every matching line must hold, and the search for them. A character of a
// string value can stand in JSON as itself, behind a backslash, or as `\u` and four digits. The last form is
// searched as such (only escapes of characters that the literals have count). For the first two a literal is
// cut into pieces that have exactly one form; one piece, the rarest, is searched for each literal.
#include "runtime/simd/line_filter.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

#include "runtime/base/check.h"
#include "runtime/simd/targets.h"
#include "runtime/simd/unicode.h"

namespace kqlc::simd {

namespace {

constexpr size_t kSampleBytes = 4;
constexpr size_t kOpenSize = 6;            // of a needle that lacks one byte for four windows
constexpr uint32_t kReplacement = 0xfffd;  // what invalid bytes decode to

// How many of the places of a text this piece may be found at, by the frequencies of its bytes.
double expected_rate(std::string_view piece, bool caseless) {
  double rate = 1;
  for (char byte : piece) rate *= byte_frequency(static_cast<unsigned char>(byte), caseless) / 65536.0;
  return rate;
}

// Cuts a literal into pieces as JSON writes them. '/' may stand behind a backslash or not: a piece may begin
// with it, but not go over it. Control characters stand escaped, or raw in what sloppy writers make;
// characters that are not ASCII vary when case is ignored: they are in no piece.
std::vector<std::string> split_literal(const Literal& literal) {
  std::vector<std::string> pieces(1);
  const char* end = literal.text.data() + literal.text.size();
  for (const char* place = literal.text.data(); place != end;) {
    const Character character = decode_character(place, end);
    const bool varies = character.code < 0x20 || character.code == kReplacement ||
                        character.code >= kInvalidByte ||
                        (character.code >= 0x80 && literal.letter_case == Case::Ignored);
    if (varies || character.code == '/') pieces.emplace_back();
    if (!varies) {
      if (character.code == '"' || character.code == '\\') pieces.back().push_back('\\');
      pieces.back().append(place, character.size);
    }
    place += character.size;
  }
  return pieces;
}

// Returns the rarest piece; empty when the literal has none.
std::string choose_piece(const Literal& literal) {
  const bool caseless = literal.letter_case != Case::Sensitive;
  std::vector<std::string> pieces = split_literal(literal);
  return *std::min_element(pieces.begin(), pieces.end(), [&](const std::string& a, const std::string& b) {
    return expected_rate(a, caseless) < expected_rate(b, caseless);
  });
}

// Escapes of the characters of the literals, in either case when it is ignored.
EscapeFilter escapes_of(const std::vector<Literal>& group) {
  EscapeFilter filter{};
  filter.enabled = true;
  for (const Literal& literal : group) {
    for (char byte : literal.text) {
      const auto code = static_cast<unsigned char>(byte);
      if (code >= 128) {
        filter.non_ascii = true;
        continue;
      }
      filter.ascii[code] = 1;
      const bool letter = static_cast<unsigned char>((code | 0x20) - 'a') < 26;
      if (letter && literal.letter_case != Case::Sensitive) filter.ascii[code ^ 0x20] = 1;
    }
  }
  return filter;
}

// The pieces of one group and what they cost; no pieces: the group cannot be searched.
struct SearchPlan {
  std::vector<MultiSearch::Piece> pieces;
  double rate = 0;
};

SearchPlan plan_group(const std::vector<Literal>& group) {
  SearchPlan plan;
  for (const Literal& literal : group) {
    std::string piece = choose_piece(literal);
    if (piece.empty()) return {};
    const bool caseless = literal.letter_case != Case::Sensitive;
    plan.rate += expected_rate(piece, caseless);
    plan.pieces.push_back({std::move(piece), caseless});
  }
  return plan;
}

// How often the windows of a text come in it, by their hashes.
class WindowCounts {
 public:
  WindowCounts(std::string_view text, size_t width) : width_(width), counts_(size_t{1} << kBits) {
    for (size_t at = 0; at + width <= text.size(); ++at) ++counts_[hash(text.data() + at)];
    total_ = static_cast<double>(std::max<size_t>(text.size(), 1));
  }
  double rate(std::string_view window) const { return counts_[hash(window.data())] / total_; }

 private:
  static constexpr uint32_t kBits = 16;
  uint32_t hash(const char* place) const {
    uint32_t bytes = 0;
    std::memcpy(&bytes, place, width_);
    return hash_window(bytes, width_, kBits);
  }

  size_t width_;
  std::vector<uint32_t> counts_;
  double total_ = 1;
};

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
  size_t width = std::min(shortest, kMaxFingerprint), windows = 1;
  if (needles_.size() > kMostFingerprints && shortest >= kSampleBytes) {
    width = kSampleBytes;
    windows = count_windows(shortest);
    multi_.stride = static_cast<uint32_t>(windows);
  }
  multi_.window = width;
  std::optional<WindowCounts> counts;
  if (!sample.empty()) counts.emplace(sample, width);
  std::vector<Window> all;
  if (!multi_.stride && width > 1 && choose_pair(all)) return index_windows(all);
  for (uint32_t i = 0; i < pieces.size(); ++i) {
    const bool open = width + windows - 1 > pieces[i].bytes.size();
    const uint32_t first = open ? 0 : choose_window(pieces[i], width, windows, counts ? &*counts : nullptr);
    for (uint32_t at = first; at < first + windows - open; ++at) all.push_back({i, at, kClosed});
    // Whatever stands behind the needle, as the hash has it.
    for (uint32_t byte = 0; open && byte < 256; ++byte)
      if (byte & 0x20) all.push_back({i, static_cast<uint32_t>(windows - 1), byte});
  }
  if (!multi_.stride) build_fingerprints(all);
  index_windows(all);
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
// of which 2^18 are 32 KB. Which needles they belong to is found by fewer bits, so that it stays in the
// cache.
void MultiSearch::index_windows(const std::vector<Window>& windows) {
  const int width = std::bit_width(windows.size());
  multi_.hash_bits = static_cast<uint32_t>(std::clamp(width + (multi_.stride ? 7 : 2), 8, 18));
  multi_.index_bits = static_cast<uint32_t>(std::clamp(width + 2, 8, 18));
  std::vector<std::array<uint32_t, 3>> entries;  // index, needle, anchor
  bitmap_.assign((size_t{1} << multi_.hash_bits) / 32, 0);
  for (const Window& window : windows) {
    const size_t known = multi_.window - (window.open != kClosed);
    uint32_t bytes = 0;
    std::memcpy(&bytes, needles_[window.needle].bytes + window.anchor, known);
    if (window.open != kClosed) bytes |= window.open << 8 * known;
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

LineFilter::LineFilter(const std::vector<std::vector<Literal>>& groups) {
  SearchPlan best;
  EscapeFilter escapes{};
  for (const std::vector<Literal>& group : groups) {
    if (group.empty()) {
      mode_ = Mode::None;
      return;
    }
    SearchPlan plan = plan_group(group);
    if (plan.pieces.empty() || (!best.pieces.empty() && plan.rate >= best.rate)) continue;
    best = std::move(plan);
    escapes = escapes_of(group);
  }
  if (best.pieces.empty()) return;
  mode_ = Mode::Search;
  for (const MultiSearch::Piece& piece : best.pieces) pieces_.push_back(piece.bytes);
  searched_ = std::move(best.pieces);
  escapes_ = escapes;
  search_ = MultiSearch(searched_, escapes_);
}

// A quarter of a megabyte is some dozens of lines of each kind, and takes less time than a chunk.
void LineFilter::learn(std::string_view text) {
  constexpr size_t kLeast = size_t{1} << 16, kMost = size_t{1} << 18;
  if (has_learnt_ || mode_ != Mode::Search || searched_.size() <= kMaxProbes || text.size() < kLeast) return;
  has_learnt_ = true;
  search_ = MultiSearch(searched_, escapes_, text.substr(0, kMost));
}

Line LineFilter::next_candidate(const char* pos, const char* end) const {
  if (mode_ == Mode::None || pos == end) return {};
  if (mode_ == Mode::All) return {pos, line_end(pos, end)};
  size_t which = 0;
  const char* hit = search_.find(pos, end, &which);
  if (!hit) return {};
  const char* newline = kernels().find_last_byte(pos, hit, '\n');
  return {newline ? newline + 1 : pos, line_end(hit, end)};
}

const char* line_end(const char* begin, const char* end) noexcept {
  const char* newline = kernels().find_byte(begin, end, '\n');
  return newline ? newline : end;
}

size_t count_lines(const char* begin, const char* end) noexcept {
  return kernels().count_byte(begin, end, '\n');
}

}  // namespace kqlc::simd
