// SPDX-License-Identifier: Apache-2.0
//
// KeyTable: what to do at a key of a JSON object. In: the text at a key and the key before it. Out: an
// Action: the column it fills, what else it means. Keys come in the same order line after line, so a key is
// compared with the one that came after the same key the time before, and only then looked up. The names
// that make an object a wrapper or an envelope stand here, once for all readers.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/archive/json_text.h"

namespace kqlc::archive {

// Keys whose array holds the rows of an answer.
inline constexpr const char* kRowsKeys[] = {"records", "Results", "results", "value"};
// What may stand beside them; also what starts with `@odata.` or `$`. An object with any other key is a row.
inline constexpr std::string_view kAnswerKeys[] = {
    "records", "Results", "results",  "value",        "tables", "schema",     "Schema", "stats",
    "Stats",   "error",   "nextLink", "totalRecords", "count",  "statistics", "render", "dataSources"};
// An envelope is an object with both; its row is the object at the second.
inline constexpr const char* kCategoryKey = "category";
inline constexpr const char* kPropertiesKey = "properties";
// What a category of Defender's streaming API starts with; its table follows.
inline constexpr std::string_view kAdvancedHunting = "AdvancedHunting-";

enum class Special : uint8_t { None, Properties, Category, Time, Timestamp, Type, Rows, Tables };

struct Action {
  int32_t column = -1;
  Special special = Special::None;
};

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

// A key as it stands in text, ready to be compared with: `"Name":`.
class KeyLiteral {
 public:
  static constexpr size_t kMostBytes = 64;

  // Requires: fits(name).
  explicit KeyLiteral(std::string_view name) : name_(name), size_(name.size() + 3) {
    std::memcpy(bytes_, ("\"" + name_ + "\":").data(), size_);
    std::memset(mask_, 0xff, size_);
  }
  static bool fits(std::string_view name) { return name.size() + 3 <= kMostBytes; }

  const std::string& name() const { return name_; }
  size_t size() const { return size_; }

  // Requires: kMostBytes readable bytes at `text`.
  bool stands_at(const char* text) const {
    if (!agrees(text, 0)) return false;
    return size_ <= sizeof(Words) || agrees(text, sizeof(Words));
  }

 private:
  typedef uint64_t Words __attribute__((vector_size(kMostBytes / 2)));

  bool agrees(const char* text, size_t from) const {
    Words there, here, mask;
    std::memcpy(&there, text + from, sizeof(Words));
    std::memcpy(&here, bytes_ + from, sizeof(Words));
    std::memcpy(&mask, mask_ + from, sizeof(Words));
    there = (there ^ here) & mask;
    return (there[0] | there[1] | there[2] | there[3]) == 0;
  }

  std::string name_;
  size_t size_;
  char bytes_[kMostBytes] = {};
  char mask_[kMostBytes] = {};
};

class KeyTable {
 public:
  struct Key {
    KeyLiteral literal;
    Action action;
    uint32_t next = 0;  // the number of the key that came after it last time
    bool wanted() const { return action.column >= 0 || action.special != Special::None; }
  };

  // Number 0 is no key: a line cannot hold its name.
  KeyTable() { keys_.push_back({KeyLiteral("\n"), {}}); }
  void add_column(const std::string& name, int32_t column) { actions_[name].column = column; }
  void add_special(const std::string& name, Special special) { actions_[name].special = special; }

  // The key that came after key number `last` the time before; 0 stands before an object's first key.
  const Key& expected(uint32_t last) const { return keys_[keys_[last].next]; }
  uint32_t next(uint32_t last) const { return keys_[last].next; }

  // `raw` is what follows the key's opening quote; `end` is the end of the text. Sets *last to the key's
  // number.
  Action find(const char* raw, const char* end, uint32_t* last) {
    const Key& guess = expected(*last);
    const std::string& name = guess.literal.name();
    if (name.size() < static_cast<size_t>(end - raw) && raw[name.size()] == '"' &&
        !std::memcmp(raw, name.data(), name.size())) {
      *last = keys_[*last].next;
      return guess.action;
    }
    return look_up(raw, end, last);
  }

  // The same for a name without escapes; valid until the next look-up. nullptr for a name that is not kept,
  // because it is too long or one of too many.
  const Key* look_up(std::string_view name, uint32_t* last) {
    auto known = numbers_.find(name);
    if (known == numbers_.end() && (keys_.size() == kMostKeys || !KeyLiteral::fits(name))) return nullptr;
    uint32_t number = known == numbers_.end() ? add_key(name) : known->second;
    keys_[*last].next = number;
    *last = number;
    return &keys_[number];
  }

 private:
  static constexpr size_t kMostKeys = 4096;

  Action action_of(std::string_view name) const {
    auto found = actions_.find(name);
    return found == actions_.end() ? Action{} : found->second;
  }
  uint32_t add_key(std::string_view name) {
    auto number = static_cast<uint32_t>(keys_.size());
    keys_.push_back({KeyLiteral(name), action_of(name)});
    numbers_.emplace(name, number);
    return number;
  }

  Action look_up(const char* raw, const char* end, uint32_t* last) {
    const char* close = raw;
    bool escaped = false;
    for (; close < end && *close != '"'; ++close) {
      if (*close == '\\') escaped = true, ++close;
    }
    std::string key(raw, std::min(close, end) - raw);
    if (escaped) {
      int64_t size = unescape_json(std::string(key), key.data());
      key.resize(size < 0 ? 0 : size);
    }
    if (const Key* known = look_up(key, last)) return known->action;
    *last = 0;
    return action_of(key);
  }

  template <class Value>
  using Names = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;
  Names<Action> actions_;
  Names<uint32_t> numbers_;
  std::vector<Key> keys_;
};

}  // namespace kqlc::archive
