// SPDX-License-Identifier: Apache-2.0
//
// Term filters: bits that never deny what a text holds (compared with simd's own operators over random texts
// and conditions), chunks that are passed over and those that are not, filters that are missing, damaged, of
// another chunk or asked under strict. KQLC_TERMS=FOLDER measures false hits on an ingested archive.
#include "runtime/archive/term_filter.h"

#include <cctype>
#include <cstdlib>
#include <random>
#include <set>

#include "runtime/archive/manifest.h"
#include "tests/unit/archive_fixture.h"

namespace kqlc::archive {
namespace {

using simd::Case;
using simd::Condition;
using simd::Match;

constexpr Match kMatches[] = {Match::Equals, Match::Contains,  Match::StartsWith, Match::EndsWith,
                              Match::Has,    Match::HasPrefix, Match::HasSuffix};
constexpr Case kCases[] = {Case::Sensitive, Case::Ignored, Case::IgnoredInAscii};

using Random = std::mt19937;

template <class Items>
auto& pick(Random& random, Items& items) {
  return items[random() % std::size(items)];
}

std::string random_text(Random& random) {
  static const std::vector<std::string> parts = {
      "a",     "B",  "cmd", "Power", "shell", "4104", "0", " ",  "-", ".",    "\\",           "/",
      "_",     "\"", "é",   "É",     "ß",     "K",    "ſ", "中", "ı", "\xff", "\xef\xbf\xbd", "\xc3",
      "x.exe", "ö1", "KEY", "key",   "İ"};
  std::string text;
  for (size_t count = random() % 7; count > 0; --count) text += pick(random, parts);
  return text;
}

// A piece of one of the texts, maybe in other case, or any text.
std::string random_needle(Random& random, const std::vector<std::string>& texts) {
  std::string text = random() % 3 ? pick(random, texts) : random_text(random);
  const size_t begin = text.empty() || random() % 2 ? 0 : random() % text.size();
  text = text.substr(begin, random() % 2 ? std::string::npos : random() % 8);
  for (char& c : text)
    if (random() % 4 == 0 && std::isalpha(static_cast<unsigned char>(c)) && (c & 0x80) == 0) c ^= 0x20;
  for (const auto& [lower, upper] : {std::pair("é", "É"), std::pair("ö", "Ö")})
    for (const auto& [from, to] : {std::pair(lower, upper), std::pair(upper, lower)})
      if (size_t place = text.find(from); place != text.npos && random() % 2) text.replace(place, 2, to);
  return text;
}

Condition random_condition(Random& random, const std::vector<std::string>& texts) {
  Condition condition;
  condition.all = random() % 2;
  for (size_t count = 1 + random() % 3; count > 0; --count)
    condition.patterns.push_back(
        {pick(random, kMatches), pick(random, kCases), random_needle(random, texts)});
  return condition;
}

struct OwnBits {
  std::string bytes;
  TermBits bits;

  explicit OwnBits(const std::vector<std::string>& texts) {
    TermCollector collector;
    for (const std::string& text : texts) collector.add(text);
    bits = collector.finish(bytes);
    bits.terms = bytes.data();
    bits.grams = bytes.data() + (size_t{1} << bits.terms_log2) / 8;
  }
};

TEST(TermBits, NeverDenyWhatATextHolds) {
  const auto seed = std::random_device()();
  Random random(seed);
  size_t held = 0, denied = 0;
  for (int round = 0; round < 150; ++round) {
    std::vector<std::string> texts;
    for (size_t count = 1 + random() % 5; count > 0; --count) texts.push_back(random_text(random));
    const OwnBits own(texts);
    for (int i = 0; i < 200; ++i) {
      const Condition condition = random_condition(random, texts);
      const simd::ConditionSet set({condition});
      const bool holds =
          std::ranges::any_of(texts, [&](const std::string& text) { return set.matches(Str(text)); });
      const bool may = own.bits.may_hold(condition);
      ASSERT_TRUE(may || !holds) << "seed " << seed << ": `" << condition.patterns[0].text << "`";
      held += holds;
      denied += !may;
    }
  }
  EXPECT_GT(held, 3'000u);
  EXPECT_GT(denied, 3'000u);
}

bool may_hold(const OwnBits& own, Match match, const std::string& needle) {
  return own.bits.may_hold({{{match, Case::Ignored, needle}}});
}

TEST(TermBits, AskForTermsTextsAndGrams) {
  const OwnBits own({"C:\\Windows\\PowerShell.exe -enc", "10.0.0.1"});
  EXPECT_TRUE(may_hold(own, Match::Has, "powershell.EXE"));
  EXPECT_FALSE(may_hold(own, Match::Has, "power"));
  EXPECT_TRUE(may_hold(own, Match::HasPrefix, "power"));
  EXPECT_FALSE(may_hold(own, Match::HasPrefix, "shelf"));
  EXPECT_TRUE(may_hold(own, Match::Contains, "wershel"));
  EXPECT_FALSE(may_hold(own, Match::Contains, "wershelf"));
  EXPECT_TRUE(may_hold(own, Match::Equals, "10.0.0.1"));
  EXPECT_FALSE(may_hold(own, Match::Equals, "10.0.0"));
  EXPECT_FALSE(may_hold(own, Match::StartsWith, "d:"));
  EXPECT_TRUE(may_hold(own, Match::StartsWith, "c:"));
}

TEST(TermBits, AreBoundedByTheirTexts) {
  EXPECT_EQ(OwnBits({""}).bits.size(), 128u);
  std::vector<std::string> texts;
  Random random(1);
  for (int i = 0; i < 20'000; ++i) texts.push_back(std::to_string(random()) + "-" + std::to_string(random()));
  const OwnBits own(texts);
  EXPECT_LT(own.bits.size() * 8, texts.size() * 3 * 27 + (size_t{1} << 18));
}

// Texts that are given often enough leave the list for a bitmap of the greatest size.
TEST(TermBits, AreTheSameListedOrNot) {
  const std::vector<std::string> texts = {"C:\\Windows\\PowerShell.exe -enc", "10.0.0.1", "x"};
  const OwnBits listed(texts);
  TermCollector collector;
  for (size_t i = 0; i < kTermForm.most_listed; ++i)
    for (const std::string& text : texts) collector.add(text);
  std::string bytes;
  const TermBits bits = collector.finish(bytes);
  EXPECT_EQ(bytes, listed.bytes);
  EXPECT_EQ(bits.terms_log2, listed.bits.terms_log2);
  EXPECT_EQ(bits.grams_log2, listed.bits.grams_log2);
  bytes.clear();
  for (const std::string& text : texts) collector.add(text);
  collector.finish(bytes);
  EXPECT_EQ(bytes, listed.bytes) << "a column after a large one";
}

class TermFilterTest : public ArchiveTest {
 protected:
  // Two chunks of 100 rows: `alpha` and `beta`, with numbers from 0 and from 100 on.
  void SetUp() override {
    ArchiveTest::SetUp();
    request_.columns = {{"A", Type::String}, {"N", Type::Long}, {"D", Type::Dynamic}};
    for (const char* name : {"alpha", "beta"}) {
      std::string text;
      for (int i = 0; i < 100; ++i) {
        const int number = i + (name[0] == 'b' ? 100 : 0);
        text += R"({"A":")" + std::string(name) + " " + std::to_string(number) + R"( Ünïcode","N":)" +
                std::to_string(number) + R"(,"R":)" + std::to_string(number) + R"(.5,"F":)" +
                (number < 100 ? "true" : "false") + R"(,"D":{"k" : "\u0043:\\)" + std::string(name) +
                "\"}}\n";
      }
      write(std::string("in/") + name + ".ndjson", text);
    }
    ingest(true);
  }
  void ingest(bool terms) {
    auto files = list_files({folder_ + "/in"}, {}, nullptr);
    ASSERT_TRUE(files.ok());
    IngestRequest request;
    request.folder = folder_ + "/out";
    request.table = "T";
    request.terms = terms;
    ScanReport report;
    ASSERT_TRUE(ingest_files(files.value(), request, &report).ok());
    ASSERT_GE(report.rows, 200u);
  }
  static Need text_need(const std::string& column, Match match, const std::string& text,
                        Type type = Type::String) {
    Need need;
    need.kind = Need::Kind::Text;
    need.columns = {column};
    need.type = type;
    need.condition = {{{match, Case::Ignored, text}}};
    return need;
  }
  size_t rows(const Need& need) {
    request_.needs = need;
    return scan({folder_ + "/out"}).size();
  }
  std::vector<std::string> filters() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/out/T"))
      if (entry.path().extension() == ".terms") out.push_back(entry.path().string());
    std::ranges::sort(out);
    return out;
  }
  static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

TEST_F(TermFilterTest, ChunksWithoutTheTermsArePassedOver) {
  EXPECT_EQ(rows(text_need("A", Match::Has, "ALPHA")), 100u);
  EXPECT_EQ(report_.skipped_by_terms, 1u);
  EXPECT_EQ(report_.files, 1u);
  EXPECT_EQ(rows(text_need("A", Match::Has, "alph")), 0u);
  EXPECT_EQ(rows(text_need("A", Match::Contains, "alph")), 100u);
  EXPECT_EQ(rows(text_need("A", Match::Contains, "Ünïcode")), 200u);
  EXPECT_EQ(rows(text_need("A", Match::Equals, "")), 200u);
  EXPECT_EQ(rows(Need()), 200u);
  request_.strict = true;
  EXPECT_EQ(rows(text_need("A", Match::Has, "none")), 200u);
}

TEST_F(TermFilterTest, TextOfDynamicValues) {
  EXPECT_EQ(rows(text_need("D", Match::Contains, R"({"k":"C:\\alp)", Type::Dynamic)), 100u);
  EXPECT_EQ(rows(text_need("D", Match::Has, "gamma", Type::Dynamic)), 0u);
  EXPECT_EQ(rows(text_need("D", Match::Has, "gamma", Type::String)), 200u)
      << "its text may be written otherwise";
}

TEST_F(TermFilterTest, ColumnsThatAChunkLacks) {
  request_.columns.push_back({"None", Type::String});
  EXPECT_EQ(rows(text_need("None", Match::Has, "a")), 0u);
  EXPECT_EQ(report_.skipped_files, 2u);
  EXPECT_EQ(rows(text_need("None", Match::Equals, "")), 200u);
}

TEST_F(TermFilterTest, PartsOfANeed) {
  const Need alpha = text_need("A", Match::Has, "alpha"), beta = text_need("A", Match::Has, "beta");
  EXPECT_EQ(rows(need_any({alpha, beta})), 200u);
  EXPECT_EQ(rows(need_all({alpha, beta})), 0u);
  EXPECT_EQ(rows(need_any({alpha, Need()})), 200u);
  EXPECT_EQ(rows(need_all({alpha, Need()})), 100u);
  EXPECT_EQ(rows(need_all({alpha, need_range({"N"}, Type::Long, 100, 200)})), 0u);
  EXPECT_EQ(rows(need_any({alpha, need_range({"N"}, Type::Long, 100, 200)})), 200u);
}

TEST_F(TermFilterTest, LeastAndGreatestNumbers) {
  EXPECT_EQ(rows(need_range({"N"}, Type::Long, 99, 99)), 100u);
  EXPECT_EQ(report_.skipped_files, 1u);
  EXPECT_EQ(rows(need_range({"N"}, Type::Int, 99, 99)), 100u) << "an int is a long";
  EXPECT_EQ(rows(need_range({"N"}, Type::Real, 99, 99)), 200u) << "another type in the file";
  EXPECT_EQ(rows(need_range({"N"}, Type::Long, 200, 300)), 0u);
  EXPECT_EQ(rows(need_range({"R"}, Type::Real, real_order(99.5), real_order(99.5))), 100u);
  EXPECT_EQ(rows(need_range({"R"}, Type::Real, real_order(99.5) + 1, real_order(100.5) - 1)), 0u);
  EXPECT_EQ(rows(need_range({"F"}, Type::Bool, 1, 1)), 100u);
  EXPECT_EQ(rows(need_range({"A"}, Type::String, INT64_MIN, INT64_MAX)), 200u);
  EXPECT_EQ(rows(need_range({"None"}, Type::Long, INT64_MIN, INT64_MAX)), 0u);
  EXPECT_EQ(rows(need_range({"None", "N"}, Type::Long, 0, 5)), 100u);
  request_.strict = true;
  EXPECT_EQ(rows(need_range({"N"}, Type::Long, 200, 300)), 200u);
}

TEST_F(TermFilterTest, AManifestWithoutTypesKnowsTimesOnly) {
  write("old/_manifest.ndjson",
        R"({"file":"a.arrow","bytes":1,"source":"s","source_bytes":1,"source_time":1,"rows":2,"columns":)"
        R"({"N":{"nulls":0,"min":1,"max":2},"T":{"nulls":0,"min":"2024-01-01","max":"2024-01-02"}}})");
  const Manifest manifest = read_manifest(folder_ + "/old");
  ASSERT_TRUE(manifest.chunks.contains("a.arrow"));
  EXPECT_TRUE(may_hold(*manifest.chunks.at("a.arrow"), need_range({"N"}, Type::Long, 5, 5)));
  EXPECT_FALSE(may_hold(*manifest.chunks.at("a.arrow"), need_range({"T"}, Type::DateTime, 5, 5)));
}

TEST_F(TermFilterTest, MissingOrForeignFiltersSayNothing) {
  const Need none = text_need("A", Match::Has, "none");
  ASSERT_EQ(filters().size(), 2u);
  EXPECT_EQ(rows(none), 0u);
  const std::string first = read(filters()[0]), second = read(filters()[1]);
  std::ofstream(filters()[0], std::ios::binary) << second;
  EXPECT_EQ(rows(none), 100u) << "of another chunk";
  std::filesystem::remove(filters()[0]);
  EXPECT_EQ(rows(none), 100u);
}

TEST_F(TermFilterTest, AChangedSourceReplacesChunkAndFilter) {
  std::ofstream(folder_ + "/in/alpha.ndjson", std::ios::app) << R"({"A":"gamma","N":1})" << "\n";
  std::ofstream(folder_ + "/in/beta.ndjson", std::ios::app) << R"({"A":"gamma","N":1})" << "\n";
  ingest(false);
  EXPECT_TRUE(filters().empty());
  EXPECT_EQ(rows(text_need("A", Match::Has, "none")), 202u);
}

TEST_F(TermFilterTest, DamageSaysNothingOrChangesNothing) {
  const auto seed = std::random_device()();
  Random random(seed);
  const std::string path = filters()[0], bytes = read(path);
  const Need alpha =
      need_any({text_need("A", Match::Has, "alpha"), text_need("D", Match::Has, "beta", Type::Dynamic)});
  for (int round = 0; round < 300; ++round) {
    std::string damaged = bytes;
    if (round % 3 == 0) damaged.resize(random() % bytes.size());
    for (int i = 0; i < 3 && !damaged.empty(); ++i)
      damaged[round % 2 ? random() % damaged.size() : random() % std::min<size_t>(damaged.size(), 120)] =
          static_cast<char>(random());
    std::ofstream(path, std::ios::binary) << damaged;
    EXPECT_EQ(rows(alpha), 200u) << "seed " << seed << ", round " << round;
    EXPECT_TRUE(report_.errors.empty());
  }
}

// Distinct texts of a column, one behind the other.
struct ColumnTexts {
  std::set<std::string> texts;
  std::string data;
  std::vector<int64_t> offsets{0};

  void add(std::string_view text) {
    if (!texts.emplace(text).second) return;
    data += text;
    offsets.push_back(static_cast<int64_t>(data.size()));
  }
  std::string_view at(size_t i) const {
    return std::string_view(data).substr(static_cast<size_t>(offsets[i]),
                                         static_cast<size_t>(offsets[i + 1] - offsets[i]));
  }
  bool holds(const simd::Pattern& pattern) const {
    std::vector<uint64_t> bitmap(texts.size() / 64 + 1);
    const simd::PreparedNeedle needle(pattern.match, pattern.letter_case, pattern.text);
    needle.filter(offsets.data(), data.data(), texts.size(), bitmap.data());
    return std::ranges::any_of(bitmap, [](uint64_t word) { return word != 0; });
  }
};

// A piece of a text with one letter or digit changed: what looks like the data, and is mostly not in it.
std::string near_miss(Random& random, std::string text, size_t length) {
  if (text.size() < length) return "";
  if (length) text = text.substr(random() % (text.size() - length + 1), length);
  std::vector<size_t> places;
  for (size_t i = 0; i < text.size(); ++i)
    if (std::isalnum(static_cast<unsigned char>(text[i]))) places.push_back(i);
  if (places.empty()) return "";
  char& changed = text[pick(random, places)];
  changed = std::isdigit(static_cast<unsigned char>(changed)) ? static_cast<char>('0' + random() % 10)
                                                              : static_cast<char>('a' + random() % 26);
  return text;
}

std::string random_term(Random& random, std::string_view text) {
  std::vector<std::string> terms(1);
  for (char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)))
      terms.back() += c;
    else if (terms.back().size() > 3)
      terms.emplace_back();
    else
      terms.back().clear();
  if (terms.back().size() < 4) terms.pop_back();
  return terms.empty() ? "" : pick(random, terms);
}

struct FalseHits {
  size_t asked = 0, hits = 0;
};

constexpr const char* kNames[] = {"mimikatz",
                                  "rubeus",
                                  "sharphound",
                                  "sekurlsa::logonpasswords",
                                  "cobaltstrike",
                                  "psexesvc",
                                  "procdump64.exe",
                                  "ntdsutil",
                                  "vssadmin delete shadows",
                                  "lazagne",
                                  "anydesk.exe",
                                  "atera",
                                  "screenconnect",
                                  "rclone.exe",
                                  "ngrok",
                                  "chisel",
                                  "adfind.exe",
                                  "winpeas",
                                  "seatbelt.exe",
                                  "-EncodedCommand",
                                  "FromBase64String",
                                  "certutil -urlcache",
                                  "bitsadmin /transfer",
                                  "wevtutil cl",
                                  "fsutil usn",
                                  "reg save hklm",
                                  "comsvcs.dll",
                                  "MiniDump",
                                  "rundll32 javascript:",
                                  "mshta http",
                                  "schtasks /create",
                                  "net user /add",
                                  "nltest /dclist",
                                  "whoami /priv",
                                  "teamviewer",
                                  "kerberoast",
                                  "secretsdump",
                                  "wmiexec",
                                  "smbexec",
                                  "impacket",
                                  "metasploit",
                                  "meterpreter",
                                  "powersploit",
                                  "invoke-mimikatz",
                                  "evil-winrm",
                                  "responder.py",
                                  "bloodhound",
                                  "petitpotam",
                                  "printnightmare",
                                  "zerologon"};

// Needles of every kind that stand in no text of the chunk, and how many of them its filter does not deny.
TEST(TermFilterMeasured, FalseHits) {
  const char* folder = std::getenv("KQLC_TERMS");
  if (!folder) GTEST_SKIP() << "KQLC_TERMS names no archive made by `kqlc ingest --terms`";
  auto files = list_files({folder}, {}, nullptr);
  ASSERT_TRUE(files.ok());
  std::map<std::string, std::map<std::string, FalseHits>> found;  // by kind and column
  Random random(1);
  for (const File& file : files.value()) {
    auto columns = read_columns(file);
    ASSERT_TRUE(columns.ok() && file.statistics && file.statistics->terms);
    ChunkTerms terms(file);
    for (const ColumnRequest& column : columns.value()) {
      if (column.type != Type::String) continue;
      ColumnTexts texts;
      ScanRequest request;
      request.columns = {column};
      ScanReport report;
      ASSERT_TRUE(scan_file(
                      file, request,
                      [&](int, const Batch& batch) {
                        for (int64_t row = 0; row < batch.num_rows; ++row)
                          texts.add(load_str(batch.columns[0], batch.columns[0].encoding, row).view());
                        return true;
                      },
                      &report)
                      .ok());
      auto ask = [&](const std::string& kind, Match match, const std::string& needle) {
        const simd::Pattern pattern{match, Case::Ignored, needle};
        if (needle.empty() || texts.holds(pattern)) return;
        FalseHits& count = found[kind][column.name];
        ++count.asked;
        count.hits += terms.may_hold(column.name, column.type, {{pattern}});
      };
      for (int i = 0; i < 200; ++i) {
        const std::string text(texts.at(random() % texts.texts.size()));
        ask("== of a text", Match::Equals, near_miss(random, text, 0));
        ask("has of a term", Match::Has, near_miss(random, random_term(random, text), 0));
        for (size_t length : {4, 5, 6, 8, 12, 20})
          ask("contains of " + std::to_string(length), Match::Contains, near_miss(random, text, length));
      }
      for (const char* name : kNames) {
        ask("has of a tool", Match::Has, name);
        ask("contains of a tool", Match::Contains, name);
      }
    }
  }
  for (const auto& [kind, columns] : found) {
    FalseHits all;
    std::string worst;
    for (const auto& [column, count] : columns) {
      all.asked += count.asked;
      all.hits += count.hits;
      if (count.hits * 20 > count.asked)
        worst += " " + column + " " + std::to_string(count.hits * 100 / count.asked) + "%";
    }
    std::printf("%-20s %7zu asked, %5.2f%% false hits; more than 5%%:%s\n", kind.c_str(), all.asked,
                100.0 * static_cast<double>(all.hits) / static_cast<double>(all.asked), worst.c_str());
  }
}

}  // namespace
}  // namespace kqlc::archive
