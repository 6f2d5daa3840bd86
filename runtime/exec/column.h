// SPDX-License-Identifier: Apache-2.0
//
// The columns that kernels read: Arrow layouts in the few physical encodings a kernel knows. In: buffers
// borrowed from a reader or from an ArrowArray (other Arrow types are converted once a batch on the way in).
// Out: Cells by row, through load(); with a constant encoding the switch in it folds away, which is how
// kernels are specialised. Physical types per KQL type: bool bit-packed, int int32, long/datetime/timespan
// int64 (ticks), real double, guid/decimal 16 bytes, string and dynamic one of the string encodings (dynamic
// as JSON text). Source: Arrow columnar format, "Physical memory layout".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "runtime/base/stable_memory.h"
#include "runtime/value/type.h"

namespace kqlc {

enum class Encoding : uint8_t {
  Bits,        // bool: one bit a row
  Fixed32,     // int
  Fixed64,     // long, real, datetime, timespan
  Fixed128,    // guid, decimal
  Utf8,        // int32 offsets and bytes
  LargeUtf8,   // int64 offsets and bytes
  Utf8View,    // 16-byte views, bytes in `buffers`
  Dictionary,  // int32 codes into `dictionary`, itself a string column without nulls
  Strs,        // an array of Str: what our own readers and operators make
  Missing,     // no such column: null, or "" for strings
};

struct Column {
  Encoding encoding = Encoding::Missing;
  Type type = Type::String;
  int64_t offset = 0;                    // added to a row number before anything is read
  const uint8_t* validity = nullptr;     // one bit a row, Arrow order; nullptr: no nulls
  const void* values = nullptr;          // values, offsets, views, codes or Strs
  const char* data = nullptr;            // bytes of Utf8 and LargeUtf8
  const char* const* buffers = nullptr;  // of Utf8View
  const Column* dictionary = nullptr;    // of Dictionary
  int64_t dictionary_size = 0;
};

// How values of a type lie in a column that is made here: the encoding, and bytes a value (0: one bit).
struct PhysicalType {
  Encoding encoding;
  size_t width;
};
inline PhysicalType physical_type(Type type) {
  switch (type) {
    case Type::Bool:
      return {Encoding::Bits, 0};
    case Type::Int:
      return {Encoding::Fixed32, 4};
    case Type::Guid:
    case Type::Decimal:
      return {Encoding::Fixed128, 16};
    case Type::String:
    case Type::Dynamic:
      return {Encoding::Strs, sizeof(Str)};
    default:
      return {Encoding::Fixed64, 8};
  }
}

inline bool bit_at(const uint8_t* bits, int64_t index) { return (bits[index >> 3] >> (index & 7)) & 1; }

// Returns the text of a string row, nulls as "". `encoding` is column.encoding, given apart so that it can be
// a constant. Requires: row is within the column; the buffers have been validated.
inline Str load_str(const Column& column, Encoding encoding, int64_t row) {
  row += column.offset;
  if (column.validity && !bit_at(column.validity, row)) return {};
  switch (encoding) {
    case Encoding::Utf8: {
      auto* offsets = static_cast<const int32_t*>(column.values);
      return {column.data + offsets[row], static_cast<uint64_t>(offsets[row + 1] - offsets[row])};
    }
    case Encoding::LargeUtf8: {
      auto* offsets = static_cast<const int64_t*>(column.values);
      return {column.data + offsets[row], static_cast<uint64_t>(offsets[row + 1] - offsets[row])};
    }
    case Encoding::Utf8View: {
      auto* view = static_cast<const int32_t*>(column.values) + row * 4;
      uint64_t size = static_cast<uint32_t>(view[0]);
      if (size <= 12) return {reinterpret_cast<const char*>(view + 1), size};
      return {column.buffers[view[2]] + view[3], size};
    }
    case Encoding::Strs:
      return static_cast<const Str*>(column.values)[row];
    case Encoding::Dictionary:
      return load_str(*column.dictionary, column.dictionary->encoding,
                      static_cast<const int32_t*>(column.values)[row]);
    default:
      return {};
  }
}

// Returns the value at `row` of a column of any type but dynamic (see load_dynamic in dynamic.h).
inline Cell load(const Column& column, Type type, Encoding encoding, int64_t row) {
  Cell cell;
  if (type == Type::String) {
    cell.s = load_str(column, encoding, row);
    cell.valid = true;
    return cell;
  }
  int64_t place = row + column.offset;
  cell.valid = encoding != Encoding::Missing && (!column.validity || bit_at(column.validity, place));
  if (!cell.valid) return cell;
  switch (encoding) {
    case Encoding::Bits:
      cell.b = bit_at(static_cast<const uint8_t*>(column.values), place);
      break;
    case Encoding::Fixed32:
      cell.i = static_cast<const int32_t*>(column.values)[place];
      break;
    case Encoding::Fixed64:
      cell.l = static_cast<const int64_t*>(column.values)[place];
      break;
    case Encoding::Fixed128:
      cell.g = static_cast<const Guid*>(column.values)[place];
      break;
    default:
      break;
  }
  return cell;
}

// A string column with its number of rows, as Filters take it.
struct StringColumn {
  const Column& column;
  int64_t num_rows;
};

// What is asked of texts.
class TextFilter {
 public:
  virtual ~TextFilter() = default;
  // Sets bit r of `rows`, cleared by the caller, where text r passes; a null counts as "".
  virtual void filter(const StringColumn& texts, uint64_t* rows) const = 0;
};

// Makes columns of a batch when something needs them. Whoever gets a batch with a loader asks for each
// column, and takes its Column from the batch anew, before it reads it.
class ColumnLoader {
 public:
  virtual ~ColumnLoader() = default;
  // Makes the rows of Batch::columns[column] readable that are set in `selection` (one bit a row; nullptr:
  // all); what stands in the others can be read as well, but means nothing. Returns false where the source
  // cannot give them: then the batch is of no use to whoever asked, and the source says why.
  virtual bool load(size_t column, const uint64_t* selection) = 0;
  // The least and the greatest value of a datetime column, where they are known without its rows; false where
  // they are not, or there is none.
  virtual bool find_range(size_t /*column*/, int64_t* /*least*/, int64_t* /*greatest*/) { return false; }
  // The values of a text column of which each row has one, or none, where they are known without its rows
  // and are few; false where not. They stay valid as long as the batch.
  virtual bool find_values(size_t /*column*/, Column* /*values*/, int64_t* /*size*/) { return false; }
  // Sets the bits of those rows of `selection` whose text passes, in `rows`, cleared by the caller, and makes
  // them readable as load() does. For sources that then need not keep the other texts. Returns false where
  // that is not so: then nothing is known, and load() is what is left.
  virtual bool find_rows(size_t /*column*/, const uint64_t* /*selection*/, const TextFilter& /*filter*/,
                         uint64_t* /*rows*/) {
    return false;
  }
};

// Rows of a table that lie together. `position` is that of the first row; rows follow one by one.
struct Batch {
  int64_t num_rows = 0;
  uint64_t position = 0;
  const Column* columns = nullptr;
  size_t num_columns = 0;
  // Place of the first of them in what was asked for; not 0 only where some of the columns of the rows come
  // in a batch of their own (archive::ScanRequest::wanted_rows).
  size_t first_column = 0;
  // Where texts lie that whoever holds it may keep as they are; nullptr: nothing is known.
  const std::shared_ptr<const StableMemory>* stable = nullptr;
  // Where each row stands in its source, by which it can be fetched again; nullptr: at position + row.
  const uint64_t* locators = nullptr;
  ColumnLoader* loader = nullptr;  // nullptr: all columns are there
};

}  // namespace kqlc
