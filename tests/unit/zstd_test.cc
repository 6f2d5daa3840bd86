// SPDX-License-Identifier: Apache-2.0
//
// Frames of zstd of which few bytes are read, against zstd itself: contents of many kinds at many levels,
// whole and damaged. Random tests print their seed.
#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/zstd/sparse_frame.h"

namespace kqlc::zstd {
namespace {

using Content = std::vector<uint8_t>;

Content numbers(std::mt19937& random, size_t count, uint64_t first, uint64_t range, bool is_sorted) {
  std::vector<uint64_t> values(count);
  for (uint64_t& value : values) value = first + (uint64_t{random()} << 32 | random()) % range;
  if (is_sorted) std::ranges::sort(values);
  Content content(count * sizeof(uint64_t));
  if (count > 0) std::memcpy(content.data(), values.data(), content.size());
  return content;
}

Content words(std::mt19937& random, size_t size) {
  const std::vector<std::string> known = {
      "powershell.exe", "-EncodedCommand", "C:\\Windows\\System32\\", "svchost", "user", "/c", "whoami", " "};
  std::string text;
  while (text.size() < size) text += random() % 5 ? known[random() % known.size()] : std::to_string(random());
  text.resize(size);
  return {text.begin(), text.end()};
}

Content bytes_below(std::mt19937& random, size_t size, uint32_t end) {
  Content content(size);
  for (uint8_t& byte : content) byte = static_cast<uint8_t>(random() % end);
  return content;
}

// Long repetitions of what stands close by: matches that overlap what they copy.
Content repetitions(std::mt19937& random, size_t size) {
  Content content;
  while (content.size() < size) {
    const size_t period = 1 + random() % 7, count = random() % 400;
    for (size_t i = 0; i < period; ++i) content.push_back(static_cast<uint8_t>(random()));
    for (size_t i = 0; i < count; ++i) content.push_back(content[content.size() - period]);
  }
  content.resize(size);
  return content;
}

// Long literals and long matches of far away: sequences with many bits.
Content far_copies(std::mt19937& random, size_t size) {
  Content content = bytes_below(random, std::max<size_t>(size / 2, 1), 256);
  while (content.size() < size) {
    const size_t from = random() % content.size(),
                 count = std::min(content.size() - from, random() % 90000 + 1);
    for (size_t i = 0; i < count; ++i) content.push_back(content[from + i]);
    for (size_t i = random() % 40000; i > 0; --i) content.push_back(static_cast<uint8_t>(random()));
  }
  content.resize(size);
  return content;
}

// Numbers, each of which is a sequence or more, in front of noise, which has none.
Content numbers_and_noise(std::mt19937& random, size_t size) {
  Content content;
  while (content.size() < size) {
    const Content some = numbers(random, 8000, 0, 4'194'304, false), noise = bytes_below(random, 67'072, 256);
    content.insert(content.end(), some.begin(), some.end());
    content.insert(content.end(), noise.begin(), noise.end());
  }
  content.resize(size);
  return content;
}

struct Kind {
  const char* name;
  std::function<Content(std::mt19937&, size_t)> make;
};
const std::vector<Kind> kKinds = {
    {"times",
     [](auto& random, size_t size) {
       return numbers(random, size / 8, 1'700'000'000'000'000'000, 9'000'000'000'000, true);
     }},
    {"small numbers",
     [](auto& random, size_t size) { return numbers(random, size / 8, 0, 4'194'304, false); }},
    {"words", words},
    {"noise", [](auto& random, size_t size) { return bytes_below(random, size, 256); }},
    {"few bytes", [](auto& random, size_t size) { return bytes_below(random, size, 5); }},
    {"one byte", [](auto& random, size_t size) { return bytes_below(random, size, 1); }},
    {"repetitions", repetitions},
    {"far copies", far_copies},
    {"numbers and noise", numbers_and_noise}};

Content packed(const Content& content, int level, bool has_checksum = false, bool has_size = true) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, has_checksum);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, has_size);
  Content out(ZSTD_compressBound(content.size()));
  out.resize(ZSTD_compress2(context.get(), out.data(), out.size(), content.data(), content.size()));
  return out;
}

// Up to `most` ranges that do not overlap, of up to `width` bytes.
std::vector<Range> some_ranges(std::mt19937& random, size_t size, size_t most, size_t width) {
  std::vector<Range> ranges;
  for (size_t i = 0, begin = 0; i < most; ++i) {
    begin += random() % (2 * size / most + 1);
    if (begin >= size) break;
    const size_t end = std::min(size, begin + 1 + random() % width);
    ranges.push_back({begin, end});
    begin = end;
  }
  std::ranges::shuffle(ranges, random);
  return ranges;
}

// Plans, unpacks and settles. Returns false where one of them did.
bool read(SparseFrame& frame, std::span<const Range> ranges, bool ends_early = false) {
  std::vector<HuffmanStream> streams;
  if (!frame.plan(ranges, ends_early, &streams) || !unpack_streams(streams)) return false;
  frame.settle();
  return true;
}

TEST(Zstd, WantedBytesAreThoseOfTheWholeFrame) {
  for (uint32_t seed = 1; seed <= 3; ++seed)
    for (const Kind& kind : kKinds) {
      std::mt19937 random(seed);
      size_t taken = 0;
      for (size_t size : {0, 8, 100, 1000, 40'000, 131'080, 700'000})
        for (int level : {-5, 1, 3, 9, 19}) {
          if (level == 19 && size > 200'000) continue;
          SCOPED_TRACE(std::string(kind.name) + ", size " + std::to_string(size) + ", level " +
                       std::to_string(level) + ", seed " + std::to_string(seed));
          const Content content = kind.make(random, size), frame_bytes = packed(content, level);
          Content buffer(content.size(), 0xEE);
          SparseFrame frame;
          ASSERT_TRUE(frame.open(frame_bytes, content.size(), buffer.data()));
          for (int round = 0; round < 4; ++round) {
            const auto ranges = some_ranges(random, content.size(), 1 + random() % 30, 1 + random() % 16);
            if (!read(frame, ranges)) break;
            ++taken;
            for (const Range& range : ranges)
              for (size_t i = range.begin; i < range.end; ++i) ASSERT_EQ(buffer[i], content[i]) << i;
          }
        }
      EXPECT_GT(taken, 50u) << kind.name;  // the others would have cost more than all
    }
}

TEST(Zstd, WithoutSequencesAllCanBeRead) {
  std::mt19937 random(5);
  for (const Content& content : {numbers(random, 60'000, 1'700'000'000'000'000'000, 9'000'000'000'000, true),
                                 bytes_below(random, 300'000, 256), bytes_below(random, 9, 3)}) {
    const Content frame_bytes = packed(content, 1);
    Content buffer(content.size(), 0xEE);
    SparseFrame frame;
    ASSERT_TRUE(frame.open(frame_bytes, content.size(), buffer.data()));
    ASSERT_TRUE(read(frame, std::vector<Range>{{0, content.size()}}));
    EXPECT_EQ(buffer, content);
  }
}

// The first half of the times needs no stream of the second.
TEST(Zstd, StreamsWithoutAWantedByteStayPacked) {
  std::mt19937 random(6);
  const Content content = numbers(random, 100'000, 1'700'000'000'000'000'000, 9'000'000'000'000, true);
  const Content frame_bytes = packed(content, 1);
  Content buffer(content.size(), 0xEE);
  SparseFrame frame;
  ASSERT_TRUE(frame.open(frame_bytes, content.size(), buffer.data()));
  std::vector<HuffmanStream> streams;
  ASSERT_TRUE(frame.plan(std::vector<Range>{{8, 16}, {400'000, 400'008}}, false, &streams));
  EXPECT_EQ(streams.size(), 2u);
}

// Streams end behind their last wanted byte, and begin anew when more of them is wanted.
TEST(Zstd, StreamsThatEndEarlyGiveTheSameBytes) {
  for (uint32_t seed = 1; seed <= 2; ++seed)
    for (const Kind& kind : kKinds) {
      std::mt19937 random(seed);
      const Content content = kind.make(random, 300'000), frame_bytes = packed(content, 1);
      Content buffer(content.size(), 0xEE);
      SparseFrame frame;
      ASSERT_TRUE(frame.open(frame_bytes, content.size(), buffer.data()));
      for (int round = 0; round < 20; ++round) {
        SCOPED_TRACE(std::string(kind.name) + ", seed " + std::to_string(seed));
        const auto ranges = some_ranges(random, content.size(), 1 + random() % 9, 1 + random() % 16);
        if (!read(frame, ranges, random() % 5 > 0)) break;
        for (const Range& range : ranges)
          for (size_t i = range.begin; i < range.end; ++i) ASSERT_EQ(buffer[i], content[i]) << i;
      }
    }
}

TEST(Zstd, StreamsThatEndEarlyAreReadNoFurther) {
  std::mt19937 random(8);
  const Content content = bytes_below(random, 100'000, 90), frame_bytes = packed(content, 1);
  Content buffer(content.size(), 0xEE);
  SparseFrame frame;
  ASSERT_TRUE(frame.open(frame_bytes, content.size(), buffer.data()));
  ASSERT_TRUE(read(frame, std::vector<Range>{{1000, 1010}}, true));
  EXPECT_TRUE(std::equal(buffer.begin(), buffer.begin() + 1010, content.begin()));
  EXPECT_EQ(buffer[1010], 0xEE);
  ASSERT_TRUE(read(frame, std::vector<Range>{{500, 600}}, true));
  ASSERT_TRUE(read(frame, std::vector<Range>{{1010, 1020}}, true));
  EXPECT_EQ(buffer[1019], content[1019]);
  EXPECT_EQ(buffer[1020], 0xEE);
  ASSERT_TRUE(read(frame, std::vector<Range>{{0, 1}}));
  EXPECT_EQ(buffer[20'000], content[20'000]) << "a whole stream";
}

// Those of a block stand behind its literals, the last ones first.
TEST(Zstd, SequencesBehindTheLastWantedByteAreNotRead) {
  std::mt19937 random(9);
  const Content content = numbers(random, 16'000, 0, 4'194'304, false);
  Content frame_bytes = packed(content, 1), buffer(content.size());
  frame_bytes[frame_bytes.size() - 5000] ^= 0x55;
  SparseFrame frame;
  for (const auto& [begin, is_right] : {std::pair(size_t{800}, true), {size_t{127'000}, false}}) {
    const Range range{begin, begin + 8};
    ASSERT_TRUE(frame.open(frame_bytes, content.size(), buffer.data()));
    EXPECT_EQ(read(frame, {&range, 1}, true) &&
                  std::equal(&buffer[range.begin], &buffer[range.end], &content[range.begin]),
              is_right)
        << begin;
    ASSERT_TRUE(frame.open(frame_bytes, content.size(), buffer.data()));
    EXPECT_FALSE(read(frame, {&range, 1})) << begin;
  }
}

TEST(Zstd, OtherFramesAreLeftToTheLibrary) {
  std::mt19937 random(7);
  const Content content = words(random, 5000), frame_bytes = packed(content, 3);
  Content buffer(content.size() + 1);
  SparseFrame frame;
  const auto opens = [&](const Content& bytes, size_t size) {
    return frame.open(bytes, size, buffer.data());
  };
  EXPECT_TRUE(opens(frame_bytes, content.size()));
  EXPECT_FALSE(opens(frame_bytes, content.size() + 1));
  EXPECT_FALSE(opens(packed(content, 3, true), content.size()));
  EXPECT_FALSE(opens(packed(content, 3, false, false), content.size()));
  Content two = frame_bytes;
  two.insert(two.end(), frame_bytes.begin(), frame_bytes.end());
  EXPECT_FALSE(opens(two, content.size()));
  Content many{0x28, 0xB5, 0x2F, 0xFD, 0x20, 0};  // of no bytes, in a million blocks
  for (int i = 0; i < 1'000'000; ++i) many.insert(many.end(), {0, 0, 0});
  many.insert(many.end(), {1, 0, 0});
  EXPECT_EQ(ZSTD_getFrameContentSize(many.data(), many.size()), 0u);
  EXPECT_FALSE(opens(many, 0));
  EXPECT_FALSE(opens({}, 0));
  EXPECT_FALSE(opens(Content(100), 100));
  EXPECT_FALSE(frame.open(frame_bytes, content.size(), buffer.data()) &&
               read(frame, std::vector<Range>{{content.size(), content.size() + 1}}));
}

// Whatever the bytes are, nothing outside is read or written (the sanitizers look), and reading ends.
TEST(Zstd, DamagedFramesDoNoHarm) {
  const uint32_t seed = 8;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  size_t noticed = 0;
  for (const Kind& kind : kKinds)
    for (int round = 0; round < 300; ++round) {
      const Content content = kind.make(random, 1 + random() % 3000);
      Content bytes = packed(content, round % 2 ? 1 : 9);
      const size_t size = content.size();
      if (round % 3 == 0) bytes.resize(random() % bytes.size());
      for (int flips = 1 + static_cast<int>(random() % 4); flips > 0 && !bytes.empty(); --flips)
        bytes[random() % bytes.size()] ^= static_cast<uint8_t>(1u << random() % 8);
      const std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size()]), buffer(new uint8_t[size]);
      std::ranges::copy(bytes, exact.get());
      SparseFrame frame;
      noticed += !frame.open({exact.get(), bytes.size()}, size, buffer.get()) ||
                 !read(frame, some_ranges(random, size, 10, 8), round % 4 == 0);
    }
  EXPECT_GT(noticed, 800u);
}

// A bit of times in order is flipped: a stream that ends early shows less, but a number that came of it and
// lies between the least and the greatest one is wrong no more often than where streams are read to their
// end.
TEST(Zstd, BoundsShowWhatStreamsThatEndEarlyDoNot) {
  const uint32_t seed = 12;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const Content content = numbers(random, 40'000, 1'700'000'000'000'000'000, 9'000'000'000'000, true);
  const Content frame_bytes = packed(content, 1);
  const auto number = [](const Content& of, size_t place) {
    uint64_t value;
    std::memcpy(&value, &of[place], sizeof value);
    return value;
  };
  const uint64_t least = number(content, 0), greatest = number(content, content.size() - 8);
  std::array<size_t, 2> wrong{};  // in silence: read to the end, and early
  for (int round = 0; round < 1500; ++round) {
    Content damaged = frame_bytes;
    damaged[20 + random() % (damaged.size() - 20)] ^= static_cast<uint8_t>(1u << random() % 8);
    std::vector<Range> ranges;
    for (size_t i = 0; i < 10; ++i) {
      const size_t place = (i * 4000 + random() % 4000) * 8;
      ranges.push_back({place, place + 8});
    }
    for (const bool ends_early : {false, true}) {
      Content buffer(content.size());
      SparseFrame frame;
      if (!frame.open(damaged, content.size(), buffer.data()) || !read(frame, ranges, ends_early)) continue;
      bool is_bounded = true, is_right = true;
      for (const Range& range : ranges) {
        const uint64_t value = number(buffer, range.begin);
        is_bounded &= value >= least && value <= greatest;
        is_right &= value == number(content, range.begin);
      }
      wrong[ends_early] += !is_right && (!ends_early || is_bounded);
    }
  }
  EXPECT_GT(wrong[0], 0u);
  EXPECT_LE(wrong[1], wrong[0]);
}

// Each sequence copies from the one before, and has its offset: without care each step would look for that
// through all sequences before it.
TEST(Zstd, LongChainsEnd) {
  std::mt19937 random(9);
  for (size_t low : {2, 3}) {
    const std::string number = "sameever";
    Content content(4'000'000);
    for (size_t i = 0; i < content.size(); i += 8) {
      const uint32_t bytes = random();
      std::memcpy(&content[i], number.data(), 8);
      std::memcpy(&content[i], &bytes, low);
    }
    const Content frame_bytes = packed(content, 1);
    Content buffer(content.size(), 0xEE);
    SparseFrame frame;
    ASSERT_TRUE(frame.open(frame_bytes, content.size(), buffer.data()));
    std::vector<Range> ranges;
    for (size_t i = 1; i <= 200; ++i)
      ranges.push_back({content.size() - i * 16, content.size() - i * 16 + 8});
    EXPECT_FALSE(read(frame, ranges));  // all takes less time
    ranges = {{0, 8}, {80, 88}};
    ASSERT_TRUE(read(frame, ranges));
    for (const Range& range : ranges)
      for (size_t i = range.begin; i < range.end; ++i) ASSERT_EQ(buffer[i], content[i]);
  }
}

}  // namespace
}  // namespace kqlc::zstd
