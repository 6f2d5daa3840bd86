// SPDX-License-Identifier: Apache-2.0
//
// Table schemas: which columns a table has, with their types. In: the JSON files of rules/schemas, and the
// files of an archive for tables that no schema knows. Out: one schema a table under the unified profile: the
// union of the Defender and the Sentinel shape, Defender first, dynamic where one of the two says so.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/value/type.h"

namespace kqlc::plan {

struct ColumnDef {
  std::string name;
  Type type = Type::String;
};

// The columns of a table or of what an operator gives, in their order. Copies share them until one is
// changed: most operators hand on what they get, and a table may have hundreds of columns.
class Schema {
 public:
  using Columns = std::vector<ColumnDef>;
  using value_type = ColumnDef;
  using const_iterator = Columns::const_iterator;

  Schema() = default;
  Schema(Columns columns)  // NOLINT(google-explicit-constructor)
      : columns_(std::make_shared<Columns>(std::move(columns))) {}
  Schema(std::initializer_list<ColumnDef> columns) : Schema(Columns(columns)) {}

  size_t size() const { return get().size(); }
  bool empty() const { return get().empty(); }
  const_iterator begin() const { return get().begin(); }
  const_iterator end() const { return get().end(); }
  const ColumnDef& operator[](size_t column) const { return get()[column]; }
  const ColumnDef& back() const { return get().back(); }

  void push_back(ColumnDef column) { edit().push_back(std::move(column)); }
  void append(const Schema& other) {
    Columns& columns = edit();
    columns.reserve(columns.size() + other.size());
    for (size_t i = 0, size = other.size(); i < size; ++i) columns.push_back(other[i]);
  }
  // Requires: it has so many.
  Schema first(size_t count) const { return Columns(begin(), begin() + static_cast<std::ptrdiff_t>(count)); }
  // The columns of this Schema alone, to be changed. Good until it is copied; iterators from before are of no
  // use then.
  Columns& edit();

 private:
  const Columns& get() const {
    static const Columns none;
    return columns_ ? *columns_ : none;
  }
  std::shared_ptr<Columns> columns_;  // nullptr: none
};

// A table's columns are made when it is first asked for: there are a thousand tables, and a query names few.
class Schemas {
 public:
  Schemas();
  Schemas(Schemas&&) noexcept;
  Schemas& operator=(Schemas&&) noexcept;
  ~Schemas();

  // Reads every *.json of a folder. A file that is none is an error; a missing folder is not.
  Result<void> load_folder(const std::string& folder);
  // Reads the text of one such file, which messages call `name`.
  Result<void> load_text(std::string_view text, const std::string& name);
  // Adds or replaces a table.
  void add(const std::string& table, Schema schema);

  // Returns the schema of `table`, or nullptr. It stays where it is until the table is replaced. May be
  // called from any thread while none loads or adds.
  const Schema* find(std::string_view table) const;
  // Names of all tables, sorted.
  std::vector<std::string> tables() const;
  // The table name nearest to `name`, or "".
  std::string nearest(std::string_view name) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Returns the type KQL calls `name` ("long", "int64", "date", ...); false when there is none.
bool find_type(std::string_view name, Type& type);

}  // namespace kqlc::plan
