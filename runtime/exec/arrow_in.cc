// SPDX-License-Identifier: Apache-2.0
//
// Verifying comes first (arrow_verify.cc); making columns then relies on it. Values of
// layouts that kernels do not know are read one by one as dynamic nodes and converted from there, so there is
// one way from any Arrow type to any KQL type.
#include "runtime/exec/arrow_in.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "runtime/exec/arrow_layout.h"
#include "runtime/simd/unicode.h"
#include "runtime/value/datetime.h"
#include "runtime/value/decimal.h"
#include "runtime/value/dynamic.h"
#include "runtime/value/reading.h"

namespace kqlc::exec {

namespace {

using dynamic::Kind;
using dynamic::Node;
using reading::Reading;

constexpr int64_t kMaxBatchRows = INT32_MAX;

// ---- text

Str text_at(const ArrowType& type, const ArrowArray& array, int64_t place) {
  if (type.kind == ArrowKind::TextView) {
    const int32_t* view = buffer<int32_t>(array, 1) + place * 4;
    auto size = static_cast<uint64_t>(view[0]);
    return size <= 12 ? Str(reinterpret_cast<const char*>(view + 1), size)
                      : Str(buffer<char>(array, 2 + view[2]) + view[3], size);
  }
  int64_t begin = offset_at(type, array, place), end = offset_at(type, array, place + 1);
  if (begin == end) return {};
  return {buffer<char>(array, 2) + begin, static_cast<uint64_t>(end - begin)};
}

bool is_text(const ArrowType& type) {
  return type.kind == ArrowKind::Text || type.kind == ArrowKind::LargeText ||
         type.kind == ArrowKind::TextView;
}

// Bytes that are no UTF-8 become U+FFFD.
Str repair(Str text, Arena& arena) {
  if (simd::is_utf8(text.view())) return text;
  return arena.copy(Str(std::string_view(simd::repair_utf8(text.view()))));
}

// Whether all texts of the array are UTF-8: the run of bytes is, and no text begins inside a character.
bool all_utf8(const ArrowType& type, const ArrowArray& array, int64_t begin, int64_t rows) {
  if (type.kind == ArrowKind::TextView) {
    for (int64_t place = begin; place < begin + rows; ++place)
      if (is_valid(type, array, place) && !simd::is_utf8(text_at(type, array, place).view())) return false;
    return true;
  }
  int64_t first = offset_at(type, array, begin), last = offset_at(type, array, begin + rows);
  if (first == last) return true;
  std::string_view run(buffer<char>(array, 2) + first, static_cast<size_t>(last - first));
  if (simd::is_ascii(run)) return true;
  if (!simd::is_utf8(run)) return false;
  for (int64_t place = begin; place < begin + rows; ++place) {
    int64_t start = offset_at(type, array, place) - first;
    if (start < last - first && (static_cast<uint8_t>(run[static_cast<size_t>(start)]) & 0xC0) == 0x80)
      return false;
  }
  return true;
}

// ---- single values

// The digits of a little-endian two's complement number of `width` bytes, with an exponent: "-123E-2".
std::string decimal_text(const uint8_t* bytes, int64_t width, int32_t scale) {
  uint32_t limbs[8] = {};
  auto count = static_cast<size_t>(width / 4);
  std::memcpy(limbs, bytes, static_cast<size_t>(width));
  bool negative = limbs[count - 1] >> 31;
  uint64_t carry = 1;
  for (size_t i = 0; i < count && negative; ++i) {
    carry += static_cast<uint32_t>(~limbs[i]);
    limbs[i] = static_cast<uint32_t>(carry);
    carry >>= 32;
  }
  std::string digits;
  for (bool rest = true; rest;) {
    uint64_t remainder = 0;
    rest = false;
    for (size_t i = count; i-- > 0;) {
      uint64_t value = remainder << 32 | limbs[i];
      limbs[i] = static_cast<uint32_t>(value / 10);
      remainder = value % 10;
      rest |= limbs[i] != 0;
    }
    digits.insert(digits.begin(), static_cast<char>('0' + remainder));
  }
  while (digits.size() > 1 && digits.back() == '0') {
    digits.pop_back();
    --scale;
  }
  if (digits.size() > 34) return "";  // more than a decimal holds
  return (negative ? "-" : "") + digits + "E" + std::to_string(-int64_t{scale});
}

double half_to_double(uint16_t bits) {
  int exponent = bits >> 10 & 31;
  double fraction = bits & 1023;
  double value = exponent == 31  ? (fraction != 0 ? std::nan("") : HUGE_VAL)
                 : exponent == 0 ? std::ldexp(fraction, -24)
                                 : std::ldexp(fraction + 1024, exponent - 25);
  return bits >> 15 ? -value : value;
}

bool to_ticks(const ArrowType& type, int64_t value, int64_t* ticks) {
  if (type.divide > 1) {
    *ticks = value / type.divide - (value % type.divide < 0);
  } else if (__builtin_mul_overflow(value, type.multiply, ticks)) {
    return false;
  }
  if (type.span) return true;
  return !__builtin_add_overflow(*ticks, datetime::kUnixEpochTicks, ticks) && datetime::in_range(*ticks);
}

// Reads values as nodes; `failed` is set where a value has none.
class NodeReader {
 public:
  explicit NodeReader(Arena& arena) : arena_(arena) {}

  Node read(const ArrowType& type, const ArrowArray& array, int64_t place) {
    Node node;
    if (!is_valid(type, array, place)) return node;
    switch (type.kind) {
      case ArrowKind::Null:
        return node;
      case ArrowKind::Bool:
        node.kind = Kind::Bool;
        node.b = bit_at(buffer<uint8_t>(array, 1), place);
        return node;
      case ArrowKind::SignedInt:
        return of_long(read_integer(array.buffers[1], place, type.width, true));
      case ArrowKind::UnsignedInt:
        return read_unsigned(type, array, place);
      case ArrowKind::Half:
        return of_real(half_to_double(buffer<uint16_t>(array, 1)[place]));
      case ArrowKind::Float:
        return of_real(static_cast<double>(buffer<float>(array, 1)[place]));
      case ArrowKind::Double:
        return of_real(buffer<double>(array, 1)[place]);
      case ArrowKind::Text:
      case ArrowKind::LargeText:
      case ArrowKind::TextView:
        return of_text(text_at(type, array, place));
      case ArrowKind::FixedBinary:
        return read_binary(type, array, place);
      case ArrowKind::Decimal:
        return read_decimal(type, array, place);
      case ArrowKind::Time:
        return read_time(type, array, place);
      case ArrowKind::Dictionary:
        return read(type.children[0], *array.dictionary,
                    array.dictionary->offset + code_at(type, array, place));
      case ArrowKind::Struct:
        return read_struct(type, array, place);
      case ArrowKind::Map:
        return read_map(type, array, place);
      case ArrowKind::FixedList:
        return read_items(type, array, place * type.width, (place + 1) * type.width);
      default:
        return read_items(type, array, offset_at(type, array, place), offset_at(type, array, place + 1));
    }
  }

  bool failed = false;

 private:
  static Node of_long(int64_t value) {
    Node node;
    node.kind = Kind::Long;
    node.l = value;
    return node;
  }
  static Node of_real(double value) {
    Node node;
    node.kind = Kind::Real;
    node.d = value;
    return node;
  }
  Node of_text(Str text) {
    Node node;
    if (text.size > UINT32_MAX) return fail();
    text = repair(text, arena_);
    node.kind = Kind::String;
    node.text = text.data;
    node.size = static_cast<uint32_t>(text.size);
    return node;
  }
  Node fail() {
    failed = true;
    return {};
  }

  Node read_unsigned(const ArrowType& type, const ArrowArray& array, int64_t place) {
    int64_t value = read_integer(array.buffers[1], place, type.width, false);
    if (value >= 0) return of_long(value);
    std::string digits = std::to_string(static_cast<uint64_t>(value));
    return of_decimal(digits);
  }
  Node of_decimal(const std::string& text) {
    auto value = text.empty() ? std::nullopt : decimal::read(text);
    if (!value) return fail();
    auto* kept = arena_.allocate_array<kqlc::Decimal>(1);
    *kept = *value;
    Node node;
    node.kind = Kind::Decimal;
    node.decimal = kept;
    return node;
  }
  Node read_decimal(const ArrowType& type, const ArrowArray& array, int64_t place) {
    return of_decimal(decimal_text(buffer<uint8_t>(array, 1) + place * type.width, type.width, type.scale));
  }
  Node read_binary(const ArrowType& type, const ArrowArray& array, int64_t place) {
    const char* bytes = buffer<char>(array, 1) + place * type.width;
    if (type.width != 16) return of_text({bytes, static_cast<uint64_t>(type.width)});
    auto* guid = arena_.allocate_array<kqlc::Guid>(1);
    std::memcpy(guid->bytes, bytes, 16);
    Node node;
    node.kind = Kind::Guid;
    node.guid = guid;
    return node;
  }
  Node read_time(const ArrowType& type, const ArrowArray& array, int64_t place) {
    Node node;
    int64_t ticks = 0;
    if (!to_ticks(type, read_integer(array.buffers[1], place, type.width, true), &ticks)) return fail();
    node.kind = type.span ? Kind::TimeSpan : Kind::DateTime;
    node.l = ticks;
    return node;
  }
  Node read_items(const ArrowType& type, const ArrowArray& array, int64_t begin, int64_t end) {
    const ArrowArray& child = *array.children[0];
    if (end - begin > UINT32_MAX) return fail();
    auto size = static_cast<size_t>(end - begin);
    auto* items = arena_.allocate_array<Node>(size);
    for (size_t i = 0; i < size; ++i)
      ::new (items + i) Node(read(type.children[0], child, child.offset + begin + static_cast<int64_t>(i)));
    return dynamic::array_of(items, size);
  }
  Node read_struct(const ArrowType& type, const ArrowArray& array, int64_t place) {
    size_t size = type.children.size();
    auto* entries = arena_.allocate_array<dynamic::Entry>(size);
    for (size_t i = 0; i < size; ++i) {
      const ArrowArray& child = *array.children[i];
      auto* entry = ::new (entries + i) dynamic::Entry();
      entry->key = arena_.copy(repair(Str(std::string_view(type.children[i].name)), arena_));
      entry->value = read(type.children[i], child, child.offset + place);
    }
    return dynamic::bag_of(entries, size);
  }
  Node read_map(const ArrowType& type, const ArrowArray& array, int64_t place) {
    const ArrowArray& pairs = *array.children[0];
    const ArrowType& pair = type.children[0];
    int64_t begin = offset_at(type, array, place), end = offset_at(type, array, place + 1);
    if (end - begin > UINT32_MAX) return fail();
    auto size = static_cast<size_t>(end - begin);
    auto* entries = arena_.allocate_array<dynamic::Entry>(size);
    for (size_t i = 0; i < size; ++i) {
      int64_t row = pairs.offset + begin + static_cast<int64_t>(i);
      auto* entry = ::new (entries + i) dynamic::Entry();
      Node key = read(pair.children[0], *pairs.children[0], pairs.children[0]->offset + row);
      entry->key = dynamic::to_text(&key, arena_);
      entry->value = read(pair.children[1], *pairs.children[1], pairs.children[1]->offset + row);
    }
    return dynamic::bag_of(entries, size);
  }

  Arena& arena_;
};

Reading to_cell(const Node& node, Type type, Cell* cell) {
  auto take = [&](Type own, auto value) {
    if (type != own) return Reading::Failure;
    *cell = make_cell(value);
    return Reading::Value;
  };
  switch (node.kind) {
    case Kind::Null:
      return Reading::Null;
    case Kind::Bool:
      return reading::convert_long(node.b, type, cell);
    case Kind::Long:
      return reading::convert_long(node.l, type, cell);
    case Kind::Real:
      return reading::convert_real(node.d, type, cell);
    case Kind::String:
      return reading::read_value(type, node.str(), cell);
    case Kind::DateTime:
      return take(Type::DateTime, DateTime{node.l});
    case Kind::TimeSpan:
      return take(Type::TimeSpan, TimeSpan{node.l});
    case Kind::Guid:
      return take(Type::Guid, *node.guid);
    case Kind::Decimal: {
      if (type == Type::Decimal) return take(type, *node.decimal);
      if (type == Type::Real) return take(type, decimal::to_real(*node.decimal));
      auto whole = decimal::to_long(*node.decimal);
      bool exact = whole && decimal::compare(decimal::from_long(*whole), *node.decimal) == 0;
      return exact ? reading::convert_long(*whole, type, cell) : Reading::Failure;
    }
    default:
      return Reading::Failure;
  }
}

// ---- columns

class ColumnMaker {
 public:
  ColumnMaker(Type type, Arena& arena, uint64_t& unconverted)
      : type_(type), arena_(arena), unconverted_(unconverted) {}

  // `begin`: the first row's place in the buffers.
  Column make(const ArrowType& arrow, const ArrowArray& array, int64_t begin, int64_t rows) {
    Column column;
    column.type = type_;
    if (arrow.kind == ArrowKind::Null) return column;
    if (type_ == Type::String || type_ == Type::Dynamic) return make_text(arrow, array, begin, rows);
    if (is_borrowed(arrow)) {
      column.encoding = physical_type(type_).encoding;
      column.offset = begin;
      column.validity = validity_of(arrow, array);
      column.values = array.buffers[1];
      return column;
    }
    convert(arrow, array, begin, rows, column);
    return column;
  }

 private:
  bool is_borrowed(const ArrowType& arrow) const {
    switch (type_) {
      case Type::Bool:
        return arrow.kind == ArrowKind::Bool;
      case Type::Int:
        return arrow.kind == ArrowKind::SignedInt && arrow.width == 4;
      case Type::Long:
        return arrow.kind == ArrowKind::SignedInt && arrow.width == 8;
      case Type::Real:
        return arrow.kind == ArrowKind::Double;
      case Type::Guid:
        return arrow.kind == ArrowKind::FixedBinary && arrow.width == 16;
      default:
        return false;
    }
  }

  uint8_t* zeroed(size_t bytes) {
    auto* place = static_cast<uint8_t*>(arena_.allocate(bytes));
    std::memset(place, 0, bytes);
    return place;
  }

  Reading read_cell(const ArrowType& arrow, const ArrowArray& array, int64_t place, NodeReader& reader,
                    Cell* cell) {
    if (!is_valid(arrow, array, place)) return Reading::Null;
    bool quick = arrow.kind == ArrowKind::Time && type_ == (arrow.span ? Type::TimeSpan : Type::DateTime);
    if (quick) {
      cell->valid = true;
      return to_ticks(arrow, read_integer(array.buffers[1], place, arrow.width, true), &cell->l)
                 ? Reading::Value
                 : Reading::Failure;
    }
    reader.failed = false;
    Node node = reader.read(arrow, array, place);
    return reader.failed ? Reading::Failure : to_cell(node, type_, cell);
  }

  void convert(const ArrowType& arrow, const ArrowArray& array, int64_t begin, int64_t rows, Column& column) {
    PhysicalType form = physical_type(type_);
    auto* validity = zeroed(static_cast<size_t>(rows + 7) / 8);
    auto* values =
        zeroed(form.width ? form.width * static_cast<size_t>(rows) : static_cast<size_t>(rows + 7) / 8);
    NodeReader reader(arena_);
    for (int64_t row = 0; row < rows; ++row) {
      Cell cell;
      Reading reading = read_cell(arrow, array, begin + row, reader, &cell);
      if (reading == Reading::Failure) ++unconverted_;
      if (reading != Reading::Value) continue;
      auto bit = static_cast<uint8_t>(1u << (row & 7));
      validity[row >> 3] |= bit;
      if (form.width) {
        std::memcpy(values + static_cast<size_t>(row) * form.width, &cell.l, form.width);
      } else if (cell.b) {
        values[row >> 3] |= bit;
      }
    }
    column.encoding = form.encoding;
    column.validity = validity;
    column.values = values;
  }

  Column make_text(const ArrowType& arrow, const ArrowArray& array, int64_t begin, int64_t rows) {
    if (arrow.kind == ArrowKind::Dictionary && is_text(arrow.children[0]))
      return make_dictionary(arrow, array, begin, rows);
    if (!is_text(arrow) || !all_utf8(arrow, array, begin, rows)) return make_strs(arrow, array, begin, rows);
    Column column;
    column.type = type_;
    column.offset = begin;
    column.validity = validity_of(arrow, array);
    column.values = array.buffers[1];
    if (arrow.kind == ArrowKind::TextView) {
      column.encoding = Encoding::Utf8View;
      column.buffers = reinterpret_cast<const char* const*>(array.buffers + 2);
    } else {
      column.encoding = arrow.kind == ArrowKind::Text ? Encoding::Utf8 : Encoding::LargeUtf8;
      column.data = buffer<char>(array, 2);
    }
    return column;
  }

  Column make_dictionary(const ArrowType& arrow, const ArrowArray& array, int64_t begin, int64_t rows) {
    const ArrowType& own = arrow.children[0];
    const ArrowArray& from = *array.dictionary;
    Column values = make_text(own, from, from.offset, from.length);
    // Kernels want a dictionary without nulls.
    if (values.validity) values = make_strs(own, from, from.offset, from.length);
    auto* kept = ::new (arena_.allocate_array<Column>(1)) Column(values);
    Column column;
    column.type = type_;
    column.encoding = Encoding::Dictionary;
    column.dictionary = kept;
    column.dictionary_size = from.length;
    const uint8_t* validity = validity_of(arrow, array);
    if (arrow.width == 4 && arrow.code_signed && !validity) {
      column.offset = begin;
      column.values = array.buffers[1];
      return column;
    }
    if (from.length > INT32_MAX) return make_strs(arrow, array, begin, rows);
    // The code of a null row may be anything; kernels look all codes up.
    auto* codes = arena_.allocate_array<int32_t>(static_cast<size_t>(rows));
    auto* bits = validity ? zeroed(static_cast<size_t>(rows + 7) / 8) : nullptr;
    bool empty = from.length == 0;
    for (int64_t row = 0; row < rows; ++row) {
      bool valid = !validity || bit_at(validity, begin + row);
      codes[row] = valid ? static_cast<int32_t>(code_at(arrow, array, begin + row)) : 0;
      if (valid && bits) bits[row >> 3] = static_cast<uint8_t>(bits[row >> 3] | 1u << (row & 7));
    }
    if (empty) return make_strs(arrow, array, begin, rows);  // all rows are null
    column.values = codes;
    column.validity = bits;
    return column;
  }

  Column make_strs(const ArrowType& arrow, const ArrowArray& array, int64_t begin, int64_t rows) {
    auto* strs = arena_.allocate_array<Str>(static_cast<size_t>(rows));
    NodeReader reader(arena_);
    for (int64_t row = 0; row < rows; ++row) {
      auto* out = ::new (strs + row) Str();
      if (!is_valid(arrow, array, begin + row)) continue;
      if (is_text(arrow)) {
        *out = repair(text_at(arrow, array, begin + row), arena_);
        continue;
      }
      reader.failed = false;
      Node node = reader.read(arrow, array, begin + row);
      unconverted_ += reader.failed;
      if (node.kind == Kind::Null) continue;
      bool plain =
          type_ == Type::String || (node.kind == Kind::String && arrow.kind == ArrowKind::Dictionary);
      *out = plain ? dynamic::to_text(&node, arena_) : dynamic::print(&node, arena_);
    }
    Column column;
    column.type = type_;
    column.encoding = Encoding::Strs;
    column.values = strs;
    return column;
  }

  Type type_;
  Arena& arena_;
  uint64_t& unconverted_;
};

}  // namespace

Result<void> ArrowInput::read(const ArrowArray& batch, Arena& arena, std::vector<Column>& columns) {
  if (!batch.release) return malformed("released already");
  if (batch.length < 0 || batch.offset < 0 || batch.length > kMaxBatchRows || batch.offset > kMaxRows)
    return malformed("length or offset is wrong");
  if (batch.n_children != num_children_ || (num_children_ > 0 && !batch.children))
    return malformed("wrong number of children");
  if (batch.null_count > 0) return malformed("a batch may not have null rows");
  columns.clear();
  for (Source& source : sources_) {
    Column missing;
    missing.type = source.type;
    if (source.child < 0 || batch.length == 0) {
      columns.push_back(missing);
      continue;
    }
    const ArrowArray* child = batch.children[source.child];
    if (!child) return malformed("a child is missing");
    auto sound = verify(source.arrow, *child, batch.offset + batch.length);
    if (!sound.ok()) return std::move(sound.error()).with_context("column " + source.arrow.name);
    columns.push_back(ColumnMaker(source.type, arena, unconverted_)
                          .make(source.arrow, *child, child->offset + batch.offset, batch.length));
  }
  return {};
}

}  // namespace kqlc::exec
