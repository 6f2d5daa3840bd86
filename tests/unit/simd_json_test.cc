// SPDX-License-Identifier: Apache-2.0
//
// The index of NDJSON against a byte-by-byte reader, on all targets.
#include <algorithm>

#include "runtime/simd/json_index.h"
#include "runtime/simd/unicode.h"
#include "tests/unit/simd_oracle.h"

namespace kqlc::simd {
namespace {

using oracle::for_each_target;
using oracle::GuardedBytes;
using oracle::Random;

struct Plain {
  std::vector<size_t> quotes;
  std::vector<std::pair<size_t, bool>> lines;  // end, and whether a control character is in it
  std::vector<bool> utf8;                      // of each line
};

Plain read_plainly(const std::string& text) {
  Plain plain;
  bool escaped = false, control = false;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '"' && !escaped) plain.quotes.push_back(i);
    escaped = !escaped && byte == '\\';
    if (byte == '\n') {
      plain.lines.emplace_back(i, control);
      plain.utf8.push_back(is_utf8(std::string_view(text).substr(begin, i - begin)));
      begin = i + 1;
      control = false;
    } else if (byte < 0x20) {
      control |= byte != '\r' || i + 1 == text.size() || text[i + 1] != '\n';
    }
  }
  plain.lines.emplace_back(text.size(), control);
  plain.utf8.push_back(is_utf8(std::string_view(text).substr(begin)));
  return plain;
}

void expect_index(const std::string& text, bool flush_begin) {
  const GuardedBytes bytes(text, flush_begin);
  JsonIndex index;
  index.build(bytes.begin(), bytes.end());
  const Plain plain = read_plainly(text);
  ASSERT_EQ(index.lines().size(), plain.lines.size()) << text;
  for (size_t i = 0; i < plain.lines.size(); ++i) {
    const JsonLine& line = index.lines()[i];
    ASSERT_EQ(line.end, plain.lines[i].first) << text;
    ASSERT_EQ((line.flags & kLineControl) != 0, plain.lines[i].second) << text;
    ASSERT_TRUE(plain.utf8[i] || line.flags & kLineNotUtf8) << text;
    ASSERT_FALSE(is_utf8(text) && line.flags & kLineNotUtf8) << text;
  }
  for (size_t i = 0, begin = 0; i < plain.lines.size(); begin = plain.lines[i++].first + 1) {
    Quotes quotes = index.quotes(index.lines()[i]);
    const auto first = std::lower_bound(plain.quotes.begin(), plain.quotes.end(), begin);
    for (auto quote = first; quote != plain.quotes.end(); ++quote, quotes.pass(1))
      ASSERT_EQ(static_cast<size_t>(quotes.ahead(0) - bytes.begin()), *quote) << text;
    for (size_t ahead = 0; ahead <= kQuotesAhead; ++ahead)
      ASSERT_EQ(quotes.ahead(ahead), bytes.end()) << text;
  }
}

TEST(SimdJson, IndexAgreesWithAByteByByteReader) {
  Random random;
  for_each_target([&](const Kernels&) {
    for (int round = 0; round < 2000; ++round) {
      std::string text;
      const size_t kinds = round % 2 ? 10 : 3;
      for (size_t left = random.below(400); left; --left)
        text += "\\\"a\n\r\t {\xc3\x7f"[random.below(kinds)];
      expect_index(text, round % 3 == 0);
    }
  });
}

TEST(SimdJson, LinesThatAreNoUtf8) {
  Random random;
  for_each_target([&](const Kernels&) {
    for (int round = 0; round < 3000; ++round) {
      std::string text;
      for (size_t left = 1 + random.below(6); left; --left) {
        text.append(random.below(70), 'a');
        const char* pieces[] = {"\n", "é", "€", "😀", "\n\n"};
        for (size_t some = random.below(9); some; --some) text += pieces[random.below(5)];
      }
      // Most are whole; of the others a byte is lost, changed, or all from it on.
      const size_t place = random.below(text.size() + 1);
      if (round % 4 == 1 && place < text.size()) text.erase(place, 1);
      if (round % 4 == 2 && place < text.size()) text[place] = static_cast<char>(random.below(256));
      if (round % 4 == 3) text.resize(place);
      expect_index(text, round % 3 == 0);
    }
  });
}

TEST(SimdJson, RunsOfBackslashesOverBlocks) {
  for_each_target([&](const Kernels&) {
    for (size_t before = 0; before < 130; before += 13)
      for (size_t run = 0; run < 140; ++run)
        expect_index(std::string(before, 'a') + std::string(run, '\\') + "\"b\"\\\"", run % 2 == 0);
  });
}

TEST(SimdJson, IndexIsUsedAgainForSmallerAndLargerTexts) {
  JsonIndex index;
  for (size_t size : {100, 3, 5000, 0, 70}) {
    const std::string text = std::string(size, '"') + "\nx";
    index.build(text.data(), text.data() + text.size());
    ASSERT_EQ(index.lines().size(), 2u);
    EXPECT_EQ(index.lines()[0].end, size);
    EXPECT_EQ(index.quotes(index.lines()[1]).ahead(0), text.data() + text.size());
  }
}

}  // namespace
}  // namespace kqlc::simd
