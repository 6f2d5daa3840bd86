// SPDX-License-Identifier: Apache-2.0
//
// Random events as lines of NDJSON, and the rows they mean. In: a source of chance. Out: text that writes the
// same values in every way that exports do (escapes, order of keys, repeated keys, blanks, envelopes, answers
// of several rows, lines of other tables, broken lines), and beside it the rows as cells. What a line means
// comes from the generator alone, so the rows check the reader as well.
#pragma once

#include <string>
#include <vector>

#include "tests/differential/generate.h"
#include "tests/engines/table_data.h"

namespace kqlc::differential {

inline constexpr const char* kEventTable = "DeviceEvents";

// Words that both the events and the needles of rules are made of: terms, what JSON escapes, letters whose
// case varies, characters of two to four bytes.
extern const std::vector<std::string> kEventWords;

class Events {
 public:
  // `most_filler`: up to so many bytes more a row, in which nothing stands that a rule looks for.
  explicit Events(Random& random, size_t most_filler = 0);

  // Appends a line to text() and its rows, none to three, to table().
  void add_line();
  const std::string& text() const { return text_; }
  const engines::TableData& table() const { return table_; }

 private:
  // A value as JSON and as the cell that it becomes in its column.
  struct Value {
    std::string json;
    Cell cell;
  };

  std::string blank();
  std::string text_value(std::string& json);
  std::string escaped(char32_t code);
  std::string plain_text();
  std::string nested(std::string& compact, int depth);
  Value column_value(size_t column);
  Value string_value();
  Value id_value();
  Value time_value();
  Value dynamic_value();
  // With the colon behind it.
  std::string key(const std::string& name);
  std::string decoy();
  std::string object(engines::Row& row);
  std::string envelope(engines::Row& row, bool other_table);
  std::string answer(std::vector<engines::Row>& rows);
  std::string tables(std::vector<engines::Row>& rows);
  std::string broken();
  Cell text_cell(const std::string& text);
  Cell json_cell(const std::string& json);

  Random& random_;
  size_t most_filler_;
  engines::TableData table_;
  std::string text_;
  int64_t next_id_ = 0;
};

}  // namespace kqlc::differential
