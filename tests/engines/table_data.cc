// SPDX-License-Identifier: Apache-2.0
//
// Encoding: nulls leave their slot zeroed, except for strings, which have none; every fifth empty string of a
// column is written as an Arrow null all the same, since readers meet such columns and must give "".
#include "tests/engines/table_data.h"

#include <utf8proc.h>

#include <cmath>
#include <map>

#include "runtime/base/check.h"
#include "runtime/functions/convert.h"
#include "runtime/value/dynamic.h"

namespace kqlc::engines {

namespace {

bool valid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t code = 0;
    auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                                 static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    if (size <= 0) return false;
    at += static_cast<size_t>(size);
  }
  return true;
}

bool is_json(const dynamic::Node& node, Arena& arena) {
  using dynamic::Kind;
  switch (node.kind) {
    case Kind::Null:
    case Kind::Bool:
    case Kind::Long:
      return true;
    case Kind::Real:
      return std::isfinite(node.d);
    case Kind::String:
      return valid_utf8(node.str());
    case Kind::Array:
      for (uint32_t i = 0; i < node.size; ++i)
        if (!is_json(node.items[i], arena)) return false;
      return true;
    case Kind::Bag:
      for (uint32_t i = 0; i < node.size; ++i)
        if (!valid_utf8(node.entries[i].key.view()) || !is_json(node.entries[i].value, arena)) return false;
      return true;
    case Kind::Json: {
      const dynamic::Node* inside = dynamic::resolve({&node}, arena);
      return !inside || is_json(*inside, arena);
    }
    default:
      return false;
  }
}

template <class Test>
bool all_cells(const TableData& table, Test test) {
  for (const Row& row : table.rows)
    for (size_t i = 0; i < row.size(); ++i)
      if (row[i].valid && !test(row[i], table.schema[i].type)) return false;
  return true;
}

size_t fixed_size(Type type) {
  switch (type) {
    case Type::Int:
      return 4;
    case Type::Guid:
    case Type::Decimal:
      return 16;
    default:
      return 8;
  }
}

template <class Offset>
void append_offset(std::vector<uint8_t>& values, size_t offset) {
  auto value = static_cast<Offset>(offset);
  auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  values.insert(values.end(), bytes, bytes + sizeof value);
}

}  // namespace

const char* texts_name(Texts texts) {
  static constexpr const char* names[] = {"utf8", "large_utf8", "utf8_view", "dictionary", "strs"};
  return names[static_cast<size_t>(texts)];
}

bool fits_columns(const TableData& table) {
  Arena arena;
  return all_cells(table, [&](const Cell& cell, Type type) {
    return type != Type::Dynamic || is_json(*cell.node, arena);
  });
}

bool fits_json(const TableData& table) {
  return fits_columns(table) && all_cells(table, [](const Cell& cell, Type type) {
           if (type == Type::Real) return std::isfinite(cell.d);
           return type != Type::String || valid_utf8(cell.s.view());
         });
}

namespace {

// Bytes that mean nothing any more once nobody holds them.
class StableText : public StableMemory {
 public:
  explicit StableText(std::shared_ptr<std::string> bytes)
      : StableMemory(bytes->data(), bytes->data() + bytes->size()), bytes_(std::move(bytes)) {}
  ~StableText() override { bytes_->assign(bytes_->size(), '\xFF'); }
  bool torn() const override { return false; }
  Error loss() const override { return {ErrorCode::Internal, "lost"}; }

 private:
  std::shared_ptr<std::string> bytes_;
};

}  // namespace

EncodedTable::EncodedTable(const TableData& table, Texts texts)
    : num_rows_(static_cast<int64_t>(table.rows.size())) {
  for (size_t i = 0; i < table.schema.size(); ++i) {
    Type type = table.schema[i].type;
    bool any = false;
    for (const Row& row : table.rows) any |= type == Type::String ? row[i].s.size != 0 : row[i].valid;
    if (!any) continue;  // stays Missing
    auto out = std::make_unique<Buffers>();
    out->name = table.schema[i].name;
    out->column.type = type;
    if (type == Type::String || type == Type::Dynamic) {
      encode_text(table, i, texts, *out);
    } else {
      encode_fixed(table, i, *out);
    }
    columns_.push_back(std::move(out));
  }
  const bool is_stable = texts == Texts::Plain || texts == Texts::Dictionary;
  std::shared_ptr<std::string> most;
  for (const auto& column : columns_)
    if (is_stable && column->bytes && (!most || column->bytes->size() > most->size())) most = column->bytes;
  if (most) stable_ = std::make_shared<StableText>(std::move(most));
}

void EncodedTable::encode_fixed(const TableData& table, size_t index, Buffers& out) {
  Type type = out.column.type;
  bool bits = type == Type::Bool, nulls = false;
  size_t size = fixed_size(type);
  out.validity.assign((table.rows.size() + 7) / 8, 0);
  out.values.assign(bits ? out.validity.size() : table.rows.size() * size, 0);
  for (size_t row = 0; row < table.rows.size(); ++row) {
    const Cell& cell = table.rows[row][index];
    nulls |= !cell.valid;
    if (!cell.valid) continue;
    out.validity[row / 8] |= static_cast<uint8_t>(1 << (row % 8));
    if (!bits) {
      std::memcpy(out.values.data() + row * size, &cell.g, size);
    } else if (cell.b) {
      out.values[row / 8] |= static_cast<uint8_t>(1 << (row % 8));
    }
  }
  out.column.encoding = bits        ? Encoding::Bits
                        : size == 4 ? Encoding::Fixed32
                        : size == 8 ? Encoding::Fixed64
                                    : Encoding::Fixed128;
  out.column.values = out.values.data();
  out.column.validity = nulls ? out.validity.data() : nullptr;
}

void EncodedTable::encode_text(const TableData& table, size_t index, Texts texts, Buffers& out) {
  std::vector<std::string> rows;
  std::map<std::string, int32_t> distinct;
  std::vector<std::string> words;
  Arena arena;
  out.validity.assign((table.rows.size() + 7) / 8, 0xFF);
  size_t empty = 0;
  bool nulls = false;
  for (size_t row = 0; row < table.rows.size(); ++row) {
    const Cell& cell = table.rows[row][index];
    rows.push_back(out.column.type == Type::String ? std::string(cell.s.view())
                   : cell.valid                    ? std::string(dynamic::print(cell.node, arena).view())
                                                   : "");
    if (rows.back().empty() && ++empty % 5 == 0) {
      out.validity[row / 8] &= static_cast<uint8_t>(~(1 << (row % 8)));
      nulls = true;
    }
    auto [place, added] = distinct.emplace(rows.back(), static_cast<int32_t>(words.size()));
    if (added) words.push_back(rows.back());
    out.codes.push_back(place->second);
  }
  const std::vector<std::string>& values = texts == Texts::Dictionary ? words : rows;
  Column& column = texts == Texts::Dictionary ? out.dictionary : out.column;
  out.bytes = std::make_shared<std::string>();
  for (const std::string& value : values) *out.bytes += value;
  out.bytes->shrink_to_fit();
  size_t offset = 0;
  for (const std::string& value : values) {
    const char* place = out.bytes->data() + offset;
    if (texts == Texts::Large) {
      append_offset<int64_t>(out.values, offset);
    } else if (texts == Texts::View) {
      char view[16] = {};
      auto size = static_cast<int32_t>(value.size());
      std::memcpy(view, &size, 4);
      std::memcpy(view + 4, place, std::min<size_t>(value.size(), value.size() <= 12 ? 12 : 4));
      auto start = static_cast<int32_t>(offset);
      if (value.size() > 12) std::memcpy(view + 12, &start, 4);
      out.values.insert(out.values.end(), view, view + 16);
    } else if (texts == Texts::Strs) {
      Str text(place, value.size());
      auto* bytes = reinterpret_cast<const uint8_t*>(&text);
      out.values.insert(out.values.end(), bytes, bytes + sizeof text);
    } else {
      append_offset<int32_t>(out.values, offset);
    }
    offset += value.size();
  }
  if (texts == Texts::Large) append_offset<int64_t>(out.values, offset);
  if (texts == Texts::Plain || texts == Texts::Dictionary) append_offset<int32_t>(out.values, offset);
  static constexpr Encoding encodings[] = {Encoding::Utf8, Encoding::LargeUtf8, Encoding::Utf8View,
                                           Encoding::Utf8, Encoding::Strs};
  column.encoding = encodings[static_cast<size_t>(texts)];
  column.values = out.values.data();
  column.data = out.bytes->data();
  out.data = {out.bytes->data()};
  column.buffers = out.data.data();
  if (texts == Texts::Dictionary) {
    out.column.encoding = Encoding::Dictionary;
    out.column.values = out.codes.data();
    out.column.dictionary = &out.dictionary;
    out.column.dictionary_size = static_cast<int64_t>(words.size());
  }
  // Strs never hold nulls: they are what our own readers make.
  if (nulls && texts != Texts::Strs) out.column.validity = out.validity.data();
}

Column EncodedTable::column(const std::string& name, Type type, int64_t first) const {
  Column out;
  out.type = type;
  for (const auto& buffers : columns_)
    if (buffers->name == name) out = buffers->column;
  out.offset = first;
  return out;
}

}  // namespace kqlc::engines
