// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/rules.h"

#include <cstdio>

namespace kqlc::differential {

namespace {

constexpr const char* kTexts[] = {"Name", "Path", "Text"};

// A KQL string literal.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) {
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (c == '\'' || c == '\\') out += '\\';
    out += control ? escape : std::string(1, c);
  }
  return out + "'";
}

std::string letters_of(std::string text, bool upper) {
  for (char& c : text)
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

std::string needle(Random& random) {
  std::string text = random.pick(kEventWords);
  if (random.chance(20)) text += (random.chance(70) ? " " : "-") + random.pick(kEventWords);
  return quoted(letters_of(text, random.chance(25)));
}

std::string needles(Random& random) {
  std::string list;
  for (size_t left = 1 + random.below(random.chance(10) ? 50 : 5); left; --left)
    list += (list.empty() ? "" : ", ") + needle(random);
  return "(" + list + ")";
}

std::string text_condition(Random& random, const std::string& column) {
  static constexpr const char* kOperators[] = {"has",       "contains",  "startswith", "endswith",
                                               "hasprefix", "hassuffix", "has",        "contains"};
  static constexpr const char* kLists[] = {"in", "in~", "!in", "has_any", "has_any", "has_all"};
  static constexpr const char* kEqual[] = {"==", "=~", "!=", "!~"};
  static constexpr const char* kPatterns[] = {
      R"(@'(?i)dist[a-z]+\s+desk')", R"(@'cmd\.exe$')",   R"('é|中文')", R"(@'^\S+ remote access')",
      R"(@'\\System32\\')",          R"(@'(?i)ünïcode')", R"(@'^$')",    R"(@'https?://x\.example/')"};
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return column + " " + (random.chance(15) ? "!" : "") + random.pick(kOperators) +
             (random.chance(25) ? "_cs " : " ") + needle(random);
    case 4:
      return column + " " + random.pick(kEqual) + " " + needle(random);
    case 5:
    case 6:
      return column + " " + random.pick(kLists) + " " + needles(random);
    default:
      return column + " matches regex " + random.pick(kPatterns);
  }
}

std::string condition(Random& random) {
  static constexpr const char* kOthers[] = {
      "Id % 3 == 1",      "Timestamp > datetime(2026-03-05)", "strlen(Text) > 20", "isnotempty(Name)",
      "Extra.n == 1",     "tolower(Path) contains 'desktop'", "Name == Text",      "isnull(Timestamp)",
      "Path !has 'null'", "tostring(Extra.cmd) == ''",        "'kernel' == Name",  "Name in (Path, 'true')"};
  switch (random.below(12)) {
    case 0:
    case 1:
      return random.pick(kOthers);
    case 2:
      return text_condition(random, random.chance(50) ? "tostring(Extra.cmd)" : "tostring(Extra)");
    default:
      return text_condition(random, random.pick(kTexts));
  }
}

}  // namespace

std::string make_rule(Random& random) {
  static constexpr const char* kEnds[] = {"project Id, Name, Text",
                                          "project Id, Path, Extra, Timestamp",
                                          "project Id, Name, Path, Text",
                                          "take 7 | project Id, Text",
                                          "top 5 by Id desc | project Id, Name",
                                          "summarize Rows = count(), First = min(Id) by Path",
                                          "summarize make_set(Name), dcount(Text)",
                                          "distinct Name",
                                          "count"};
  std::string where = condition(random);
  for (size_t left = random.below(3); left; --left) where += " and " + condition(random);
  if (random.chance(25)) where = "(" + where + ") or " + text_condition(random, random.pick(kTexts));
  if (random.chance(10)) where = "not(" + where + ")";
  if (random.chance(15)) where += " | where " + condition(random);
  return std::string(kEventTable) + " | where " + where + " | " + random.pick(kEnds);
}

}  // namespace kqlc::differential
