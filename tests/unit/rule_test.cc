// SPDX-License-Identifier: Apache-2.0
//
// Reading rule files. In: files as authors keep them, sound and hostile. Out: the exact query, its places in
// the file, the metadata and the diagnostics.
#include "compiler/rule/rule.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace kqlc::rule {
namespace {

struct Read {
  std::vector<Rule> rules;
  source::Diagnostics diagnostics;

  std::string codes() const {
    std::string out;
    for (const auto& diagnostic : diagnostics.all())
      out += std::string(source::code_info(diagnostic.code).name) + " ";
    return out;
  }
  std::string query() const { return rules.size() == 1 ? rules[0].source.query : "<not one rule>"; }
};

Read read(const std::string& path, const std::string& text) {
  Read out;
  out.rules = read_rules(path, text, out.diagnostics);
  return out;
}

// The text of the file at the place of `part` in the query.
std::string file_text_at(const Rule& rule, std::string_view part) {
  size_t at = rule.source.query.find(part);
  if (at == std::string::npos) return "<not in the query>";
  return rule.source.file_text.substr(rule.source.file_offset(static_cast<uint32_t>(at)), part.size());
}

TEST(Rule, BlockScalars) {
  EXPECT_EQ(read("a.yaml", "query: |\n  T\n  | take 1\n").query(), "T\n| take 1\n");
  EXPECT_EQ(read("a.yaml", "query: |\n  T\n  | take 1").query(), "T\n| take 1");
  EXPECT_EQ(read("a.yaml", "query: |-\n  T\n\n   | take 1\n\n").query(), "T\n\n | take 1");
  EXPECT_EQ(read("a.yaml", "query: |2\n    T\n  | take 1\nid: x\n").query(), "  T\n| take 1\n");
  EXPECT_EQ(read("a.yaml", "query: >\n  T\n  | take 1\n").query(), "T | take 1\n");
}

TEST(Rule, PlainAndQuotedScalars) {
  EXPECT_EQ(read("a.yaml", "query: T | take 1\n").query(), "T | take 1");
  EXPECT_EQ(read("a.yaml", "query: 'T | where a == ''b'''\n").query(), "T | where a == 'b'");
  EXPECT_EQ(read("a.yaml", "query: \"T\\n| where a == \\\"b\\\"\"\n").query(), "T\n| where a == \"b\"");
}

TEST(Rule, LineEndsAndByteOrderMark) {
  Read dos = read("a.yaml", "\xEF\xBB\xBFid: x\r\nquery: |\r\n  T\r\n  | take 1\r\n");
  EXPECT_EQ(dos.query(), "T\n| take 1\n");
  EXPECT_EQ(file_text_at(dos.rules.at(0), "take 1"), "take 1");
  EXPECT_EQ(dos.rules[0].id, "x");
  EXPECT_EQ(read("a.kql", "\xEF\xBB\xBFT\r\n| take 1\r\n").query(), "T\r\n| take 1\r\n");
}

TEST(Rule, PlacesPointIntoTheFile) {
  for (const char* text :
       {"id: x\nquery: |\n\n    first\n      | second\n\n    | third\n",
        "query: >\n  first\n  | second\n\n  | third\n", "query: first\n  | second\n  | third\n",
        "query: 'first ''a'' | second | third'\n", "query: \"first \\\"a\\\" \\x41 | second\\n| third\"\n",
        "query: |1\n   first\n  | second\n | third\n"}) {
    Read out = read("a.yaml", text);
    ASSERT_EQ(out.rules.size(), 1u) << text;
    for (const char* word : {"first", "second", "third"})
      EXPECT_EQ(file_text_at(out.rules[0], word), word) << text;
  }
}

TEST(Rule, Metadata) {
  Read out = read(
      "a.yaml",
      "id: i\nname: 'n: m'\nseverity: High\nqueryFrequency: 1h\ntactics: [A, B]\nrelevantTechniques: T1, T2\n"
      "requiredDataConnectors:\n  - connectorId: c\n    dataTypes: [X]\nquery: T\nversion: 1.0.0\n");
  ASSERT_EQ(out.rules.size(), 1u);
  const Rule& rule = out.rules[0];
  EXPECT_EQ(rule.id + rule.name + rule.severity + rule.query_frequency + rule.version, "in: mHigh1h1.0.0");
  EXPECT_EQ(rule.tactics, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(rule.techniques, (std::vector<std::string>{"T1", "T2"}));
  const Metadata* connectors = rule.metadata.find("requiredDataConnectors");
  ASSERT_TRUE(connectors && connectors->items.size() == 1);
  EXPECT_EQ(connectors->items[0].find("connectorId")->text, "c");
  EXPECT_EQ(rule.metadata.find("query"), nullptr);
}

TEST(Rule, KeyAsDeepAsTheDashIsRepaired) {
  Read out = read("a.yaml",
                  "id: i\nr:\n    - c: x\n    dataTypes:\n        - T\n        - U\n    - c: y\nquery: |\n  "
                  "- a\n  b: T\n");
  EXPECT_EQ(out.codes(), "K0003 ");
  EXPECT_EQ(out.query(), "- a\nb: T\n");
  EXPECT_EQ(file_text_at(out.rules.at(0), "b: T"), "b: T");
  const Metadata* list = out.rules[0].metadata.find("r");
  ASSERT_TRUE(list && list->items.size() == 2);
  EXPECT_EQ(list->items[0].find("dataTypes")->items.size(), 2u);
}

TEST(Rule, MergeKeysAreFollowed) {
  Read out = read("a.yaml",
                  "base: &base\n  id: base\n  severity: Low\n  query: |\n    T\n    | take 1\n"
                  "more: &more {severity: High, kind: Scheduled}\n"
                  "<<: [*base, *more]\nid: own\ntags: {<<: *more, kind: NRT}\n");
  EXPECT_EQ(out.codes(), "");
  EXPECT_EQ(out.query(), "T\n| take 1\n");
  const kqlc::rule::Rule& rule = out.rules.at(0);
  EXPECT_EQ(rule.id, "own");
  EXPECT_EQ(rule.severity, "Low");
  EXPECT_EQ(rule.kind, "Scheduled");
  EXPECT_EQ(file_text_at(rule, "take 1"), "take 1");
  const Metadata* tags = rule.metadata.find("tags");
  ASSERT_TRUE(tags && tags->items.size() == 2);
  EXPECT_EQ(tags->find("kind")->text, "NRT");
  EXPECT_EQ(tags->find("severity")->text, "High");
  // In quotes it is a key like others; what is no map cannot be merged.
  EXPECT_EQ(read("a.yaml", "'<<': x\nquery: T\n").codes(), "");
  EXPECT_EQ(read("a.yaml", "<<: x\nquery: T\n").codes(), "K0001 ");
  EXPECT_EQ(read("a.yaml", "<<: [{a: 1}, 2]\nquery: T\n").codes(), "K0001 ");
}

TEST(Rule, AKeyThatStandsTwiceIsRefused) {
  for (const char* text :
       {"id: a\nid: b\nquery: T\n", "query: T\ntags:\n  - {a: 1, a: 2}\n", "query: A\nquery: B\n"})
    EXPECT_EQ(read("a.yaml", text).codes(), "K0001 ") << text;
}

TEST(Rule, UnusableFilesAreRefused) {
  EXPECT_EQ(read("a.yaml", "id: [\n").codes(), "K0001 ");
  EXPECT_EQ(read("a.yaml", "id: x\n").codes(), "K0002 ");
  EXPECT_EQ(read("a.yaml", "query:\n  - T\n").codes(), "K0002 ");
  EXPECT_EQ(read("a.yaml", "query: |\n\n").codes(), "K0002 ");
  EXPECT_EQ(read("a.yaml", "").codes(), "K0001 ");
  EXPECT_EQ(read("a.kql", "// nothing\n").codes(), "K0002 ");
  EXPECT_EQ(read("a.md", "# Title\n").codes(), "K0002 ");
  EXPECT_EQ(read("a.kql", std::string("T\0", 2)).codes(), "K0001 ");
  EXPECT_EQ(read("a.kql", std::string(kMostFileBytes + 1, 'a')).codes(), "K0001 ");
}

TEST(Rule, TextThatIsNotUtf8IsRefused) {
  EXPECT_EQ(read("a.kql", "print '\xff'").codes(), "K0001 ");
  EXPECT_EQ(read("a.yaml", "name: \xc3\nquery: print 1\n").codes(), "K0001 ");
  EXPECT_EQ(read("a.kql", "print '\xc3\xa4'").codes(), "");
}

TEST(Rule, OneDocumentAFile) {
  EXPECT_EQ(read("a.yaml", "query: print 1\n---\nquery: print 2\n").codes(), "K0001 ");
  Read ended = read("a.yaml", "---\nquery: print 1\n---\n...\n");
  EXPECT_EQ(ended.codes(), "");
  EXPECT_EQ(ended.query(), "print 1");
}

TEST(Rule, HostileYamlIsBounded) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'p'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) bomb += std::string(i ? ",*" : "*") + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  EXPECT_EQ(read("a.yaml", bomb + "query: T\n").codes(), "K0001 ");
  EXPECT_EQ(read("a.yaml", "query: T\na: &a [*a]\n").codes(), "K0001 ");
  EXPECT_EQ(read("a.yaml", "query: T\na: &a {<<: *a}\n").codes(), "K0001 ");
  for (const char* first : {"{}", "{x: 1}"}) {
    std::string merges = "a: &a " + std::string(first) + "\n";
    for (char c = 'b'; c < 'p'; ++c) {
      merges += std::string(1, c) + ": &" + c + " {<<: [";
      for (int i = 0; i < 9; ++i) merges += std::string(i ? ",*" : "*") + static_cast<char>(c - 1);
      merges += "]}\n";
    }
    EXPECT_EQ(read("a.yaml", merges + "query: T\n").codes(), "K0001 ");
  }
  for (const char* unit : {"[", "{a: ", "- ", "? ", "&a ", "! "}) {
    std::string text;
    while (text.size() < 100000) text += unit;
    EXPECT_EQ(read("a.yaml", text).codes(), "K0001 ") << unit;
  }
}

TEST(Rule, MarkdownFences) {
  Read out = read("a.md",
                  "# One\n```KQL\nT\n```\ntext\n```json\n{}\n```\n## Two "
                  "##\n~~~~\nU\n```\n~~~~\n```C#\r\nV\r\n```\n```kql\nW");
  ASSERT_EQ(out.rules.size(), 4u);
  EXPECT_EQ(out.rules[0].source.query, "T\n");
  EXPECT_EQ(out.rules[0].name, "One");
  EXPECT_EQ(out.rules[1].source.query, "U\n```\n");
  EXPECT_EQ(out.rules[2].source.query, "V\r\n");
  EXPECT_EQ(out.rules[3].source.query, "W");
  EXPECT_EQ(out.rules[3].id, "a.md#4");
  EXPECT_EQ(file_text_at(out.rules[3], "W"), "W");
}

TEST(Rule, TextFilesOfSeveralQueriesAreCut) {
  Read one = read("a.kql", "let a = 1;\n\nT\n| where x == a\n");
  EXPECT_EQ(one.rules.size(), 1u);
  Read two = read("a.kql", "// title\n\n// first\n\nT\n| take 1\n\n// of the first\n\nU\n| take 2\n");
  ASSERT_EQ(two.rules.size(), 2u);
  EXPECT_EQ(two.rules[0].source.query, "// first\n\nT\n| take 1\n\n// of the first\n");
  EXPECT_EQ(two.rules[1].source.query, "U\n| take 2\n");
  EXPECT_EQ(file_text_at(two.rules[1], "U\n| take"), "U\n| take");
  Read wrong =
      read("a.kql", "T | where (\n\n) | where )\n");  // no part is KQL: one query, for the parser to refuse
  EXPECT_EQ(wrong.rules.size(), 1u);
}

TEST(Rule, ContentDecidesWhereTheNameDoesNot) {
  EXPECT_EQ(read("rule", "id: x\nquery: T\n").query(), "T");
  EXPECT_EQ(read("rule", "```\nT\n```\n").query(), "T\n");
  EXPECT_EQ(read("dir.yaml/rule", "T | take 1").query(), "T | take 1");
}

TEST(Rule, SeedIsReadExactly) {
  std::ifstream file(KQLC_SOURCE_DIR "/rules/hunting/rmm_DistantDesktop_createproc.yaml", std::ios::binary);
  Read out = read("seed.yaml", {std::istreambuf_iterator<char>(file), {}});
  ASSERT_EQ(out.rules.size(), 1u);
  EXPECT_EQ(out.codes(), "");
  EXPECT_EQ(out.rules[0].id, "cbc0887e-d1df-4a33-bef6-4794539d8ecb");
  EXPECT_EQ(out.rules[0].techniques, std::vector<std::string>{"T1219"});
  EXPECT_TRUE(out.rules[0].source.query.starts_with(
      "let Time_start = now(-5d);\nlet Time_end = now();\n//\nDeviceProcessEvents \n"));
  EXPECT_EQ(file_text_at(out.rules[0], "has 'Distant Desktop'"), "has 'Distant Desktop'");
}

}  // namespace
}  // namespace kqlc::rule
