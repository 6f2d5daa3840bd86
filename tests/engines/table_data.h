// SPDX-License-Identifier: Apache-2.0
//
// TableData: a small typed table in memory, and EncodedTable: the same rows as the columns that kernels read,
// in any physical encoding. In: rows of Cells (from a data section, a datatable, a generator). Out: Columns
// over buffers that the EncodedTable owns. One table in every encoding is what lets one expectation check all
// specialised kernels.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/plan/schema.h"
#include "runtime/base/arena.h"
#include "runtime/exec/column.h"

namespace kqlc::engines {

using Row = std::vector<Cell>;

struct TableData {
  std::string name;
  plan::Schema schema;
  std::vector<Row> rows;
  std::shared_ptr<Arena> arena = std::make_shared<Arena>();  // what the cells refer to
};

// How string and dynamic columns are laid out.
enum class Texts : uint8_t { Plain, Large, View, Dictionary, Strs };
inline constexpr Texts kAllTexts[] = {Texts::Plain, Texts::Large, Texts::View, Texts::Dictionary,
                                      Texts::Strs};
const char* texts_name(Texts texts);

// True where the rows survive being written as JSON text in a file: no NaN, no infinity, valid UTF-8, no
// kinds of dynamic that JSON lacks.
bool fits_json(const TableData& table);
// True where every dynamic value survives being printed as JSON, which is how columns hold dynamic.
bool fits_columns(const TableData& table);

class EncodedTable {
 public:
  EncodedTable(const TableData& table, Texts texts);

  // The column `name` from row `first` on; Missing where the table has none, or where nothing in it is a
  // value.
  Column column(const std::string& name, Type type, int64_t first) const;
  int64_t num_rows() const { return num_rows_; }
  // The memory of one of the text columns, for Batch::stable; nullptr where there is none.
  const std::shared_ptr<const StableMemory>* stable() const { return stable_ ? &stable_ : nullptr; }

 private:
  struct Buffers {
    std::string name;
    Column column, dictionary;
    std::vector<uint8_t> validity, values;
    std::shared_ptr<std::string> bytes;
    std::vector<int32_t> codes;
    std::vector<const char*> data;
  };
  void encode_fixed(const TableData& table, size_t index, Buffers& out);
  void encode_text(const TableData& table, size_t index, Texts texts, Buffers& out);

  int64_t num_rows_ = 0;
  std::vector<std::unique_ptr<Buffers>> columns_;
  std::shared_ptr<const StableMemory> stable_;
};

}  // namespace kqlc::engines
