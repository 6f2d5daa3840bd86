// SPDX-License-Identifier: Apache-2.0
//
// Files are parsed whole, so that a broken one is seen at once; what they say of a table's columns stays in
// the parsed documents until the table is asked for.
#include "compiler/plan/schema.h"

#include <simdjson.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>

#include "compiler/source/nearest.h"

namespace kqlc::plan {

Schema::Columns& Schema::edit() {
  if (!columns_) {
    columns_ = std::make_shared<Columns>();
  } else if (columns_.use_count() > 1) {
    columns_ = std::make_shared<Columns>(*columns_);
  } else {
    // What other threads have read of copies that are gone by now was read before.
    std::atomic_thread_fence(std::memory_order_acquire);
  }
  return *columns_;
}

bool find_type(std::string_view name, Type& type) {
  static constexpr std::pair<std::string_view, Type> kNames[] = {
      {"bool", Type::Bool},         {"boolean", Type::Bool},  {"int", Type::Int},
      {"int32", Type::Int},         {"long", Type::Long},     {"int64", Type::Long},
      {"real", Type::Real},         {"double", Type::Real},   {"decimal", Type::Decimal},
      {"datetime", Type::DateTime}, {"date", Type::DateTime}, {"timespan", Type::TimeSpan},
      {"time", Type::TimeSpan},     {"guid", Type::Guid},     {"uniqueid", Type::Guid},
      {"uuid", Type::Guid},         {"string", Type::String}, {"dynamic", Type::Dynamic},
      {"object", Type::Dynamic}};
  for (auto [known, value] : kNames)
    if (known == name) {
      type = value;
      return true;
    }
  return false;
}

namespace {

namespace dom = simdjson::dom;

// Adds a column that a file declares, or what the file says besides of one that is there.
void add_column(dom::element column, Schema& schema) {
  std::string_view name, type_name, alternative;
  Type type = Type::String, other = Type::String;
  if (column["name"].get(name) || column["type"].get(type_name) || !find_type(type_name, type)) return;
  if (!column["alt_type"].get(alternative) && find_type(alternative, other) && other == Type::Dynamic)
    type = other;
  auto known = std::ranges::find(schema, name, &ColumnDef::name);
  const auto place = static_cast<size_t>(known - schema.begin());
  if (place == schema.size())
    schema.push_back({std::string(name), type});
  else if (type == Type::Dynamic)
    schema.edit()[place].type = type;
}

struct Table {
  std::vector<dom::array> declared;  // its columns, by each file that has them
  std::optional<Schema> schema;      // made of these
};

}  // namespace

struct Schemas::Parts {
  dom::parser parser;
  std::deque<dom::document> documents;  // what `declared` points into
  std::mutex making;
  std::map<std::string, Table, std::less<>> tables;

  // Keeps what a document that was parsed says of tables.
  void read(dom::element document);
};

Schemas::Schemas() : parts_(std::make_unique<Parts>()) {}
Schemas::Schemas(Schemas&&) noexcept = default;
Schemas& Schemas::operator=(Schemas&&) noexcept = default;
Schemas::~Schemas() = default;

void Schemas::Parts::read(dom::element document) {
  dom::array declared;
  if (document.get(declared) && document["tables"].get(declared)) return;
  for (dom::element table : declared) {
    std::string_view name;
    dom::array columns;
    if (table["table"].get(name) || table["columns"].get(columns)) continue;
    Table& known = tables[std::string(name)];
    known.declared.push_back(columns);
    if (!known.schema) continue;
    for (dom::element column : columns) add_column(column, *known.schema);
  }
}

Result<void> Schemas::load_folder(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".json") files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());  // defender-xdr before sentinel
  for (const std::string& file : files) {
    simdjson::padded_string text;
    if (auto failure = simdjson::padded_string::load(file).get(text))
      return Error{ErrorCode::Io, file + ": " + simdjson::error_message(failure)};
    KQLC_TRY(load_text(text, file));
  }
  return {};
}

Result<void> Schemas::load_text(std::string_view text, const std::string& file) {
  dom::element root;
  dom::document& document = parts_->documents.emplace_back();
  if (auto error = parts_->parser.parse_into_document(document, text.data(), text.size()).get(root))
    return Error{ErrorCode::Format, file + ": " + simdjson::error_message(error)};
  parts_->read(root);
  return {};
}

void Schemas::add(const std::string& table, Schema schema) {
  parts_->tables[table] = {{}, std::move(schema)};
}

const Schema* Schemas::find(std::string_view table) const {
  auto found = parts_->tables.find(table);
  if (found == parts_->tables.end()) return nullptr;
  std::lock_guard lock(parts_->making);
  auto& [declared, schema] = found->second;
  if (!schema) {
    schema.emplace();
    for (dom::array columns : declared)
      for (dom::element column : columns) add_column(column, *schema);
  }
  return &*schema;
}

std::vector<std::string> Schemas::tables() const {
  std::vector<std::string> names;
  for (const auto& [name, table] : parts_->tables) names.push_back(name);
  return names;
}

std::string Schemas::nearest(std::string_view name) const {
  std::string best;
  size_t distance = source::nearest_bound(name);
  for (const auto& [table, schema] : parts_->tables)
    if (size_t d = source::edit_distance(name, table); d < distance) {
      distance = d;
      best = table;
    }
  return best;
}

}  // namespace kqlc::plan
