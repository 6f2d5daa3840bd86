// SPDX-License-Identifier: Apache-2.0
//
// A column of a row group of Parquet, page by page. In: a column chunk without nesting, in the encodings that
// writers use for most columns (plain, dictionary), and the rows that are wanted. Out: a Column in a layout
// that kernels read. The idea: only pages that hold a wanted row are unpacked, and of few wanted rows only
// their values, of all pages together; a dictionary's texts stay codes, so what is asked of a text is asked
// once, and texts of pages that are not in the dictionary are added to it; values go from the page to where
// kernels read them. Whatever is encoded otherwise is left to Arrow's reader (parquet.cc). Source: Apache
// Parquet, "File format".
#pragma once

#include <arrow/api.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <optional>
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

// Whether levels of the page are in the encoding of old files, without a length.
inline bool has_old_levels(const parquet::DataPage& page) {
  return page.type() == parquet::PageType::DATA_PAGE &&
         static_cast<const parquet::DataPageV1&>(page).definition_level_encoding() ==
             parquet::Encoding::BIT_PACKED;
}

// Memory: the worker's arena, until its rows are cleared, and blocks that are given back when this object
// goes.
class PageColumn {
 public:
  // What the file says that a whole number or a time of the row group is at least and at most.
  struct Bounds {
    int64_t least, greatest;
  };

  // `position` is that of the row group's first row, of which it has `num_rows`.
  PageColumn(const ColumnRequest& request, PageField field, int leaf, int64_t num_rows, uint64_t position,
             std::optional<Bounds> bounds, Worker& worker);
  PageColumn(const PageColumn&) = delete;
  PageColumn& operator=(const PageColumn&) = delete;
  ~PageColumn();

  // Makes the rows of `selection` (one bit a row; nullptr: all) readable; the others are null, 0 or the first
  // value of the dictionary as long as nobody asked for them. A page of which some rows were made is made
  // whole when others of its rows are asked for. Throws parquet::ParquetException.
  void load(arrow::io::RandomAccessFile& file, parquet::RowGroupReader& group, const uint64_t* selection);

  // The texts of which each row has one, or none, if all pages say so and nothing was loaded: reads no more
  // than the dictionary. Returns false where they are not known, or not few. Throws
  // parquet::ParquetException.
  bool find_values(arrow::io::RandomAccessFile& file, parquet::RowGroupReader& group, Column* values,
                   int64_t* size);

  // Of the rows of `selection` those whose text passes: sets their bits in `rows` and makes them readable.
  // Texts are looked at page by page, where they are unpacked, and only those that pass are kept. Returns
  // false where rows were made before, or it is no text. Throws parquet::ParquetException.
  bool find_rows(arrow::io::RandomAccessFile& file, parquet::RowGroupReader& group, const uint64_t* selection,
                 const TextFilter& filter, uint64_t* rows);

  // Of the rows that were loaded; to be taken anew after each load.
  const Column& column() const { return column_; }

 private:
  enum class Made : uint8_t { None, Some, All };
  struct Place {
    int64_t row = 0;
    int64_t num_rows = 0;
    Made made = Made::None;
    bool filled = false;     // a row has a value
    int64_t num_wanted = 0;  // rows that the current load() has to make
  };
  // A data page: its values, and in which of its rows they stand.
  struct Page {
    int64_t row;
    size_t num_rows;
    size_t num_values;  // not null
    parquet::Encoding::type encoding;
    std::span<uint8_t> values;
  };
  // A data page of which few values are wanted: they are read when all pages of the chunk have been seen.
  struct LatePage {
    std::shared_ptr<parquet::Page> stored;  // what it is unpacked from
    size_t place;                           // in places_
    Page page;
    ChunkPages::LateData data;
    size_t values_begin = 0;  // behind the levels
    // The wanted rows of the page, which of its values are theirs, and the codes of these.
    std::vector<uint32_t> rows, values, codes;
  };

  static uint64_t rows_of(const Place& place, size_t word);
  static size_t last_word(const Place& place);
  static bool is_many(int64_t rows, const Place& place);
  int64_t count_wanted(const Place& place, const uint64_t* selection) const;
  bool is_known(const uint64_t* selection) const;
  bool is_late(const parquet::DataPage& page, const Place& place) const;
  size_t fixed_width() const;
  void read_pages(arrow::io::RandomAccessFile& file, parquet::RowGroupReader& group,
                  const uint64_t* selection);
  void note_known(const Place& place, const uint64_t* selection);
  bool search_texts(const Page& page, Place& place, const uint64_t* selection);
  void numbers_to_rows(const Page& page, std::vector<uint32_t>& numbers) const;
  uint64_t valid_bits(size_t word) const;
  bool search_packed(const Page& page, Place& place, const uint64_t* selection);
  void search_values();
  void search_codes(const Place& place, const uint64_t* selection);
  uint64_t passing(const uint32_t* codes, uint64_t wanted) const;
  void search_made(const Page& page, const uint64_t* selection);
  void find_chosen(const Page& page, const uint64_t* selection);
  void keep_found(const Page& page);
  void clear_rest();
  void take_data(ChunkPages& pages, const parquet::DataPage& page, size_t number, const uint64_t* selection);
  size_t levels_end(const parquet::DataPage& page, PageBytes bytes) const;
  size_t read_levels(const parquet::DataPage& page, PageBytes apart, PageBytes bytes, const Place& place,
                     size_t* num_values);
  void take_dictionary(ChunkPages& pages, std::shared_ptr<parquet::Page> page);
  void take_page(const Page& page);
  void take_fixed(const Page& page, size_t width);
  void take_times(const Page& page);
  void take_bits(const Page& page);
  void take_codes(const Page& page);
  void take_texts(const Page& page);
  void add_texts(const Page& page);
  void put_off(ChunkPages& pages, std::shared_ptr<parquet::Page> page, size_t place,
               const uint64_t* selection);
  void take_late(const uint64_t* selection);
  void clear_made();
  void unpack_late();
  void read_late_levels(const uint64_t* selection);
  size_t rows_behind(const LatePage& late, const uint64_t* selection) const;
  void choose_rows(LatePage& late, const uint64_t* selection) const;
  void want_values(LatePage& late) const;
  void pick_codes(LatePage& late) const;
  void unpack_dictionary();
  void clear_page(const Page& page);
  bool take_chosen(const LatePage& late);
  bool are_bounded(const LatePage& late) const;
  template <class T>
  void take_chosen_values(const LatePage& late, const T* dictionary);
  void decode_codes(const Page& page, uint32_t* out) const;
  void check_codes(const uint32_t* codes, size_t count) const;
  void find_texts(std::span<uint8_t> bytes, size_t count, Str* out);
  void make_room();
  void* zeroed(size_t bytes);
  void describe();

  const ColumnRequest& request_;
  PageField field_;
  int leaf_;
  int64_t num_rows_;
  uint64_t position_;
  std::optional<Bounds> bounds_;
  Worker& worker_;
  Arena& arena_;
  bool nullable_ = false;
  std::vector<Place> places_;
  std::vector<uint64_t> known_;  // the rows that were made; empty before the first
  bool complete_ = false;
  bool has_nulls_ = false;
  uint8_t* validity_ = nullptr;
  uint8_t* values_ = nullptr;  // of fixed width, bits or codes
  ZeroedBlocks::Block block_;  // where they are, if few were wanted first; rows that were not made are 0
  bool is_reading_ = false;    // pages, of which one may be made in part
  Str* texts_ = nullptr;       // of Text without a dictionary
  Str* dictionary_ = nullptr;  // of Text: those of the file, then those that were added
  size_t num_texts_ = 0;       // in it
  LateBytes fixed_dictionary_;
  std::shared_ptr<parquet::Page> dictionary_page_;  // what it is unpacked from
  size_t dictionary_size_ = 0;                      // in the file
  bool has_dictionary_ = false;
  bool has_room_ = false;                     // for texts of rows behind the dictionary
  std::vector<uint32_t> codes_, found_rows_;  // of one page
  std::vector<LatePage> late_;
  // While find_rows() looks for some: what for, and which they are.
  struct Search {
    const TextFilter* filter = nullptr;
    uint64_t* rows = nullptr;
    std::vector<Str> texts;          // of a page, by row
    std::vector<uint64_t> found;     // of its rows
    std::vector<uint8_t> of_values;  // 1: the value of the dictionary passes
    std::vector<uint32_t> few;       // the values that pass; of many only some
    HybridHits hits;                 // of a page
    bool finds_empty = false;
    bool finds_many = false;  // in a page before
  };
  Search search_;
  Column dictionary_column_;
  Column column_;
};

}  // namespace kqlc::archive
