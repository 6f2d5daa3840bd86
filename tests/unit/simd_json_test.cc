// SPDX-License-Identifier: Apache-2.0
//
// The structural index and the field scan of JSON lines against a byte-by-byte reader, on all targets.
#include "runtime/simd/json_fields.h"
#include "tests/unit/simd_oracle.h"

namespace kqlc::simd {
namespace {

using oracle::for_each_target;
using oracle::GuardedBytes;
using oracle::Random;

std::vector<uint32_t> plain_index(const std::string& text, bool* open) {
  std::vector<uint32_t> places;
  bool in_string = false, escaped = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool was_escaped = escaped;
    escaped = !was_escaped && text[i] == '\\';
    const bool quote = text[i] == '"' && !was_escaped;
    if (quote) in_string = !in_string;
    const bool structural =
        !in_string && text[i] != '"' && std::string_view("{}[]:,").find(text[i]) != std::string_view::npos;
    if (quote || structural) places.push_back(static_cast<uint32_t>(i));
  }
  *open = in_string;
  return places;
}

TEST(SimdJson, IndexAgreesWithAByteByByteReader) {
  Random random;
  for_each_target([&](const Kernels& target) {
    for (int round = 0; round < 2000; ++round) {
      std::string text;
      const size_t kinds = round % 2 ? 12 : 4;
      for (size_t left = random.below(300); left; --left) text += "\\\"a {}[]:,z;"[random.below(kinds)];
      const GuardedBytes bytes(text, round % 3 == 0);
      bool open = false;
      const std::vector<uint32_t> expected = plain_index(text, &open);
      std::vector<uint32_t> found(text.size());
      JsonState state{};
      found.resize(target.json_index(bytes.begin(), bytes.end(), &state, found.data()));
      ASSERT_EQ(found, expected) << text;
      ASSERT_EQ(state.in_string != 0, open) << text;
    }
  });
}

struct Scanned {
  FieldScan result;
  std::vector<std::string> values;  // "-": absent
};

Scanned scan(std::string_view line, const std::vector<FieldKey>& keys) {
  const GuardedBytes bytes(line);
  std::vector<std::string_view> values(keys.size());
  FieldIndex index;
  Scanned scanned{find_fields({bytes.begin(), line.size()}, keys, values, index), {}};
  for (std::string_view value : values) scanned.values.emplace_back(value.data() ? value : "-");
  return scanned;
}

TEST(SimdJson, FindsFields) {
  const std::vector<FieldKey> keys = {
      {"", "time"}, {"properties", "Name"}, {"properties", "Size"}, {"", "Name"}};
  for_each_target([&](const Kernels&) {
    const Scanned flat = scan(R"( {"time" : "2020" ,"Name":null} )", keys);
    EXPECT_EQ(flat.result, FieldScan::Done);
    EXPECT_EQ(flat.values, (std::vector<std::string>{"\"2020\"", "-", "-", "null"}));
    const Scanned deep = scan(
        R"({"x":[{"Name":1},[]],"properties":{"More":{"Name":2},"Name":"a\"},{,\\","Size":-1.5e3 },"time":{"a":[1]}})",
        keys);
    EXPECT_EQ(deep.result, FieldScan::Done);
    EXPECT_EQ(deep.values, (std::vector<std::string>{R"({"a":[1]})", R"("a\"},{,\\")", "-1.5e3", "-"}));
    EXPECT_EQ(scan("{}", keys).result, FieldScan::Done);
    EXPECT_EQ(scan(R"({"properties":{}})", keys).result, FieldScan::Done);
    EXPECT_EQ(scan(R"({"properties":null,"Name":true})", keys).values[3], "true");
  });
}

TEST(SimdJson, LeavesWhatIsNotPlainToTheParser) {
  const std::vector<FieldKey> keys = {{"", "a"}, {"p", "a"}};
  for_each_target([&](const Kernels&) {
    for (std::string_view line : {"",
                                  " ",
                                  "1",
                                  "[1]",
                                  "{",
                                  "}",
                                  "{\"a\"}",
                                  "{\"a\":}",
                                  "{\"a\":1",
                                  "{\"a\":1}}",
                                  "{\"a\":1} x",
                                  "x{\"a\":1}",
                                  "{\"a\":\"1}",
                                  "{\"a\":1,}",
                                  "{,\"a\":1}",
                                  "{\"a\":\"b\"c}",
                                  "{\"a\" 1}",
                                  "{\"a\":1:2}",
                                  "{\"a\":[1}",
                                  "{\"a\":1,\"a\":2}",
                                  "{\"\\u0061\":1}",
                                  "{\"p\":{\"a\":1},\"p\":{}}",
                                  "{\"p\":1,\"p\":{\"a\":1}}",
                                  "{\"a\":1 \"b\":2}",
                                  "{x\"a\":1}",
                                  "{\"a\"x:1}",
                                  "{\"p\":{\"a\":1}x}",
                                  "{x}",
                                  "{\"a\":{}x}"}) {
      const Scanned scanned = scan(line, keys);
      EXPECT_EQ(scanned.result, FieldScan::NeedsParse) << line;
      EXPECT_EQ(scanned.values, (std::vector<std::string>{"-", "-"})) << line;
    }
  });
}

TEST(SimdJson, AnyBytesAreSafe) {
  Random random;
  const std::vector<FieldKey> keys = {{"", "a"}, {"p", "a"}};
  for_each_target([&](const Kernels&) {
    for (int round = 0; round < 5000; ++round) {
      std::string line = "{\"p\":{\"a\":\"x\"},\"a\":[1,{}]}";
      for (size_t left = random.below(4); left; --left)
        line[random.below(line.size())] = "{}[]:,\"\\ a1"[random.below(11)];
      const Scanned scanned = scan(line, keys);
      if (scanned.result == FieldScan::NeedsParse) {
        EXPECT_EQ(scanned.values, (std::vector<std::string>{"-", "-"}));
      }
    }
  });
}

}  // namespace
}  // namespace kqlc::simd
