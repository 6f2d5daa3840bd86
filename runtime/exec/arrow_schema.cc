// SPDX-License-Identifier: Apache-2.0
//
// Format strings of the Arrow C data interface.
#include <charconv>
#include <cstring>

#include "runtime/exec/arrow_in.h"
#include "runtime/value/datetime.h"

namespace kqlc::exec {

namespace {

// Nesting beyond this is refused, so that walks over a type cannot overflow the stack.
constexpr int kMaxDepth = 64;

Error unsupported(std::string_view format) {
  return {ErrorCode::Unsupported, "Arrow type `" + std::string(format.substr(0, 40)) + "` is not read"};
}
Error malformed(const char* what) { return {ErrorCode::Format, std::string("Arrow schema: ") + what}; }

// Reads numbers that commas part.
bool read_numbers(std::string_view text, std::vector<int64_t>& out) {
  while (!text.empty()) {
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return false;
    out.push_back(value);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.empty()) return true;
    if (text[0] != ',') return false;
    text.remove_prefix(1);
  }
  return false;
}

ArrowType fixed(ArrowKind kind, int64_t width) {
  ArrowType type;
  type.kind = kind;
  type.width = width;
  return type;
}

// Ticks are 100 ns.
ArrowType time_type(char unit, int64_t width, bool span) {
  ArrowType type = fixed(ArrowKind::Time, width);
  type.span = span;
  switch (unit) {
    case 's':
      type.multiply = datetime::kTicksPerSecond;
      break;
    case 'm':
      type.multiply = datetime::kTicksPerMillisecond;
      break;
    case 'u':
      type.multiply = datetime::kTicksPerMicrosecond;
      break;
    default:
      type.divide = 100;
  }
  return type;
}

Result<ArrowType> read_time(std::string_view format) {
  if (format == "tdD") {
    ArrowType type = fixed(ArrowKind::Time, 4);
    type.multiply = datetime::kTicksPerDay;
    return type;
  }
  if (format == "tdm") return time_type('m', 8, false);
  if (format == "tts" || format == "ttm") return time_type(format[2], 4, true);
  if (format == "ttu" || format == "ttn") return time_type(format[2], 8, true);
  bool unit = format.size() >= 3 && std::strchr("smun", format[2]) != nullptr;
  if (unit && format[1] == 'D' && format.size() == 3) return time_type(format[2], 8, true);
  if (unit && format[1] == 's' && format.size() >= 4 && format[3] == ':')
    return time_type(format[2], 8, false);
  return unsupported(format);
}

Result<ArrowType> read_sized(std::string_view format) {
  std::vector<int64_t> numbers;
  if (format.size() < 3 || format[1] != ':' || !read_numbers(format.substr(2), numbers))
    return malformed("a size is missing");
  if (format[0] == 'w') {
    if (numbers.size() != 1 || numbers[0] < 0 || numbers[0] > INT32_MAX) return malformed("a size is wrong");
    return fixed(ArrowKind::FixedBinary, numbers[0]);
  }
  int64_t bits = numbers.size() == 3 ? numbers[2] : 128;
  if (numbers.size() < 2 || numbers[1] < -100 || numbers[1] > 100) return malformed("a scale is wrong");
  if (bits != 32 && bits != 64 && bits != 128 && bits != 256) return unsupported(format);
  ArrowType type = fixed(ArrowKind::Decimal, bits / 8);
  type.scale = static_cast<int32_t>(numbers[1]);
  return type;
}

Result<ArrowType> read_leaf(std::string_view format) {
  if (format == "vu" || format == "vz") return fixed(ArrowKind::TextView, 16);
  if (format.starts_with("t")) return read_time(format);
  if (format.starts_with("w") || format.starts_with("d")) return read_sized(format);
  if (format.size() != 1) return unsupported(format);
  switch (format[0]) {
    case 'n':
      return fixed(ArrowKind::Null, 0);
    case 'b':
      return fixed(ArrowKind::Bool, 0);
    case 'c':
      return fixed(ArrowKind::SignedInt, 1);
    case 's':
      return fixed(ArrowKind::SignedInt, 2);
    case 'i':
      return fixed(ArrowKind::SignedInt, 4);
    case 'l':
      return fixed(ArrowKind::SignedInt, 8);
    case 'C':
      return fixed(ArrowKind::UnsignedInt, 1);
    case 'S':
      return fixed(ArrowKind::UnsignedInt, 2);
    case 'I':
      return fixed(ArrowKind::UnsignedInt, 4);
    case 'L':
      return fixed(ArrowKind::UnsignedInt, 8);
    case 'e':
      return fixed(ArrowKind::Half, 2);
    case 'f':
      return fixed(ArrowKind::Float, 4);
    case 'g':
      return fixed(ArrowKind::Double, 8);
    case 'u':
    case 'z':
      return fixed(ArrowKind::Text, 4);
    case 'U':
    case 'Z':
      return fixed(ArrowKind::LargeText, 8);
    default:
      return unsupported(format);
  }
}

Result<ArrowType> read_nested(std::string_view format, int64_t num_children) {
  ArrowType type;
  if (format == "+s") {
    type.kind = ArrowKind::Struct;
    return type;
  }
  std::vector<int64_t> numbers;
  if (format == "+l") {
    type = fixed(ArrowKind::List, 4);
  } else if (format == "+L") {
    type = fixed(ArrowKind::LargeList, 8);
  } else if (format == "+m") {
    type = fixed(ArrowKind::Map, 4);
  } else if (format.starts_with("+w:")) {
    bool size = read_numbers(format.substr(3), numbers) && numbers.size() == 1 && numbers[0] >= 0 &&
                numbers[0] <= INT32_MAX;
    if (!size) return malformed("a size is wrong");
    type = fixed(ArrowKind::FixedList, numbers[0]);
  } else {
    return unsupported(format);
  }
  if (num_children != 1) return malformed("a list needs one child");
  return type;
}

Result<ArrowType> read_type(const ArrowSchema& schema, int depth);

Result<void> read_children(const ArrowSchema& schema, int depth, ArrowType& type) {
  for (int64_t i = 0; i < schema.n_children; ++i) {
    if (!schema.children || !schema.children[i]) return malformed("a child is missing");
    ArrowType child;
    KQLC_TRY_ASSIGN(child, read_type(*schema.children[i], depth + 1));
    type.children.push_back(std::move(child));
  }
  bool entries = type.kind != ArrowKind::Map ||
                 (type.children[0].kind == ArrowKind::Struct && type.children[0].children.size() == 2);
  return entries ? Result<void>() : Result<void>(malformed("a map needs keys and values"));
}

Result<ArrowType> read_type(const ArrowSchema& schema, int depth) {
  if (depth > kMaxDepth) return malformed("nested too deep");
  if (!schema.format || !schema.release) return malformed("no format, or released already");
  std::string_view format = schema.format;
  ArrowType type;
  if (format.starts_with("+")) {
    KQLC_TRY_ASSIGN(type, read_nested(format, schema.n_children));
    KQLC_TRY(read_children(schema, depth, type));
  } else {
    KQLC_TRY_ASSIGN(type, read_leaf(format));
  }
  type.name = schema.name ? schema.name : "";
  if (!schema.dictionary) return type;
  bool code_signed = type.kind == ArrowKind::SignedInt;
  if (!code_signed && type.kind != ArrowKind::UnsignedInt)
    return malformed("codes of a dictionary must be integers");
  ArrowType values;
  KQLC_TRY_ASSIGN(values, read_type(*schema.dictionary, depth + 1));
  type.kind = ArrowKind::Dictionary;
  type.code_signed = code_signed;
  type.children.push_back(std::move(values));
  return type;
}

}  // namespace

Result<ArrowType> read_schema(const ArrowSchema& schema) { return read_type(schema, 0); }

Result<ArrowInput> ArrowInput::bind(const ArrowSchema& schema, const std::vector<Field>& columns) {
  if (!schema.format || !schema.release) return malformed("no format, or released already");
  if (std::strcmp(schema.format, "+s") != 0) return malformed("a batch must be a struct");
  if (schema.n_children < 0 || (schema.n_children > 0 && !schema.children))
    return malformed("a child is missing");
  ArrowInput input;
  input.num_children_ = schema.n_children;
  for (const Field& column : columns) {
    Source& source = input.sources_.emplace_back();
    source.type = column.type;
    for (int64_t i = 0; i < schema.n_children && source.child < 0; ++i)
      if (schema.children[i] && schema.children[i]->name && column.name == schema.children[i]->name)
        source.child = i;
    if (source.child < 0) continue;
    auto type = read_schema(*schema.children[source.child]);
    if (!type.ok()) return std::move(type.error()).with_context("column " + column.name);
    source.arrow = std::move(type).value();
  }
  return input;
}

}  // namespace kqlc::exec
