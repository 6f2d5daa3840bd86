// SPDX-License-Identifier: Apache-2.0
//
// Reading schema files with simdjson and answering questions about names.
#include "compiler/plan/schema.h"

#include <simdjson.h>

#include <algorithm>
#include <filesystem>

#include "compiler/source/nearest.h"

namespace kqlc::plan {

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
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (auto error = parser.parse(text.data(), text.size()).get(document))
    return Error{ErrorCode::Format, file + ": " + simdjson::error_message(error)};
  simdjson::dom::array tables;
  if (document.get(tables) && document["tables"].get(tables)) return {};
  for (simdjson::dom::element table : tables) {
    std::string_view name;
    simdjson::dom::array columns;
    if (table["table"].get(name) || table["columns"].get(columns)) continue;
    Schema& schema = tables_[std::string(name)];
    for (simdjson::dom::element column : columns) {
      std::string_view column_name, type_name, alternative;
      Type type = Type::String, other = Type::String;
      if (column["name"].get(column_name) || column["type"].get(type_name) || !find_type(type_name, type))
        continue;
      if (!column["alt_type"].get(alternative) && find_type(alternative, other) && other == Type::Dynamic)
        type = other;
      auto known = std::find_if(schema.begin(), schema.end(),
                                [&](const ColumnDef& c) { return c.name == column_name; });
      if (known == schema.end()) {
        schema.push_back({std::string(column_name), type});
      } else if (type == Type::Dynamic) {
        known->type = type;
      }
    }
  }
  return {};
}

const Schema* Schemas::find(std::string_view table) const {
  auto found = tables_.find(table);
  return found == tables_.end() ? nullptr : &found->second;
}

std::vector<std::string> Schemas::tables() const {
  std::vector<std::string> names;
  for (const auto& [name, schema] : tables_) names.push_back(name);
  return names;
}

std::string Schemas::nearest(std::string_view name) const {
  std::string best;
  size_t distance = source::nearest_bound(name);
  for (const auto& [table, schema] : tables_)
    if (size_t d = source::edit_distance(name, table); d < distance) {
      distance = d;
      best = table;
    }
  return best;
}

}  // namespace kqlc::plan
