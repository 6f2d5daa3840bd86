// SPDX-License-Identifier: Apache-2.0
//
// Table schemas: which columns a table has, with their types. In: the JSON files of rules/schemas, and the
// files of an archive for tables that no schema knows. Out: one schema a table under the unified profile: the
// union of the Defender and the Sentinel shape, Defender first, dynamic where one of the two says so.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/value/type.h"

namespace kqlc::plan {

struct ColumnDef {
  std::string name;
  Type type = Type::String;
};
using Schema = std::vector<ColumnDef>;

class Schemas {
 public:
  // Reads every *.json of a folder. A file that is none is an error; a missing folder is not.
  Result<void> load_folder(const std::string& folder);
  // Reads the text of one such file, which messages call `name`.
  Result<void> load_text(std::string_view text, const std::string& name);
  // Adds or replaces a table.
  void add(const std::string& table, Schema schema) { tables_[table] = std::move(schema); }

  // Returns the schema of `table`, or nullptr.
  const Schema* find(std::string_view table) const;
  // Names of all tables, sorted.
  std::vector<std::string> tables() const;
  // The table name nearest to `name`, or "".
  std::string nearest(std::string_view name) const;

 private:
  std::map<std::string, Schema, std::less<>> tables_;
};

// Returns the type KQL calls `name` ("long", "int64", "date", ...); false when there is none.
bool find_type(std::string_view name, Type& type);

}  // namespace kqlc::plan
