// SPDX-License-Identifier: Apache-2.0
//
// The index of NDJSON against a byte-by-byte reader, on all targets.
#include "runtime/simd/json_index.h"
#include "tests/unit/simd_oracle.h"

namespace kqlc::simd {
namespace {

using oracle::for_each_target;
using oracle::GuardedBytes;
using oracle::Random;

struct Plain {
  std::vector<size_t> quotes;
  std::vector<std::pair<size_t, bool>> lines;  // end, and whether a control character is in it
  std::vector<bool> non_ascii;
};

Plain read_plainly(const std::string& text) {
  Plain plain;
  bool escaped = false, control = false, non_ascii = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '"' && !escaped) plain.quotes.push_back(i);
    escaped = !escaped && byte == '\\';
    non_ascii |= byte >= 0x80;
    if (byte == '\n') {
      plain.lines.emplace_back(i, control);
      plain.non_ascii.push_back(non_ascii);
      control = non_ascii = false;
    } else if (byte < 0x20) {
      control |= byte != '\r' || i + 1 == text.size() || text[i + 1] != '\n';
    }
  }
  plain.lines.emplace_back(text.size(), control);
  plain.non_ascii.push_back(non_ascii);
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
    if (plain.non_ascii[i]) {
      ASSERT_TRUE(line.flags & kLineNonAscii) << text;
    }
  }
  size_t quote = 0;
  for (size_t from = 0; from <= text.size(); ++from) {
    while (quote < plain.quotes.size() && plain.quotes[quote] < from) ++quote;
    const size_t expected = quote < plain.quotes.size() ? plain.quotes[quote] : text.size();
    ASSERT_EQ(static_cast<size_t>(index.quotes().next_quote(bytes.begin() + from) - bytes.begin()), expected) << text;
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
    EXPECT_EQ(index.quotes().next_quote(text.data() + size), text.data() + text.size());
  }
}

}  // namespace
}  // namespace kqlc::simd
