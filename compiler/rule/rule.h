// SPDX-License-Identifier: Apache-2.0
//
// Rule files. In: a file as its author keeps it: Azure-Sentinel YAML, Markdown with KQL fences, or plain KQL.
// Out: its rules, each with the exact query text, the place in the file that every byte of it comes from, and
// the metadata. One idea: a query is never edited, only found; what YAML folds or unescapes is undone for
// places by the runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/source/diagnostic.h"

namespace kqlc::rule {

// A node of a rule's metadata, as YAML gave it.
struct Metadata {
  enum class Kind { Null, Scalar, List, Map };
  Kind kind = Kind::Null;
  std::string key;              // in a map; "" in a list
  std::string text;             // of a scalar
  std::vector<Metadata> items;  // of a list or map, in the order of the file

  // Returns the item with this key, or nullptr.
  const Metadata* find(std::string_view name) const;
};

struct Rule {
  source::SourceFile source;  // path, file text, query, runs
  // YAML: the scalar fields as text, "" where absent. Else id is "<path>#<n>", "" for the only query of a
  // file, and name the heading or the stem.
  std::string id, name, kind, severity, description, query_frequency, query_period, trigger_operator,
      trigger_threshold, version;
  std::vector<std::string> tactics, techniques;  // lists, or a comma-separated scalar
  Metadata metadata;                             // all other top-level keys, as a map
};

// Larger files, and pages with more queries, are refused: each rule holds its file.
inline constexpr size_t kMostFileBytes = 1 << 20;
inline constexpr size_t kMostRules = 250;

// Reads all rules of a file. The format follows the extension (.yaml .yml, .md .markdown, .kql .csl .txt),
// for other names the content. Reports K0001 (unreadable), K0002 (no query), K0003 (read, though broken). The
// spans of these are offsets into the file: render them with `whole_file`.
std::vector<Rule> read_rules(const std::string& path, std::string text, source::Diagnostics& diagnostics);

// The file as a source whose query is the file itself.
source::SourceFile whole_file(const std::string& path, const std::string& text);

// Readers of one format each; `text` is the file with its byte order mark.
std::vector<Rule> read_yaml(const std::string& path, const std::string& text,
                            source::Diagnostics& diagnostics);
std::vector<Rule> read_markdown(const std::string& path, const std::string& text,
                                source::Diagnostics& diagnostics);
std::vector<Rule> read_kql(const std::string& path, const std::string& text,
                           source::Diagnostics& diagnostics);

// Cuts [begin, end) of `text` into queries: one, or, where that is no KQL but most of the pieces between
// blank lines are, these pieces. Pieces of comments alone are dropped.
std::vector<source::Span> cut_queries(std::string_view text, source::Span part);

// Length of the UTF-8 byte order mark at the start: 3 or 0.
uint32_t mark_length(std::string_view text);
// File name without folders and extension.
std::string file_stem(std::string_view path);
// A rule of plain text: [begin, end) of the file is the query.
Rule plain_rule(const std::string& path, const std::string& text, source::Span part, size_t number);

}  // namespace kqlc::rule
