// SPDX-License-Identifier: Apache-2.0
//
// The line filter's promise, that no matching line is lost, on lines whose strings are written in random JSON
// forms: raw, escaped, `\u` in either case of hex; and where keys are looked for, on lines that write them in
// every way.
#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "runtime/simd/line_filter.h"
#include "tests/unit/simd_oracle.h"

namespace kqlc::simd {
namespace {

using oracle::for_each_target;
using oracle::GuardedBytes;
using oracle::Random;

std::vector<std::string> candidates(const LineFilter& filter, std::string_view text) {
  const GuardedBytes bytes(text);
  Candidates found;
  filter.find_candidates(bytes.begin(), bytes.end(), &found);
  std::vector<std::string> lines;
  for (const Line& line : found.lines()) lines.emplace_back(line.begin, line.end);
  return lines;
}

// Both in the order of the text.
void expect_none_lost(const std::vector<std::string>& wanted, const std::vector<std::string>& found) {
  size_t at = 0;
  for (const std::string& line : wanted) {
    while (at < found.size() && found[at] != line) ++at;
    ASSERT_LT(at, found.size()) << "lost " << line;
    ++at;
  }
}

TEST(LineFilter, WaysOfWritingANeedle) {
  const std::string lines[] = {R"({"a":"Distant Software"})",
                               R"({"a":"dISTANT sOFTWARE"})",
                               R"({"a":"\u0044istant Software"})",
                               R"({"a":"Distant\u0020Software"})",
                               R"({"a":"\\u0044istant Software"})",
                               R"({"a":"\\\u0044istant Software"})",
                               R"({"a":"Distant"})",
                               R"({"a":"\u003cb\u003e \u00e9"})",
                               R"({"a":"x\u00"})"};
  std::string text;
  for (const std::string& line : lines) text += line + "\r\n";
  for_each_target([&](const Kernels&) {
    const LineFilter filter({{{"Distant Software", Case::Ignored}}});
    const std::vector<std::string> expected = {lines[0] + '\r', lines[1] + '\r', lines[2] + '\r',
                                               lines[3] + '\r', lines[5] + '\r', lines[8] + '\r'};
    EXPECT_EQ(candidates(filter, text), expected);
    const LineFilter tab({{{"x\ty", Case::Ignored}}});
    EXPECT_EQ(candidates(tab, R"({"p":"x\ty"})").size(), 1u);
    EXPECT_EQ(candidates(tab, "{\"p\":\"x\ty\"}").size(), 1u);
    EXPECT_EQ(candidates(tab, R"({"p":"x\u0009y"})").size(), 1u);
    EXPECT_EQ(candidates(tab, R"({"p":"x\ny xy x y"})").size(), 0u);
    const LineFilter path({{{R"(a/"b"\c)", Case::Sensitive}}});
    EXPECT_EQ(candidates(path, R"({"p":"a/\"b\"\\c"})").size(), 1u);
    EXPECT_EQ(candidates(path, R"({"p":"a\/\"b\"\\c"})").size(), 1u);
    EXPECT_EQ(candidates(path, R"({"p":"a/b\\c"})").size(), 0u);
  });
}

TEST(LineFilter, Limits) {
  EXPECT_TRUE(LineFilter().passes_all());
  EXPECT_TRUE(LineFilter({{{"", Case::Ignored}}}).passes_all());
  EXPECT_TRUE(LineFilter({{{"é", Case::Ignored}}}).passes_all())
      << "its case varies and it has no ASCII part";
  EXPECT_FALSE(LineFilter({{{"é", Case::Sensitive}}}).passes_all());
  EXPECT_TRUE(LineFilter({{{"\xef\xbf\xbd", Case::Sensitive}}}).passes_all()) << "invalid bytes decode to it";
  EXPECT_TRUE(LineFilter({{{"x", Case::Sensitive}, {"", Case::Sensitive}}}).passes_all());
  EXPECT_TRUE(LineFilter({{{"x", Case::Sensitive}}, {}}).passes_none());
  EXPECT_EQ(LineFilter({{{"e", Case::Ignored}}, {{"zzqx", Case::Ignored}}}).pieces(),
            std::vector<std::string>{"zzqx"});
  EXPECT_EQ(candidates(LineFilter(), "a\n\nb").size(), 3u);
  EXPECT_TRUE(candidates(LineFilter({{{"x", Case::Ignored}}}), "").empty());
}

TEST(LineFilter, AReaderNeedsAllOfItsGroupsInALine) {
  const LiteralGroups one{{{"powershell"}}, {{"distant"}, {"remote"}}}, two{{{"desktop"}}};
  const std::string text = R"({"a":"PowerShell","b":"Distant"}
{"a":"PowerShell","b":"near"}
{"a":"remote","b":"x","c":"powershell"}
{"b":"desktop","a":"PowerShell"}
{"a":"PowerShell","b":"\\u0064istant"}
{"a":"distant"})";
  for_each_target([&](const Kernels&) {
    EXPECT_EQ(candidates(LineFilter(one), text).size(), 3u);
    EXPECT_EQ(candidates(LineFilter::for_any({one, two}), text).size(), 4u);
    EXPECT_EQ(candidates(LineFilter::for_any({two, {}}), text).size(), 6u) << "one takes every line";
    EXPECT_EQ(candidates(LineFilter::for_any({two, {{}}}), text).size(), 1u) << "one takes none";
  });
  EXPECT_TRUE(LineFilter::for_any({}).passes_all());
  EXPECT_EQ(LineFilter::for_any({one, one}).pieces().size(), LineFilter(one).pieces().size());
}

// Writes a text as a JSON string, each character in one of its forms.
std::string write_json(const std::string& text, Random& random) {
  std::string json = "\"";
  for (char32_t code : oracle::decode(text)) {
    char hex[32];
    const bool upper = random.below(2) != 0;
    if (random.below(12) == 0) {
      if (code >= 0x10000) {
        snprintf(hex, sizeof hex, upper ? "\\u%04X\\u%04X" : "\\u%04x\\u%04x",
                 static_cast<unsigned>(0xd7c0 + (code >> 10)),
                 static_cast<unsigned>(0xdc00 + (code & 0x3ff)));
      } else {
        snprintf(hex, sizeof hex, upper ? "\\u%04X" : "\\u%04x", static_cast<unsigned>(code));
      }
      json += hex;
      continue;
    }
    // No line has a raw \n; other control characters may stand raw.
    static const std::map<char32_t, std::string> kShort = {{'\t', "\\t"}, {'\n', "\\n"}, {'\r', "\\r"}};
    if (auto known = kShort.find(code); known != kShort.end() && (code == '\n' || random.below(2))) {
      json += known->second;
      continue;
    }
    if (code == '"' || code == '\\' || (code == '/' && random.below(2))) json += '\\';
    utf8proc_uint8_t bytes[4];
    json.append(reinterpret_cast<char*>(bytes),
                static_cast<size_t>(utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes)));
  }
  return json + '"';
}

// A text in which some blanks, dots and digits are control characters or other blanks.
std::string text_with_controls(Random& random, size_t length) {
  std::string out;
  for (char byte : random.text(length)) {
    const bool changes = (byte == ' ' || byte == '.' || byte == '1') && random.below(2) == 0;
    static constexpr const char* kOdd[] = {"\t", "\n", "\r", "\x0b", "\xe2\x80\x83"};
    out += changes ? std::string(kOdd[random.below(std::size(kOdd))]) : std::string(1, byte);
  }
  return out;
}

TEST(LineFilter, NeverLosesALine) {
  Random random;
  size_t passed = 0, total = 0;
  std::string sample;  // enough to learn from
  while (sample.size() < 70'000) sample += random.text(30);
  for_each_target([&](const Kernels&) {
    for (int round = 0; round < 400; ++round) {
      std::vector<std::vector<Literal>> groups(1 + random.below(3));
      for (auto& group : groups)
        for (size_t left = 1 + random.below(round % 2 ? 2 : round % 8 ? 7 : 60); left; --left)
          group.push_back({text_with_controls(random, 5), oracle::kCases[random.below(3)]});
      const LiteralGroups other{{{text_with_controls(random, 4), Case::Ignored}, {"\x01", Case::Ignored}},
                                {{"\x02"}}};
      LineFilter filter = random.below(2) ? LineFilter(groups) : LineFilter::for_any({other, groups, other});
      if (random.below(2)) filter.learn(sample);
      std::string text;
      std::vector<std::string> wanted;
      for (size_t left = 20; left; --left) {
        std::string value = text_with_controls(random, 30);
        for (const auto& group : groups)
          if (random.below(3)) value += group[random.below(group.size())].text;
        const std::string line = "{\"a\":" + write_json(value, random) + "}";
        const bool matches = std::all_of(groups.begin(), groups.end(), [&](const auto& group) {
          return std::any_of(group.begin(), group.end(), [&](const Literal& literal) {
            return oracle::holds(Match::Contains, literal.letter_case, value, literal.text);
          });
        });
        if (matches) wanted.push_back(line);
        text += line + (left > 1 ? "\n" : "");
      }
      const std::vector<std::string> found = candidates(filter, text);
      total += 20;
      passed += found.size();
      expect_none_lost(wanted, found);
      if (testing::Test::HasFatalFailure()) return;
    }
  });
  EXPECT_LT(passed, total) << "a filter that passes everything is none";
}

using Names = std::set<std::string>;

// The fields of a text, each as its place and, of a value, what was copied of it.
std::vector<std::pair<size_t, std::string>> fields_of(const KeyedSearch& search, std::string_view text) {
  const GuardedBytes bytes(text);
  KeyedFields found;
  search.find_fields(bytes.begin(), bytes.end(), &found);
  std::vector<std::pair<size_t, std::string>> out;
  for (size_t i = 0; i < found.fields.size(); ++i) {
    const KeyedField& field = found.fields[i];
    const size_t stop = i + 1 < found.fields.size() ? found.fields[i + 1].copy : found.values_size;
    std::string value = field.kind == KeyedField::Kind::Line ? "<line>" : "<certain>";
    if (field.kind == KeyedField::Kind::Value)
      value.assign(found.values.get() + field.copy, stop - field.copy - 1);
    out.emplace_back(field.place - bytes.begin(), value);
  }
  return out;
}

TEST(KeyedSearch, FindsValuesInEveryForm) {
  const struct {
    const char* text;
    std::vector<std::string> values;
  } cases[] = {{R"({"Name":"x","Names":"y","N":"z"})", {"x"}},
               {"{\"Name\" \t:\r \"x\"}", {"x"}},
               {R"({"a":{"Name":"x"},"Name":"y","Name":""})", {"x", "y", ""}},
               {R"({"Name":"a\"b","c":"d"})", {R"(a\"b)"}},
               {R"({"Name":"C:\\","c":"d"})", {R"(C:\\",)"}},
               {R"({"Name":null,"b":1,"Path":-12.5e3})", {"null", "-12.5e3"}},
               {R"({"Name":true})", {"true"}},
               {R"({"Name":{"a":1},"Path":["x"]})", {"<line>", "<line>"}},
               {R"({"columns":["Name","Path"]})", {"<line>", "<line>"}},
               {R"({"Na\u006de":"x","b":"\u003c \\u006d"})", {"<certain>"}},
               {R"({"Name":"x\u0070y"})", {"x\\u0070y", "<certain>"}},
               {R"({"Name")", {"<line>"}},
               {R"({"Name":)", {"<line>"}},
               {R"({"Name":"x)", {"x"}},
               {R"({"Name":tru)", {"tru"}},
               {R"("Name":\"Name":\"Name":\"Name":)", {"\\", "\\", "\\", "<line>"}},
               {R"("Name":"\"Name":"\"Name":"")", {"\\\"Name", "\\\"Name", ""}}};
  EscapeFilter escapes{};
  escapes.enabled = true;
  escapes.ascii['p'] = 1;
  for_each_target([&](const Kernels&) {
    for (const std::string_view sample : {"", R"({"Name":"a","Nine":"b","Path":"c"})"}) {
      const KeyedSearch search({"Name", "Path"}, escapes, sample);
      for (const auto& test : cases) {
        std::vector<std::string> values;
        for (const auto& [place, value] : fields_of(search, test.text)) values.push_back(value);
        EXPECT_EQ(values, test.values) << test.text;
      }
    }
  });
}

TEST(KeyedSearch, TakesFewPlainNames) {
  EXPECT_FALSE(KeyedSearch::fits({}));
  EXPECT_TRUE(KeyedSearch::fits({"a", "b", "c", "d", "e", "f", "g", "h_1"}));
  EXPECT_FALSE(KeyedSearch::fits({"a", "b", "c", "d", "e", "f", "g", "h", "i"}));
  for (const char* name : {"", "a b", "a\"b", "a/b", "é", "a\\"})
    EXPECT_FALSE(KeyedSearch::fits({name, "a"})) << name;
}

// Every place of every key, by trying each.
TEST(KeyedSearch, FindsAllKeysOfAnyText) {
  Random random;
  const std::string parts[] = {"\"",
                               "\\",
                               "Name",
                               "Path",
                               "Na",
                               "th\"",
                               "\":",
                               "u0061",
                               ":",
                               " ",
                               "\n",
                               "\"Name\":\"",
                               std::string(70, 'x')};
  const std::string long_name(80, 'n');
  size_t total = 0;
  for_each_target([&](const Kernels&) {
    for (int round = 0; round < 3000; ++round) {
      Names names{"Name", "Path", "e", long_name, "Nam", "P", "ath", "u0061"};
      while (names.size() > 1 && random.below(4))
        names.erase(std::next(names.begin(), static_cast<long>(random.below(names.size()))));
      std::string text;
      for (size_t left = random.below(40); left; --left)
        text += random.below(30) ? parts[random.below(std::size(parts))] : '"' + long_name + '"';
      std::vector<size_t> expected;
      for (size_t at = 0; at < text.size(); ++at)
        for (const std::string& name : names)
          if (text.compare(at, name.size() + 2, '"' + name + '"') == 0) expected.push_back(at);
      const KeyedSearch search(names, {}, random.below(2) ? text : "");
      std::vector<size_t> found;
      for (const auto& [place, value] : fields_of(search, text))
        if (text[place] == '"') found.push_back(place);
      ASSERT_EQ(found, expected) << text;
      total += found.size();
    }
  });
  EXPECT_GT(total, 1000u);
}

// A value in one of the forms in which a line may have it.
std::string write_value(const std::string& text, Random& random) {
  switch (random.below(12)) {
    case 0:
      return "null";
    case 1:
      return "{\"x\":[" + write_json(text, random) + "]}";
    default:
      return write_json(text, random);
  }
}

std::string write_key(const std::string& name, Random& random) {
  const size_t escaped = random.below(20) ? name.size() : random.below(name.size());
  std::string key = "\"";
  for (size_t i = 0; i < name.size(); ++i) {
    char hex[8];
    snprintf(hex, sizeof hex, "\\u%04x", static_cast<unsigned>(name[i]));
    key += i == escaped ? std::string(hex) : std::string(1, name[i]);
  }
  return key + '"' + std::string(random.below(8) == 0, ' ') + ':' + std::string(random.below(8) == 0, '\t');
}

constexpr const char* kKeys[] = {"Name", "FolderPath", "Text"};

// Literals of three keys, so many that the keys are looked for.
LiteralGroups keyed_groups(Random& random) {
  LiteralGroups groups(2);
  for (auto& group : groups)
    for (size_t left = 40; left; --left)
      group.push_back({text_with_controls(random, 4) + "quartz" + std::to_string(random.below(90)),
                       oracle::kCases[random.below(3)],
                       {kKeys[random.below(std::size(kKeys))]}});
  return groups;
}

// A line, and whether it holds a literal of each group in a value of its key.
std::pair<std::string, bool> keyed_line(const LiteralGroups& groups, Random& random) {
  std::vector<bool> holds(groups.size());
  std::string row = "\"Filler\":\"" + std::string(random.below(4000), 'z') + '"';
  for (size_t left = 1 + random.below(4); left; --left) {
    const std::string key = random.below(4) ? kKeys[random.below(std::size(kKeys))] : "Other";
    std::string value = text_with_controls(random, 10);
    for (const auto& group : groups)
      if (random.below(2)) value += group[random.below(group.size())].text;
    const std::string json = write_value(value, random);
    row += ',' + (random.below(15) ? write_key(key, random) + json
                                   : "\"rows\":[[" + json + "]],\"columns\":[\"" + key + "\"]");
    for (size_t i = 0; i < groups.size() && json != "null"; ++i)
      for (const Literal& literal : groups[i])
        if (literal.keys.contains(key) &&
            oracle::holds(Match::Contains, literal.letter_case, value, literal.text))
          holds[i] = true;
  }
  return {'{' + row + '}', std::ranges::all_of(holds, [](bool held) { return held; })};
}

TEST(LineFilter, NeverLosesALineBySearchingKeys) {
  Random random;
  size_t passed = 0, total = 0, by_keys = 0;
  for_each_target([&](const Kernels&) {
    for (int round = 0; round < 12; ++round) {
      const LiteralGroups groups = keyed_groups(random), other{{{"quartzite", Case::Ignored, {"Text"}}}};
      const LineFilter filter = LineFilter::for_any({other, groups});
      std::string text;
      std::vector<std::string> wanted;
      while (text.size() < 2 * kEnoughToLearn) {
        const auto [line, matches] = keyed_line(groups, random);
        if (matches) wanted.push_back(line);
        text += line + '\n';
        ++total;
      }
      filter.learn(text);
      by_keys += filter.searches_by_keys();
      const std::vector<std::string> found = candidates(filter, text);
      passed += found.size();
      expect_none_lost(wanted, found);
      if (testing::Test::HasFatalFailure()) return;
    }
  });
  EXPECT_EQ(by_keys, 12 * available_targets().size());
  EXPECT_LT(passed, total) << "a filter that passes everything is none";
}

TEST(LineFilter, SearchesKeysWhereThatIsQuicker) {
  LiteralGroups groups(1);
  for (int i = 0; i < 100; ++i)
    groups[0].push_back({"literal " + std::to_string(i), Case::Ignored, {"Name"}});
  const auto searches_by_keys = [&](const std::string& line) {
    std::string text;
    while (text.size() < kEnoughToLearn) text += line + '\n';
    const LineFilter filter({groups});
    filter.learn(text);
    return filter.searches_by_keys();
  };
  const std::string filler = R"({"Other":")" + std::string(500, 'x') + '"';
  EXPECT_TRUE(searches_by_keys(filler + R"(,"Name":"short"})"));
  EXPECT_FALSE(searches_by_keys(filler + R"(,"Name":")" + std::string(1500, 'x') + R"("})"));
  EXPECT_FALSE(searches_by_keys(R"({"Name":"x"})"));
  groups[0].push_back({"anywhere"});
  EXPECT_FALSE(searches_by_keys(filler + R"(,"Name":"short"})"));
  groups[0].resize(2);
  EXPECT_FALSE(searches_by_keys(filler + R"(,"Name":"short"})")) << "of few each byte is as quick";
}

// Text that turns out to be of another kind is searched byte by byte for a while; and a line of many values
// is one candidate.
TEST(LineFilter, FindsTheSameWhereTextChangesItsKind) {
  LiteralGroups groups(1);
  for (int i = 0; i < 100; ++i)
    groups[0].push_back({"literal " + std::to_string(i), Case::Ignored, {"Name"}});
  std::string first, shorts, one = R"({"records":[)";
  while (first.size() < kEnoughToLearn)
    first += R"({"Other":")" + std::string(900, 'x') + "\",\"Name\":\"y\"}\n";
  for (int i = 0; i < 500; ++i) {
    shorts += i % 5 ? R"({"Name":"a"})" : R"({"Name":"a literal 77"})";
    one += R"({"Name":"literal 3"},)";
    shorts += '\n';
  }
  one += R"({"Name":"b"}]})";
  for_each_target([&](const Kernels&) {
    const LineFilter filter(groups);
    filter.learn(first);
    ASSERT_TRUE(filter.searches_by_keys());
    for (int round = 0; round < 40; ++round) {
      ASSERT_EQ(candidates(filter, shorts).size(), 100u);
      ASSERT_EQ(candidates(filter, one + '\n' + first + one).size(), 2u);
      ASSERT_EQ(candidates(filter, first).size(), 0u);
    }
  });
}

// A mapped file may be written to while it is searched: what is found is wrong then, and nothing else is.
TEST(KeyedSearch, CopiesStayInTheirRoomWhileTextChanges) {
  constexpr size_t kSize = 1 << 16;
  std::string keys, value = R"("Name":")" + std::string(kSize, 'x');
  while (keys.size() < kSize) keys += R"("Name":"xxxxxxxxxxxxxxxxxxxx)";
  keys.resize(kSize);
  value.resize(kSize);
  const std::unique_ptr<std::atomic<char>[]> text(new std::atomic<char>[kSize]);
  static_assert(sizeof(std::atomic<char>) == 1);
  const auto write = [&](const std::string& from) {
    for (size_t i = 0; i < kSize; ++i) text[i].store(from[i], std::memory_order_relaxed);
  };
  write(keys);
  std::atomic<bool> ends = false;
  std::thread writer([&] {
    while (!ends) write(value), write(keys);
  });
  const KeyedSearch search({"Name"}, {}, "");
  KeyedFields found;
  for (int round = 0; round < 500; ++round) {
    const auto* begin = reinterpret_cast<const char*>(text.get());
    search.find_fields(begin, begin + kSize, &found);
    EXPECT_LE(found.values_size, found.capacity);
  }
  ends = true;
  writer.join();
}

}  // namespace
}  // namespace kqlc::simd
