// SPDX-License-Identifier: Apache-2.0
//
// The speed of the SIMD search on each target of this CPU: target x kind of needle x how often it hits. In:
// texts made here, the same on every run. Out: bytes a second (and rows, or lines, a second). Names read
// column_has/<target>/<needle>/<hits>, row_has/..., lines/..., fields/<target>; hits never, rare (1 row in
// 1,000), common (1 in 2). Every result is checked against the number of hits put in.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "runtime/simd/json_fields.h"
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

// A plain string column with the needle in every n-th row.
struct TextColumn {
  std::string data;
  std::vector<int32_t> offsets{0};
  size_t hits = 0;

  TextColumn(const char* needle, size_t every) {
    std::mt19937 random(7);
    for (size_t row = 0; row < kRows; ++row) {
      data += command_line(random);
      if (every && row % every == every / 2) {
        data.append(needle).push_back(' ');
        ++hits;
      }
      offsets.push_back(static_cast<int32_t>(data.size()));
    }
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

void column(benchmark::State& state, const char* target, NeedleKind kind, size_t every, Match match) {
  force_target(target);
  const TextColumn text(kind.text, every);
  const PreparedNeedle needle(match, kind.letter_case, kind.text);
  std::vector<uint64_t> bits((kRows + 63) / 64);
  for (auto _ : state) {
    std::fill(bits.begin(), bits.end(), 0);
    needle.filter(text.offsets.data(), text.data.data(), kRows, bits.data());
    benchmark::ClobberMemory();
  }
  size_t found = 0;
  for (uint64_t word : bits) found += static_cast<size_t>(__builtin_popcountll(word));
  expect(state, found, text.hits);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.data.size()));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRows));
}

void by_row(benchmark::State& state, const char* target, NeedleKind kind, size_t every) {
  force_target(target);
  const TextColumn text(kind.text, every);
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
  size_t found = 0;
  for (auto _ : state) {
    found = 0;
    for (const char* pos = archive.data.data(); pos != end; ++found) {
      const Line line = filter.next_candidate(pos, end);
      if (!line.begin) break;
      pos = line.end + 1;
    }
    benchmark::DoNotOptimize(found);
  }
  expect(state, found, archive.hits);
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

void fields(benchmark::State& state, const char* target) {
  force_target(target);
  const Archive archive("x", 0);
  const FieldKey keys[] = {{"", "time"}, {"properties", "Name"}, {"properties", "Field3"}};
  std::string_view values[3];
  FieldIndex index;
  size_t found = 0;
  const char* end = archive.data.data() + archive.data.size();
  for (auto _ : state) {
    found = 0;
    for (const char* pos = archive.data.data(); pos != end;) {
      const char* stop = line_end(pos, end);
      const std::string_view line(pos, static_cast<size_t>(stop - pos));
      found += find_fields(line, keys, values, index) == FieldScan::Done && values[1] == "\"none\"";
      pos = stop + 1;
    }
  }
  expect(state, found, kLines);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * archive.data.size()));
}

void register_target(const std::string& target, const char* name) {
  const auto add = [&](const std::string& title, auto function, auto... args) {
    benchmark::RegisterBenchmark(title.c_str(), function, name, args...);
  };
  for (size_t rate = 0; rate < 3; ++rate) {
    for (const NeedleKind& kind : kNeedles) {
      const std::string rest = target + "/" + kind.name + "/" + kNames[rate];
      add("column_has/" + rest, column, kind, kEvery[rate], Match::Has);
      add("row_has/" + rest, by_row, kind, kEvery[rate]);
    }
    const std::vector<Literal> one = {{"Distant Software", Case::Ignored}};
    std::vector<Literal> many = one;
    for (const char* text :
         {"AnyDesk", "TeamViewer", "ScreenConnect", "Atera", "RustDesk", "mimikatz", "Splashtop"})
      many.push_back({text, Case::Ignored});
    add("lines/" + target + "/one/" + kNames[rate], lines, one, kEvery[rate]);
    add("lines/" + target + "/eight/" + kNames[rate], lines, many, kEvery[rate]);
  }
  add("column_equals/" + target + "/word/never", column, kNeedles[0], size_t{0}, Match::Equals);
  add("count_lines/" + target, count);
  add("fields/" + target, fields);
}

const bool registered = [] {
  for (const Kernels* target : available_targets()) register_target(target->name, target->name);
  return true;
}();

}  // namespace
}  // namespace kqlc::simd
