// SPDX-License-Identifier: Apache-2.0
//
// The speed of the SIMD search on each target of this CPU: target x kind of needle x how often it hits. In:
// texts made here, the same on every run. Out: bytes a second (and rows, or lines, a second). Names read
// <kernel>/<target>/<needle>/<hits>. Kernels: column_<operator> (a column of texts), row_has (a row at a
// time), column_any (eight needles), dictionary (codes), lines (the line filter over NDJSON), fields (the
// JSON field index), count_lines. Hits: never, rare (1 row in 1,000), common (1 in 2). Every result is
// checked against the hits put in.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "runtime/simd/conditions.h"
#include "runtime/simd/json_index.h"
#include "runtime/simd/line_filter.h"
#include "runtime/simd/targets.h"

namespace kqlc::simd {
namespace {

constexpr size_t kRows = 40'000;
constexpr size_t kLines = 4'000;

struct NeedleKind {
  const char* name;
  const char* text;
  Case letter_case;
};
constexpr NeedleKind kNeedles[] = {
    {"word", "Distant Software", Case::Ignored},  // rare bytes
    {"word_cs", "Distant Software", Case::Sensitive},
    {"short", "qz", Case::Ignored},
    {"frequent_bytes", "stern rooms", Case::Ignored},  // many false candidates
    {"path", "\\temp\\x7.exe", Case::Ignored},
    {"non_ascii", "Überwachung", Case::Ignored},  // compared by character
};
constexpr const char* kOtherNeedles[] = {"AnyDesk",  "TeamViewer", "ScreenConnect", "Atera",
                                         "RustDesk", "mimikatz",   "Splashtop"};
struct Operator {
  const char* name;
  Match match;
};
constexpr Operator kOperators[] = {{"column_has", Match::Has},
                                   {"column_contains", Match::Contains},
                                   {"column_equals", Match::Equals},
                                   {"column_startswith", Match::StartsWith}};
constexpr const char* kNames[] = {"never", "rare", "common"};
constexpr size_t kEvery[] = {0, 1000, 2};

std::string command_line(std::mt19937& random) {
  static constexpr const char* kWords[] = {"C:\\Windows\\System32\\svchost.exe",
                                           "-k",
                                           "netsvcs",
                                           "/c",
                                           "powershell.exe",
                                           "-NoProfile",
                                           "-ExecutionPolicy",
                                           "Bypass",
                                           "--type=renderer",
                                           "https://example.org/a",
                                           "C:\\Program Files\\Vendor\\app.exe",
                                           "install",
                                           "0x4f2a",
                                           "\"quoted\""};
  std::string text;
  for (size_t words = 1 + random() % 8; words; --words)
    text.append(kWords[random() % std::size(kWords)]).push_back(' ');
  return text;
}

// A row on which `match` hits: the needle in `text`, where that operator looks for it.
std::string matching(Match match, const std::string& text, const std::string& needle) {
  switch (match) {
    case Match::Equals:
      return needle;
    case Match::StartsWith:
      return needle + text;
    case Match::Contains:
      return text + "x" + needle + "x";
    default:
      return text + needle + " ";
  }
}

// A string column with a hit in every n-th row: plain, or codes of 2,000 values of which `match` hits some.
struct TextColumn {
  std::string data;
  std::vector<int32_t> offsets{0};
  std::vector<int32_t> codes;
  size_t hits = 0;
  Column plain, dictionary;

  TextColumn(const char* needle, size_t every, Match match, bool coded = false) {
    std::mt19937 random(7);
    const size_t values = coded ? 2'000 : kRows;
    for (size_t row = 0; row < values; ++row) {
      std::string text = command_line(random);
      if (every && row % every == every / 2) {
        text = matching(match, text, needle);
        hits += !coded;
      }
      data += text;
      offsets.push_back(static_cast<int32_t>(data.size()));
    }
    plain.encoding = Encoding::Utf8;
    plain.values = offsets.data();
    plain.data = data.data();
    if (coded) add_codes(random, static_cast<int32_t>(values), every);
  }
  TextColumn(const TextColumn&) = delete;

  void add_codes(std::mt19937& random, int32_t values, size_t every) {
    for (size_t row = 0; row < kRows; ++row) {
      codes.push_back(static_cast<int32_t>(random() % static_cast<uint32_t>(values)));
      hits += every && static_cast<size_t>(codes.back()) % every == every / 2;
    }
    dictionary.encoding = Encoding::Dictionary;
    dictionary.values = codes.data();
    dictionary.dictionary = &plain;
    dictionary.dictionary_size = values;
  }
};

// NDJSON of about 1.5 KB a line with the needle in every n-th line.
struct Archive {
  std::string data;
  size_t hits = 0;

  Archive(const std::string& needle, size_t every) {
    std::mt19937 random(7);
    for (size_t line = 0; line < kLines; ++line) {
      data +=
          R"({"time":"2026-01-01T00:00:00Z","category":"AdvancedHunting-DeviceProcessEvents","properties":{)";
      for (int field = 0; field < 20; ++field)
        data += "\"Field" + std::to_string(field) + "\":" + json(command_line(random)) + ',';
      const bool hit = every && line % every == every / 2;
      hits += hit;
      data += "\"Name\":" + json(hit ? needle : "none") + "}}\r\n";
    }
  }

  static std::string json(const std::string& text) {
    std::string result = "\"";
    for (char byte : text) {
      if (byte == '"' || byte == '\\') result += '\\';
      result += byte;
    }
    return result + '"';
  }
};

void expect(benchmark::State& state, size_t found, size_t hits) {
  if (found != hits) state.SkipWithError("wrong number of hits");
}

size_t count_bits(const std::vector<uint64_t>& bits) {
  size_t found = 0;
  for (uint64_t word : bits) found += static_cast<size_t>(__builtin_popcountll(word));
  return found;
}

void column(benchmark::State& state, const char* target, NeedleKind kind, size_t every, Match match) {
  force_target(target);
  const TextColumn text(kind.text, every, match);
  const PreparedNeedle needle(match, kind.letter_case, kind.text);
  std::vector<uint64_t> bits((kRows + 63) / 64);
  for (auto _ : state) {
    std::fill(bits.begin(), bits.end(), 0);
    needle.filter(text.offsets.data(), text.data.data(), kRows, bits.data());
    benchmark::ClobberMemory();
  }
  expect(state, count_bits(bits), text.hits);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.data.size()));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRows));
}

// Codes of a dictionary: the values are searched once a batch, the codes looked up.
void dictionary(benchmark::State& state, const char* target, NeedleKind kind, size_t every) {
  force_target(target);
  const TextColumn text(kind.text, every, Match::Has, true);
  const PreparedNeedle needle(Match::Has, kind.letter_case, kind.text);
  std::vector<uint64_t> bits((kRows + 63) / 64);
  for (auto _ : state) {
    std::fill(bits.begin(), bits.end(), 0);
    needle.filter(StringColumn{text.dictionary, kRows}, bits.data());
    benchmark::ClobberMemory();
  }
  expect(state, count_bits(bits), text.hits);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRows));
}

// Eight needles over a plain column, as has_any does; the hits are of the first.
void any(benchmark::State& state, const char* target, size_t every) {
  force_target(target);
  const TextColumn text(kNeedles[0].text, every, Match::Has);
  Condition condition;
  condition.patterns.push_back({Match::Has, Case::Ignored, kNeedles[0].text});
  for (const char* other : kOtherNeedles) condition.patterns.push_back({Match::Has, Case::Ignored, other});
  const ConditionSet needles({condition});
  std::vector<uint64_t> bits((kRows + 63) / 64);
  for (auto _ : state) {
    std::fill(bits.begin(), bits.end(), 0);
    needles.filter(StringColumn{text.plain, kRows}, bits.data());
    benchmark::ClobberMemory();
  }
  expect(state, count_bits(bits), text.hits);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.data.size()));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRows));
}

void by_row(benchmark::State& state, const char* target, NeedleKind kind, size_t every) {
  force_target(target);
  const TextColumn text(kind.text, every, Match::Has);
  const PreparedNeedle needle(Match::Has, kind.letter_case, kind.text);
  size_t found = 0;
  for (auto _ : state) {
    found = 0;
    for (size_t row = 0; row < kRows; ++row)
      found += needle.matches({text.data.data() + text.offsets[row],
                               static_cast<uint64_t>(text.offsets[row + 1] - text.offsets[row])});
    benchmark::DoNotOptimize(found);
  }
  expect(state, found, text.hits);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.data.size()));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRows));
}

void lines(benchmark::State& state, const char* target, const std::vector<Literal>& literals, size_t every) {
  force_target(target);
  const Archive archive(literals.front().text, every);
  const LineFilter filter({literals});
  const char* end = archive.data.data() + archive.data.size();
  Candidates found;
  for (auto _ : state) {
    filter.find_candidates(archive.data.data(), end, &found);
    benchmark::DoNotOptimize(found.lines().data());
  }
  expect(state, found.lines().size(), archive.hits);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * archive.data.size()));
}

void count(benchmark::State& state, const char* target) {
  force_target(target);
  const Archive archive("x", 0);
  size_t found = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(found =
                                 count_lines(archive.data.data(), archive.data.data() + archive.data.size()));
  expect(state, found, kLines);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * archive.data.size()));
}

// Quotes and lines of a buffer, and one step from quote to quote over all of it.
void json_index(benchmark::State& state, const char* target, size_t every) {
  force_target(target);
  const Archive archive("hit", every);
  JsonIndex index;
  const char* end = archive.data.data() + archive.data.size();
  for (auto _ : state) {
    index.build(archive.data.data(), end);
    benchmark::DoNotOptimize(index.lines().size());
  }
  expect(state, index.lines().size(), kLines + 1);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * archive.data.size()));
}

void register_rate(const std::string& target, const char* name, size_t rate) {
  const auto add = [&](const std::string& title, auto function, auto... args) {
    benchmark::RegisterBenchmark((title + "/" + kNames[rate]).c_str(), function, name, args..., kEvery[rate]);
  };
  for (const NeedleKind& kind : kNeedles) {
    for (const Operator& op : kOperators)
      benchmark::RegisterBenchmark((op.name + ("/" + target) + "/" + kind.name + "/" + kNames[rate]).c_str(),
                                   column, name, kind, kEvery[rate], op.match);
    add("row_has/" + target + "/" + kind.name, by_row, kind);
    add("dictionary/" + target + "/" + kind.name, dictionary, kind);
  }
  const std::vector<Literal> one = {{kNeedles[0].text, Case::Ignored}};
  std::vector<Literal> eight = one;
  for (const char* text : kOtherNeedles) eight.push_back({text, Case::Ignored});
  add("column_any/" + target + "/eight", any);
  add("lines/" + target + "/one", lines, one);
  add("lines/" + target + "/eight", lines, eight);
  add("json_index/" + target, json_index);
}

const bool registered = [] {
  for (const Kernels* target : available_targets()) {
    for (size_t rate = 0; rate < std::size(kNames); ++rate) register_rate(target->name, target->name, rate);
    benchmark::RegisterBenchmark((std::string("count_lines/") + target->name).c_str(), count, target->name);
  }
  return true;
}();

}  // namespace
}  // namespace kqlc::simd
