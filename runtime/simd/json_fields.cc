// SPDX-License-Identifier: Apache-2.0
//
// Walks the structural index of one line. Strings are two quotes in the index, so a value is skipped in a few
// steps whatever it holds. Where the index does not read like an object of plain keys, the line goes to the
// full parser.
#include "runtime/simd/json_fields.h"

#include "runtime/base/check.h"
#include "runtime/simd/targets.h"

namespace kqlc::simd {

namespace {

bool is_space(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

// One pass over the index of a line. Every step returns false for what the full parser has to decide.
class FieldWalker {
 public:
  FieldWalker(std::string_view line, const std::vector<uint32_t>& offsets, size_t num_offsets,
              std::span<const FieldKey> keys, std::span<std::string_view> values)
      : line_(line), offsets_(offsets), num_offsets_(num_offsets), keys_(keys), values_(values) {}

  bool walk() {
    if (token() != '{' || skip_space(0) != place()) return false;
    if (!walk_object("", true)) return false;
    return next_ == num_offsets_ && skip_space(after_) == line_.size();
  }

 private:
  // The structural byte in hand, 0 at the end, and where it stands.
  char token() const { return next_ < num_offsets_ ? line_[offsets_[next_]] : '\0'; }
  size_t place() const { return next_ < num_offsets_ ? offsets_[next_] : line_.size(); }
  void advance() { after_ = offsets_[next_++] + size_t{1}; }

  size_t skip_space(size_t at) const {
    while (at < line_.size() && is_space(line_[at])) ++at;
    return at;
  }

  // Reads a string whose opening quote is in hand; `text` is what lies between the quotes.
  bool walk_string(std::string_view* text) {
    const size_t begin = place() + 1;
    advance();
    if (token() != '"') return false;
    *text = line_.substr(begin, place() - begin);
    advance();
    return true;
  }

  // Skips an object or array whose opening bracket is in hand.
  bool skip_nested() {
    size_t depth = 0;
    do {
      const char byte = token();
      if (byte == '\0') return false;
      if (byte == '{' || byte == '[') ++depth;
      if (byte == '}' || byte == ']') --depth;
      advance();
    } while (depth);
    return true;
  }

  // Reads members up to the closing brace; the opening one is in hand. Only the line's own object is `top`.
  bool walk_object(std::string_view parent, bool top) {
    advance();
    if (token() == '}' && skip_space(after_) == place()) {
      advance();
      return true;
    }
    for (;;) {
      if (token() != '"' || skip_space(after_) != place()) return false;
      std::string_view key;
      if (!walk_string(&key) || key.find('\\') != std::string_view::npos) return false;
      if (token() != ':' || skip_space(after_) != place()) return false;
      advance();
      if (!walk_value(parent, key, top) || skip_space(after_) != place()) return false;
      const char delimiter = token();
      if (delimiter != ',' && delimiter != '}') return false;
      advance();
      if (delimiter == '}') return true;
    }
  }

  // Reads the value after a colon and keeps it when it is wanted; after_ is its end.
  bool walk_value(std::string_view parent, std::string_view key, bool top) {
    const size_t begin = skip_space(after_);
    if (begin == line_.size()) return false;
    const char first = line_[begin];
    std::string_view text;
    if (first == '"') {
      if (!walk_string(&text)) return false;
    } else if (first == '{' && top && is_parent(key)) {
      if (!note_parent(key) || !walk_object(key, false)) return false;
    } else if (first == '{' || first == '[') {
      if (!skip_nested()) return false;
    } else {
      size_t end = place();
      while (end > begin && is_space(line_[end - 1])) --end;
      if (end == begin) return false;
      after_ = end;
    }
    if (top && first != '{' && is_parent(key) && !note_parent(key)) return false;
    return keep(parent, key, line_.substr(begin, after_ - begin));
  }

  bool is_parent(std::string_view key) const {
    for (const FieldKey& wanted : keys_)
      if (!wanted.parent.empty() && wanted.parent == key) return true;
    return false;
  }

  // False when the parent has been seen before: which of the two counts is the parser's to say.
  bool note_parent(std::string_view key) {
    for (std::string_view seen : parents_)
      if (seen == key) return false;
    parents_.push_back(key);
    return true;
  }

  bool keep(std::string_view parent, std::string_view key, std::string_view value) {
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (keys_[i].name != key || keys_[i].parent != parent) continue;
      if (values_[i].data()) return false;
      values_[i] = value;
    }
    return true;
  }

  std::string_view line_;
  const std::vector<uint32_t>& offsets_;
  size_t num_offsets_;
  std::span<const FieldKey> keys_;
  std::span<std::string_view> values_;
  std::vector<std::string_view> parents_;
  size_t next_ = 0;
  size_t after_ = 0;  // where the text goes on after what has been read
};

}  // namespace

FieldScan find_fields(std::string_view line, std::span<const FieldKey> keys,
                      std::span<std::string_view> values, FieldIndex& index) {
  KQLC_CHECK(keys.size() == values.size(), "one value a key");
  for (std::string_view& value : values) value = {};
  if (line.empty() || line.size() > UINT32_MAX) return FieldScan::NeedsParse;
  if (index.offsets.size() < line.size()) index.offsets.resize(line.size());
  JsonState state{};
  const size_t count =
      kernels().json_index(line.data(), line.data() + line.size(), &state, index.offsets.data());
  if (state.in_string) return FieldScan::NeedsParse;
  if (FieldWalker(line, index.offsets, count, keys, values).walk()) return FieldScan::Done;
  for (std::string_view& value : values) value = {};
  return FieldScan::NeedsParse;
}

}  // namespace kqlc::simd
