// SPDX-License-Identifier: Apache-2.0
//
// A column of a row group of Parquet, page by page. In: a column chunk without nesting, in the encodings that
// writers use for most columns (plain, dictionary), and the rows that are wanted. Out: a Column in a layout
// that kernels read. The idea: only pages that hold a wanted row are unpacked; a dictionary's texts stay
// codes, so what is asked of a text is asked once; values go from the page to where kernels read them.
// Whatever is encoded otherwise is left to Arrow's reader (parquet.cc). Source: Apache Parquet, "File
// format".
#pragma once

#include <arrow/api.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <vector>

#include "runtime/archive/parquet_pages.h"

namespace kqlc::archive {

// What the values of a column are in the file, and here.
enum class PageForm : uint8_t {
  Other,    // not read here
  Text,     // BYTE_ARRAY: string, dynamic
  Fixed32,  // INT32: int
  Fixed64,  // INT64, DOUBLE: long, real
  Time,     // INT64, a timestamp: datetime
  Bits,     // BOOLEAN: bool
};

struct PageField {
  PageForm form = PageForm::Other;
  int64_t ticks = 0;  // of Time: of one unit; 0 for nanoseconds
};

// How pages of `leaf`, which Arrow takes for `own`, become a column of the requested type.
PageField page_field(const parquet::ColumnDescriptor& leaf, const arrow::DataType& own, Type requested);

// Whether all pages of the chunk are in encodings that are read here.
bool has_plain_pages(const parquet::ColumnChunkMetaData& chunk);

// Memory: the worker's arena, until its rows are cleared.
class PageColumn {
 public:
  // `position` is that of the row group's first row, of which it has `num_rows`.
  PageColumn(const ColumnRequest& request, PageField field, int leaf, int64_t num_rows, uint64_t position,
             Worker& worker);

  // Makes the rows of `selection` (one bit a row; nullptr: all) readable; the others are null, 0 or the first
  // value of the dictionary as long as nobody asked for them. A second call reads all that is left.
  // Throws parquet::ParquetException.
  void load(arrow::io::RandomAccessFile& file, parquet::RowGroupReader& group, const uint64_t* selection);

  // Of the rows that were loaded; to be taken anew after each load.
  const Column& column() const { return column_; }

 private:
  struct Place {
    int64_t row = 0;
    int64_t num_rows = 0;
    bool loaded = false;
    bool filled = false;  // a row has a value
  };
  // A data page: its values, and in which of its rows they stand.
  struct Page {
    int64_t row;
    size_t num_rows;
    size_t num_values;  // not null
    parquet::Encoding::type encoding;
    std::span<uint8_t> values;
  };

  bool is_wanted(const Place& place, const uint64_t* selection) const;
  void clear_rest();
  void take_data(ChunkPages& pages, const parquet::DataPage& page, Place& place);
  std::span<uint8_t> read_levels(const parquet::DataPage& page, const ChunkPages::Data& data,
                                 const Place& place, size_t* num_values);
  void take_dictionary(ChunkPages& pages, const parquet::DictionaryPage& page);
  void take_page(const Page& page);
  void take_fixed(const Page& page, size_t width);
  void take_times(const Page& page);
  void take_bits(const Page& page);
  void take_codes(const Page& page);
  void take_texts(const Page& page);
  void decode_codes(const Page& page, uint32_t* out) const;
  Str* find_texts(std::span<uint8_t> bytes, size_t count);
  void repair(Str* texts, size_t count);
  void begin_texts();
  void* zeroed(size_t bytes);
  void describe();

  const ColumnRequest& request_;
  PageField field_;
  int leaf_;
  int64_t num_rows_;
  uint64_t position_;
  Worker& worker_;
  Arena& arena_;
  bool nullable_ = false;
  std::vector<Place> places_;
  bool complete_ = false;
  bool has_nulls_ = false;
  uint8_t* validity_ = nullptr;
  uint8_t* values_ = nullptr;  // of fixed width, bits or codes
  Str* texts_ = nullptr;       // of Text, once a page is not in the dictionary
  Str* dictionary_ = nullptr;  // of Text
  uint8_t* fixed_dictionary_ = nullptr;
  size_t dictionary_size_ = 0;
  bool has_dictionary_ = false;
  std::vector<uint32_t> codes_;  // of one page
  Column dictionary_column_;
  Column column_;
};

}  // namespace kqlc::archive
