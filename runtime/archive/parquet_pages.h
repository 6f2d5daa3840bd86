// SPDX-License-Identifier: Apache-2.0
//
// The pages of a column chunk of Parquet. In: an open file, a row group, a column. Out: pages one by one, and
// their bytes unpacked. Arrow's page reader finds them; what zstd has packed is unpacked here, since Arrow
// makes a context of its own for each page, and into its last place, where it need not be copied from.
#pragma once

#include <arrow/io/api.h>
#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/file_reader.h>

#include <functional>
#include <memory>
#include <vector>

#include "runtime/archive/parquet_decode.h"
#include "runtime/archive/source.h"

namespace kqlc::archive {

class ChunkPages {
 public:
  // `skip` is asked once for each data page, in order; what it says true of is neither unpacked nor returned.
  // All functions throw parquet::ParquetException.
  // `only_dictionary`: nothing else is asked for, and maybe nothing else read.
  ChunkPages(arrow::io::RandomAccessFile& file, parquet::RowGroupReader& group, int leaf, Worker& worker,
             std::function<bool(const parquet::DataPageStats&)> skip, bool only_dictionary = false);

  // The next page; nullptr at the end. It is valid until the next call.
  std::shared_ptr<parquet::Page> next() { return pages_->NextPage(); }

  // A dictionary's bytes, in the worker's arena.
  std::span<uint8_t> keep_dictionary(const parquet::DictionaryPage& page);

  // A data page in its two parts. Bytes are valid until the next page, unless `keep` puts them into the
  // worker's arena, where they may be written to.
  struct Data {
    PageBytes levels;
    std::span<uint8_t> values;
    bool apart = false;  // V2; in V1 pages the levels stand in front of the values, and `levels` is empty
  };
  Data read_data(const parquet::DataPage& page, bool keep);

 private:
  std::span<uint8_t> make_room(size_t size, bool keep);
  std::span<uint8_t> copy(PageBytes bytes, bool keep);
  std::span<uint8_t> unpack(PageBytes packed, size_t size, bool keep);
  static size_t unpacked_size(PageBytes packed);

  Worker& worker_;
  bool unpacks_ = false;  // pages come as they are in the file
  std::unique_ptr<parquet::PageReader> pages_;
};

}  // namespace kqlc::archive
