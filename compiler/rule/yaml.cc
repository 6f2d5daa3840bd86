// SPDX-License-Identifier: Apache-2.0
//
// Rules in Azure-Sentinel YAML. In: the file. Out: one rule. yaml-cpp reads; its exceptions end here, and
// what it gives is copied into a bounded tree, so that aliases cannot multiply it. Lines end in one newline
// for YAML; `Text` keeps where each line of the cleaned text comes from, and `Alignment` walks the query and
// the file side by side to find the places. A file that YAML refuses because a key stands as deep as the dash
// before it is read once more with such keys moved in.
#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "compiler/rule/rule.h"

namespace kqlc::rule {

using source::Code;
using source::Span;

namespace {

constexpr size_t kMostNodes = 20000;
constexpr size_t kMostDepth = 64;

// The file as YAML sees it, and for each line where it begins: (offset here, offset in the file).
struct Text {
  std::string clean;
  std::vector<std::pair<uint32_t, uint32_t>> lines;

  uint32_t file_offset(size_t offset) const {
    auto after =
        std::upper_bound(lines.begin(), lines.end(), std::pair(static_cast<uint32_t>(offset), UINT32_MAX));
    if (after == lines.begin()) return static_cast<uint32_t>(offset);
    --after;
    return after->second + static_cast<uint32_t>(offset - after->first);
  }
};

size_t indent_of(std::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }

// Recognises the lines of block scalars, which no repair may touch.
class BlockScalars {
 public:
  // True where the line belongs to the text of a block scalar.
  bool take(std::string_view line) {
    size_t indent = indent_of(line);
    bool blank = line.find_first_not_of(" \t") == std::string_view::npos;
    if (inside_ && (blank || indent > parent_)) return true;
    inside_ = false;
    size_t mark = line.find_last_of("|>");
    if (blank || mark == std::string_view::npos || mark < 2) return false;
    bool header = line.find_first_not_of("+-0123456789 \t", mark + 1) == std::string_view::npos;
    size_t before = line.find_last_not_of(" \t", mark - 1);
    inside_ = header && before != std::string_view::npos && line[before] == ':';
    parent_ = indent;
    return false;
  }

 private:
  bool inside_ = false;
  size_t parent_ = 0;
};

// Moves keys that stand as deep as the dash of the list item before them to where they belong.
class Repair {
 public:
  // Returns how many blanks the line has to be moved in.
  size_t take(std::string_view line) {
    if (scalars_.take(line)) return 0;
    size_t indent = indent_of(line);
    if (indent == line.size() || line[indent] == '#') return 0;
    if (line.substr(indent).starts_with("- ")) {
      dash_ = moved_ && indent > key_ ? dash_ : std::optional(indent);
      if (dash_ == indent) moved_ = false;
      return 0;
    }
    if (dash_ && indent < *dash_) dash_.reset(), moved_ = false;
    bool key = line.find(':', indent) != std::string_view::npos;
    if (!dash_ || indent != *dash_ || !key || indent == 0) return 0;
    moved_ = true;
    key_ = indent;
    ++count;
    return 2;
  }
  size_t count = 0;

 private:
  BlockScalars scalars_;
  std::optional<size_t> dash_;  // depth of the last list item
  bool moved_ = false;          // a key was moved; deeper dashes are its own
  size_t key_ = 0;
};

// Drops the byte order mark and makes each line end one newline. With `repair`, moves keys.
Text clean_text(std::string_view file, Repair* repair) {
  Text out;
  for (size_t begin = mark_length(file); begin < file.size();) {
    size_t end = std::min(file.find_first_of("\r\n", begin), file.size());
    size_t next = std::min(end + (file.substr(end).starts_with("\r\n") ? 2 : 1), file.size());
    std::string_view line = file.substr(begin, end - begin);
    size_t blanks = repair ? repair->take(line) : 0;
    out.clean.append(blanks, ' ');
    out.lines.emplace_back(out.clean.size(), begin);
    out.clean.append(line);
    if (end < file.size()) out.clean += '\n';
    begin = next;
  }
  return out;
}

// Finds for each byte of a scalar's value its place in the text, by walking both.
class Alignment {
 public:
  Alignment(const Text& text, std::string_view value, size_t start)
      : text_(text), value_(value), at_(start) {}

  std::vector<std::pair<uint32_t, uint32_t>> find() {
    skip_header();
    for (size_t i = 0; i < value_.size() && at_ < text_.clean.size(); ++i) take(i);
    return std::move(runs_);
  }

 private:
  char here() const { return at_ < text_.clean.size() ? text_.clean[at_] : '\0'; }

  void skip_header() {
    char first = here();
    if (first == '|' || first == '>') {
      at_ = std::min(text_.clean.find('\n', at_), text_.clean.size());
      if (at_ < text_.clean.size()) ++at_;
      enter_block();
    } else if (first == '\'' || first == '"') {
      quote_ = first;
      ++at_;
    }
  }

  // Learns the depth of a block scalar: that of its first line with text.
  void enter_block() {
    block_ = true;
    size_t line = at_;
    while (line < text_.clean.size()) {
      size_t end = std::min(text_.clean.find('\n', line), text_.clean.size());
      indent_ = std::min(text_.clean.find_first_not_of(' ', line), end) - line;
      if (line + indent_ < end) break;
      line = end + 1;
    }
    size_t spaces = value_.find_first_not_of(" \n");  // with a depth indicator, text may begin with blanks
    size_t last = spaces == std::string_view::npos ? spaces : value_.find_last_of('\n', spaces);
    if (spaces != std::string_view::npos) spaces -= last == std::string_view::npos ? 0 : last + 1;
    if (spaces != std::string_view::npos && spaces <= indent_) indent_ -= spaces;
    skip_indent();
  }

  void skip_indent() {
    if (block_) {
      for (size_t n = 0; n < indent_ && here() == ' '; ++n) ++at_;
    } else {
      while (here() == ' ' || here() == '\t') ++at_;
    }
  }

  void take(size_t i) {
    if (value_[i] != here()) {
      if (value_[i] == ' ' || here() == '\n') skip_fold(value_[i]);
      if (quote_ == '"' && here() == '\\') return take_escape(i);
    }
    note(i);
    if (value_[i] == here() || value_[i] == '\n') advance(i);
  }

  // A line break that became a blank, or nothing.
  void skip_fold(char value) {
    if (value == ' ' && here() == '\n') return;
    while (here() == '\n') {
      ++at_;
      skip_indent();
    }
  }

  void take_escape(size_t i) {
    note(i);
    static constexpr std::string_view kLong = "xuU";
    size_t kind = kLong.find(at_ + 1 < text_.clean.size() ? text_.clean[at_ + 1] : ' ');
    size_t length = kind == std::string_view::npos ? 2 : kind == 0 ? 4 : kind == 1 ? 6 : 10;
    at_ = std::min(at_ + length, text_.clean.size());
  }

  void advance(size_t i) {
    bool line_end = here() == '\n';
    bool doubled =
        quote_ == '\'' && here() == '\'' && at_ + 1 < text_.clean.size() && text_.clean[at_ + 1] == '\'';
    if (here() == value_[i] || line_end) at_ += doubled ? 2 : 1;
    if (line_end) skip_indent();
  }

  void note(size_t i) {
    uint32_t place = text_.file_offset(at_);
    if (runs_.empty() || runs_.back().second + (i - runs_.back().first) != place)
      runs_.emplace_back(static_cast<uint32_t>(i), place);
  }

  const Text& text_;
  std::string_view value_;
  size_t at_;
  char quote_ = 0;
  bool block_ = false;
  size_t indent_ = 0;
  std::vector<std::pair<uint32_t, uint32_t>> runs_;
};

struct Failure {
  std::string message;
  size_t offset = 0;  // in the clean text
  size_t size = 1;
};

size_t place_of(const YAML::Node& node) { return static_cast<size_t>(std::max(0, node.Mark().pos)); }

// Copies yaml-cpp's graph into a tree of bounded size and depth.
class TreeCopy {
 public:
  struct Entry {
    std::string key;  // "" where it is no scalar
    YAML::Node value;
  };

  std::optional<Failure> copy(const YAML::Node& from, Metadata& to, size_t depth = kMostDepth) {
    if (depth == 0 || left_ == 0) return too_large();
    --left_;
    if (from.IsScalar()) {
      to.kind = Metadata::Kind::Scalar;
      to.text = from.Scalar();
      left_ -= std::min(left_, to.text.size() / 4096);  // long texts cost as many nodes as they are large
    } else if (from.IsSequence()) {
      to.kind = Metadata::Kind::List;
      for (const auto& item : from)
        if (auto failure = copy(item, to.items.emplace_back(), depth - 1)) return failure;
    } else if (from.IsMap()) {
      to.kind = Metadata::Kind::Map;
      std::vector<Entry> entries;
      if (auto failure = list_entries(from, depth, entries)) return failure;
      for (const Entry& entry : entries) {
        Metadata& child = to.items.emplace_back();
        child.key = entry.key;
        if (auto failure = copy(entry.value, child, depth - 1)) return failure;
      }
    }
    return std::nullopt;
  }

  // Lists the entries of a map: its own, then those that `<<` merges under keys that are not there yet. A key
  // of its own that stands twice is a failure. Source: "Merge Key Language-Independent Type for YAML 1.1".
  std::optional<Failure> list_entries(const YAML::Node& map, size_t depth, std::vector<Entry>& out) {
    std::unordered_set<std::string> keys;
    std::vector<YAML::Node> merged;
    for (const auto& item : map) {
      std::string key = item.first.IsScalar() ? item.first.Scalar() : "";
      if (key == "<<" && item.first.Tag() == kPlainTag) {
        if (!list_merged(item.second, merged))
          return Failure{"`<<` takes a map or a list of maps", place_of(item.first), key.size()};
        continue;
      }
      if (!key.empty() && !keys.insert(key).second)
        return Failure{fmt::format("the key `{}` is there more than once", key), place_of(item.first),
                       key.size()};
      out.push_back({std::move(key), item.second});
    }
    for (const YAML::Node& source : merged) {
      if (depth == 0 || entries_left_ == 0) return too_large();
      std::vector<Entry> entries;
      if (auto failure = list_entries(source, depth - 1, entries)) return failure;
      entries_left_ -= std::min(entries_left_, entries.size() + 1);
      for (Entry& entry : entries)
        if (keys.insert(entry.key).second) out.push_back(std::move(entry));
    }
    return std::nullopt;
  }

 private:
  static constexpr std::string_view kPlainTag = "?";  // yaml-cpp's for what has neither a tag nor quotes

  static bool list_merged(const YAML::Node& value, std::vector<YAML::Node>& out) {
    if (value.IsMap()) return out.push_back(value), true;
    if (!value.IsSequence()) return false;
    for (const auto& item : value) {
      if (!item.IsMap()) return false;
      out.push_back(item);
    }
    return true;
  }
  static Failure too_large() {
    return {fmt::format("the file has more than {} values or {} levels", kMostNodes, kMostDepth)};
  }

  size_t left_ = kMostNodes;
  size_t entries_left_ = kMostNodes;  // that are merged
};

struct Loaded {
  Metadata tree;
  size_t query_mark = 0;  // offset in the clean text
};

// Reads the one document, empty ones not counted; the only place where yaml-cpp is called.
std::optional<Failure> load(const Text& text, Loaded& out) {
  try {
    std::vector<YAML::Node> documents = YAML::LoadAll(text.clean);
    std::erase_if(documents, [](const YAML::Node& document) { return document.IsNull(); });
    if (documents.size() > 1) return Failure{"a rule file holds one YAML document", place_of(documents[1])};
    YAML::Node root = documents.empty() ? YAML::Node() : documents[0];
    if (!root.IsMap()) return Failure{"the file is no YAML map of rule fields"};
    if (auto failure = TreeCopy().copy(root, out.tree)) return failure;
    std::vector<TreeCopy::Entry> entries;
    if (auto failure = TreeCopy().list_entries(root, kMostDepth, entries)) return failure;
    for (const TreeCopy::Entry& entry : entries)
      if (entry.key == "query") out.query_mark = place_of(entry.value);
    return std::nullopt;
  } catch (const YAML::DeepRecursion& error) {
    return Failure{"nested too deeply", static_cast<size_t>(std::max(0, error.mark.pos))};
  } catch (const YAML::Exception& error) {
    return Failure{error.msg, static_cast<size_t>(std::max(0, error.mark.pos))};
  } catch (const std::exception& error) {
    return Failure{error.what(), 0};
  }
}

std::string trimmed(std::string_view text) {
  size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\n") + 1 - first));
}

std::vector<std::string> words_of(const Metadata& node) {
  std::vector<std::string> words;
  if (node.kind == Metadata::Kind::Scalar)
    for (std::string_view rest = node.text; !rest.empty();) {
      size_t comma = std::min(rest.find(','), rest.size());
      if (std::string word = trimmed(rest.substr(0, comma)); !word.empty()) words.push_back(word);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  for (const Metadata& item : node.items)
    if (item.kind == Metadata::Kind::Scalar) words.push_back(item.text);
  return words;
}

struct Field {
  std::string_view key;
  std::string Rule::* member;
};
constexpr Field kFields[] = {{"id", &Rule::id},
                             {"name", &Rule::name},
                             {"kind", &Rule::kind},
                             {"severity", &Rule::severity},
                             {"description", &Rule::description},
                             {"queryFrequency", &Rule::query_frequency},
                             {"queryPeriod", &Rule::query_period},
                             {"triggerOperator", &Rule::trigger_operator},
                             {"triggerThreshold", &Rule::trigger_threshold},
                             {"version", &Rule::version}};

// Puts the fields of the tree into the rule; what has no member of its own stays metadata.
void fill(Rule& rule, Metadata& tree) {
  rule.metadata.kind = Metadata::Kind::Map;
  for (Metadata& item : tree.items) {
    auto field = std::find_if(std::begin(kFields), std::end(kFields),
                              [&](const Field& f) { return f.key == item.key; });
    if (item.key == "query") {
      rule.source.query = std::move(item.text);
    } else if (item.key == "tactics") {
      rule.tactics = words_of(item);
    } else if (item.key == "relevantTechniques") {
      rule.techniques = words_of(item);
    } else if (field != std::end(kFields) && item.kind == Metadata::Kind::Scalar) {
      rule.*(field->member) = std::move(item.text);
    } else {
      rule.metadata.items.push_back(std::move(item));
    }
  }
}

}  // namespace

namespace {

// The way out of what authors get wrong most often; yaml-cpp's words alone do not show it.
std::string yaml_hint(std::string_view message) {
  if (message.find("block scalar") != message.npos || message.find("end of map not found") != message.npos)
    return "every line of the query stands deeper than the word `query:`";
  if (message.find("illegal map value") != message.npos)
    return "a text that holds `: ` needs quotes; a query is best a block: `query: |`";
  if (message.find("illegal tab") != message.npos) return "indent with blanks";
  return "";
}

}  // namespace

std::vector<Rule> read_yaml(const std::string& path, const std::string& file,
                            source::Diagnostics& diagnostics) {
  Text text = clean_text(file, nullptr);
  Loaded loaded;
  if (std::optional<Failure> failure = load(text, loaded)) {
    uint32_t place = text.file_offset(failure->offset);
    Repair repair;
    text = clean_text(file, &repair);
    loaded = {};
    if (repair.count == 0 || load(text, loaded)) {
      uint32_t end = place + static_cast<uint32_t>(failure->size);
      diagnostics.add(Code::K0001, {place, end}, "this cannot be read as YAML: " + failure->message,
                      yaml_hint(failure->message));
      return {};
    }
    diagnostics.add(Code::K0003, {place, place + 1}, "a key stands as deep as the dash before it",
                    "indent the key two blanks more");
  }
  const Metadata* query = loaded.tree.find("query");
  if (!query || query->kind != Metadata::Kind::Scalar || trimmed(query->text).empty()) {
    diagnostics.add(Code::K0002, {0, 0}, "the rule has no text under `query:`");
    return {};
  }
  Rule rule;
  rule.source.path = path;
  rule.source.file_text = file;
  fill(rule, loaded.tree);
  rule.source.runs = Alignment(text, rule.source.query, loaded.query_mark).find();
  std::vector<Rule> rules;
  rules.push_back(std::move(rule));
  return rules;
}

}  // namespace kqlc::rule
