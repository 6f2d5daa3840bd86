// SPDX-License-Identifier: Apache-2.0
//
// KeyTable: what to do at a key of a JSON object. In: the text at a key and its place in the object. Out: an
// Action: the column it fills, what else it means. Keys come in the same order line after line, so a key is
// compared with the one that stood at the same place of the previous object before it is looked up. The names
// that make an object a wrapper or an envelope stand here, once for all readers.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/archive/json_rows.h"

namespace kqlc::archive {

// Keys whose array holds the rows of an answer.
inline constexpr const char* kRowsKeys[] = {"records", "Results", "results", "value"};
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

class KeyTable {
 public:
  void add_column(const std::string& name, int32_t column) { actions_[name].column = column; }
  void add_special(const std::string& name, Special special) { actions_[name].special = special; }

  // `raw` is what follows the key's opening quote; `end` is the end of the text.
  Action find(const char* raw, const char* end, size_t place) {
    if (place < expected_.size()) {
      const Expected& expected = expected_[place];
      size_t size = expected.key.size();
      if (size < static_cast<size_t>(end - raw) && raw[size] == '"' &&
          !std::memcmp(raw, expected.key.data(), size)) {
        return expected.action;
      }
    }
    return look_up(raw, end, place);
  }

 private:
  struct Expected {
    std::string key;
    Action action;
  };
  static constexpr size_t kMaxExpected = 1024;

  Action look_up(const char* raw, const char* end, size_t place) {
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
    auto found = actions_.find(std::string_view(key));
    Action action = found == actions_.end() ? Action{} : found->second;
    if (!escaped && place < kMaxExpected) {
      if (place >= expected_.size()) expected_.resize(place + 1);
      expected_[place] = {std::move(key), action};
    }
    return action;
  }

  std::unordered_map<std::string, Action, StringHash, std::equal_to<>> actions_;
  std::vector<Expected> expected_;
};

}  // namespace kqlc::archive
