// SPDX-License-Identifier: Apache-2.0
//
// KeyTable: what to do at a key of a JSON object. In: the text at a key and the key before it. Out: an
// Action: the column it fills, what else it means. Keys come in the same order line after line, so a key is
// compared with the one that came after the same key the time before, and only then looked up. The names
// that make an object a wrapper or an envelope stand here, once for all readers.
#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

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
  explicit KeyLiteral(std::string_view name) : size_(name.size() + 3), name_(name) {
    std::memcpy(bytes_, ("\"" + name_ + "\":").data(), size_);
    std::memset(mask_, 0xff, std::min(size_, sizeof(mask_)));
  }
  static bool fits(std::string_view name) { return name.size() + 3 <= kMostBytes; }

  const std::string& name() const { return name_; }
  size_t size() const { return size_; }

  // Requires: kMostBytes readable bytes at `text`. Blocks of a key's size, the last one overlapping; the same
  // sizes come in the same order line after line, so the branches are foretold.
  bool stands_at(const char* text) const {
    if (((word_at(text, 0) ^ word_at(bytes_, 0)) & mask_[0]) |
        ((word_at(text, 8) ^ word_at(bytes_, 8)) & mask_[1]))
      return false;
    if (size_ <= 16) return true;
    if (differ(text, size_ - 16)) return false;
    if (size_ <= 32) return true;
    return !differ(text, 16) && (size_ <= 48 || !differ(text, 32));
  }

 private:
  static uint64_t word_at(const char* text, size_t from) {
    uint64_t word;
    std::memcpy(&word, text + from, sizeof(word));
    return word;
  }
  bool differ(const char* text, size_t from) const {
    return ((word_at(text, from) ^ word_at(bytes_, from)) |
            (word_at(text, from + 8) ^ word_at(bytes_, from + 8))) != 0;
  }

  char bytes_[kMostBytes] = {};
  uint64_t mask_[2] = {};  // which of the first bytes are the key's
  size_t size_;
  std::string name_;
};

class KeyTable {
 public:
  struct Key {
    KeyLiteral literal;
    Action action;
    Key* next = nullptr;  // the key that came after it last time
    bool wanted() const { return action.column >= 0 || action.special != Special::None; }
  };

  KeyTable() {
    keys_.push_back({KeyLiteral("\n"), {}});
    front()->next = front();
  }
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;
  void add_column(const std::string& name, int32_t column) { actions_[name].column = column; }
  void add_special(const std::string& name, Special special) { actions_[name].special = special; }

  // Stands before an object's first key, and is none: a line cannot hold its name.
  Key* front() { return &keys_.front(); }

  // What to do at the key that follows `*last`. `raw` is what follows its opening quote; `end` is the end of
  // the text. Sets *last to the key.
  Action find(const char* raw, const char* end, Key** last) {
    Key* guess = (*last)->next;
    const std::string& name = guess->literal.name();
    if (name.size() < static_cast<size_t>(end - raw) && raw[name.size()] == '"' &&
        !std::memcmp(raw, name.data(), name.size())) {
      *last = guess;
      return guess->action;
    }
    return look_up(raw, end, last);
  }

  // The same for a name without escapes. nullptr for a name that is not kept, because it is too long or one
  // of too many.
  Key* look_up(std::string_view name, Key** last) {
    auto known = known_.find(name);
    if (known == known_.end() && (keys_.size() == kMostKeys || !KeyLiteral::fits(name))) return nullptr;
    Key* key = known == known_.end() ? add_key(name) : known->second;
    (*last)->next = key;
    *last = key;
    return key;
  }

 private:
  static constexpr size_t kMostKeys = 4096;

  Action action_of(std::string_view name) const {
    auto found = actions_.find(name);
    return found == actions_.end() ? Action{} : found->second;
  }
  Key* add_key(std::string_view name) {
    keys_.push_back({KeyLiteral(name), action_of(name), front()});
    known_.emplace(name, &keys_.back());
    return &keys_.back();
  }

  Action look_up(const char* raw, const char* end, Key** last) {
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
    *last = front();
    return action_of(key);
  }

  template <class Value>
  using Names = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;
  Names<Action> actions_;
  Names<Key*> known_;
  std::deque<Key> keys_;  // they stay where they are
};

}  // namespace kqlc::archive
