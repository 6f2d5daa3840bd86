// SPDX-License-Identifier: Apache-2.0
//
// Bytes and several needles against plain versions.
#include <algorithm>

#include "runtime/simd/multi_search.h"
#include "tests/unit/simd_oracle.h"

namespace kqlc::simd {
namespace {

using oracle::for_each_target;
using oracle::GuardedBytes;
using oracle::Random;

TEST(SimdBytes, AgreeWithThePlainLoops) {
  Random random;
  for_each_target([&](const Kernels& target) {
    for (size_t length = 0; length < 400; length += length < 140 ? 1 : 7) {
      std::string text(length, 'x');
      for (char& byte : text)
        if (random.below(length % 5 ? 40 : 2) == 0) byte = '\n';
      const GuardedBytes bytes(text, length % 2);
      std::vector<uint32_t> places;
      for (size_t i = 0; i < length; ++i)
        if (text[i] == '\n') places.push_back(static_cast<uint32_t>(i));
      const char* first = places.empty() ? nullptr : bytes.begin() + places.front();
      const char* last = places.empty() ? nullptr : bytes.begin() + places.back();
      ASSERT_EQ(target.find_byte(bytes.begin(), bytes.end(), '\n'), first);
      ASSERT_EQ(target.find_last_byte(bytes.begin(), bytes.end(), '\n'), last);
      ASSERT_EQ(target.count_byte(bytes.begin(), bytes.end(), '\n'), places.size());
    }
  });
}

TEST(SimdBytes, CopiesEndAtAQuoteThatNoBackslashPrecedes) {
  Random random;
  for_each_target([&](const Kernels& target) {
    for (int round = 0; round < 2000; ++round) {
      std::string text(random.below(300), 'x');
      for (char& byte : text)
        if (random.below(30) == 0) byte = random.below(3) ? '\\' : '"';
      for (size_t at = 1; at < text.size(); ++at)
        if (text[at] == '"' && random.below(8)) text[at - 1] = '\\';
      size_t size = 0;
      while (size < text.size() && (text[size] != '"' || (size && text[size - 1] == '\\'))) ++size;
      const GuardedBytes bytes(text), copy(std::string(text.size() + target.vector_bytes, '-'));
      ASSERT_EQ(target.copy_to_quote(bytes.begin(), bytes.end(), copy.begin()), bytes.begin() + size) << text;
      ASSERT_EQ(std::string(copy.begin(), size), text.substr(0, size));
    }
  });
}

// All lines with a hit, by trying every piece at every place.
std::vector<size_t> lines_with(const std::string& text, const std::vector<MultiSearch::Piece>& pieces) {
  std::vector<size_t> lines;
  size_t number = 0;
  for (size_t begin = 0; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    for (const MultiSearch::Piece& piece : pieces) {
      const Case letter_case = piece.caseless ? Case::Ignored : Case::Sensitive;
      if (!oracle::holds(Match::Contains, letter_case, line, piece.bytes)) continue;
      lines.push_back(number);
      break;
    }
    begin = end + 1;
  }
  return lines;
}

// find_all against every piece at every place.
void expect_all_hits(const MultiSearch& search, const std::vector<MultiSearch::Piece>& pieces,
                     const GuardedBytes& bytes) {
  std::vector<std::pair<const char*, size_t>> hits, plain;
  search.find_all(
      bytes.begin(), bytes.end(),
      [](void* all, const char* place, size_t which) {
        static_cast<decltype(hits)*>(all)->emplace_back(place, which);
      },
      &hits);
  for (size_t which = 0; which < pieces.size(); ++which) {
    const auto& [piece, caseless] = pieces[which];
    const auto fits = [&](char a, char b) {
      const bool letter = static_cast<unsigned char>((a | 0x20) - 'a') < 26;
      return a == b || (caseless && letter && (a ^ b) == 0x20);
    };
    for (const char* place = bytes.begin(); place + piece.size() <= bytes.end(); ++place)
      if (std::equal(piece.begin(), piece.end(), place, fits)) plain.emplace_back(place, which);
  }
  std::ranges::sort(hits);
  std::ranges::sort(plain);
  ASSERT_EQ(hits, plain);
}

TEST(SimdMultiSearch, FindsEveryLineThatHoldsANeedle) {
  Random random;
  for_each_target([&](const Kernels&) {
    for (int round = 0; round < 400; ++round) {
      std::vector<MultiSearch::Piece> pieces;
      // Of very many needles the shortest decide at how many places they are looked for and how wide windows
      // are; a few that are shorter than the others have windows that reach beyond them.
      const bool many = round % 5 > 2;
      const size_t shortest = many ? 4 + random.below(9) : 1, count = many ? 33 : 1;
      const size_t shorter = many && random.below(2) ? random.below(12) : 0;
      for (size_t left = count + random.below(round % 2 ? 4 : 40); left; --left) {
        std::string bytes;
        const size_t less = left <= shorter ? std::min(random.below(4), shortest - 4) : 0;
        for (size_t size = shortest - less + random.below(round % 3 ? 8 : 4); size; --size)
          bytes += "abcdeABC-1"[random.below(10)];
        pieces.push_back({bytes, random.below(2) != 0});
      }
      std::string text;
      for (size_t left = random.below(60); left; --left) {
        for (size_t size = random.below(90); size; --size)
          text += ".........,;:abcdeABC-1"[random.below(round % 4 ? 22 : 12)];
        if (random.below(6) == 0) text += pieces[random.below(pieces.size())].bytes;
        text += '\n';
      }
      const bool learns = random.below(2) != 0;
      const MultiSearch search(pieces, {}, learns ? std::string_view(text) : std::string_view());
      const GuardedBytes bytes(text, random.below(2) != 0);
      expect_all_hits(search, pieces, bytes);
      std::vector<size_t> found;
      size_t which = 0;
      for (const char* pos = bytes.begin(); const char* hit = search.find(pos, bytes.end(), &which);) {
        ASSERT_LT(which, pieces.size());
        const std::string_view at(hit, static_cast<size_t>(bytes.end() - hit));
        const Case letter_case = pieces[which].caseless ? Case::Ignored : Case::Sensitive;
        ASSERT_TRUE(oracle::holds(Match::StartsWith, letter_case, at.substr(0, pieces[which].bytes.size()),
                                  pieces[which].bytes));
        found.push_back(static_cast<size_t>(std::count(bytes.begin(), const_cast<char*>(hit), '\n')));
        pos = std::find(hit, static_cast<const char*>(bytes.end()), '\n');
        if (pos == bytes.end()) break;
      }
      ASSERT_EQ(found, lines_with(text, pieces));
    }
  });
}

// Each of many needles at every place of short and long texts: their rare windows lie at their ends, so that
// at the end of the text a needle begins long before what is left to search.
void search_every_place(const std::vector<MultiSearch::Piece>& pieces, std::string_view sample = {}) {
  const MultiSearch search(pieces, {}, sample);
  // The first so many, of 23 bytes each, are laid into the text.
  const auto count = static_cast<size_t>(
      std::ranges::count_if(pieces, [](const auto& piece) { return piece.bytes.size() == 23; }));
  for_each_target([&](const Kernels&) {
    for (size_t length = 23; length < 220; ++length) {
      const GuardedBytes text(std::string(length, 'e'));
      size_t which = 0;
      ASSERT_EQ(search.find(text.begin(), text.end(), &which), nullptr);
      for (size_t at = 0; at + 23 <= length; ++at) {
        const size_t number = at % count;
        std::memcpy(text.begin() + at, pieces[number].bytes.data(), 23);
        ASSERT_EQ(search.find(text.begin(), text.end(), &which), text.begin() + at) << length;
        ASSERT_EQ(which, number);
        std::memset(text.begin() + at, 'e', 23);
      }
    }
  });
}

TEST(SimdMultiSearch, EveryPlace) {
  std::vector<MultiSearch::Piece> pieces;
  for (std::string_view end : {"~q1", "^x2", "`z3", "|j4", "~w5", "^v6"})
    pieces.push_back({std::string(20, 'e').append(end), true});
  search_every_place(pieces);
}

// With needles of `shortest` bytes, which never stand there, samples are taken at every place, at every
// second, third and fourth, of windows of four to eight bytes. One short needle may have windows that reach
// beyond it, of many not all. Where a text is full of all but the last bytes of the needles, only windows
// that have these are worth it, so that strides are short.
TEST(SimdMultiSearch, EveryPlaceOfVeryManyNeedles) {
  for (size_t shortest = 4; shortest <= 12; ++shortest)
    for (size_t unlike = 0; unlike < 4; ++unlike) {
      std::vector<MultiSearch::Piece> pieces;
      std::string sample;
      for (char a = 'a'; a < 'i'; ++a)
        for (char b = 'p'; b < 'x'; ++b) pieces.push_back({std::string(20, 'e') + a + b + '~', true});
      for (const MultiSearch::Piece& piece : pieces)
        sample += piece.bytes.substr(0, piece.bytes.size() - unlike) + std::string(unlike, '.');
      for (char i = '0'; i < (unlike % 2 ? '1' : '9'); ++i)
        pieces.push_back({std::string(shortest - 1, '#') + i, false});
      search_every_place(pieces, unlike ? std::string_view(sample) : std::string_view());
    }
}

// A needle that is shorter than the others stands at each place of a text, between whatever there may be.
TEST(SimdMultiSearch, AShortNeedleBetweenAnyBytes) {
  Random random;
  for (size_t size = 4; size <= 10; ++size) {
    std::vector<MultiSearch::Piece> pieces;
    for (char a = 'a'; a < 'i'; ++a)
      for (char b = 'p'; b < 'x'; ++b) pieces.push_back({std::string(9, 'e') + a + b + '~', true});
    pieces.push_back({std::string("short#needle").substr(0, size), true});
    const MultiSearch search(pieces);
    for_each_target([&](const Kernels&) {
      for (int round = 0; round < 400; ++round) {
        std::string text;
        for (size_t left = random.below(200); left; --left) text += static_cast<char>(random.below(256));
        text.insert(random.below(text.size() + 1), pieces.back().bytes);
        expect_all_hits(search, pieces, GuardedBytes(text, random.below(2) != 0));
        if (testing::Test::HasFatalFailure()) return;
      }
    });
  }
}

}  // namespace
}  // namespace kqlc::simd
