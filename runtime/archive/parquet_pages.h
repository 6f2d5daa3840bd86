// SPDX-License-Identifier: Apache-2.0
//
// The pages of a column chunk of Parquet. In: an open file, a row group, a column. Out: pages one by one, and
// their bytes unpacked. Arrow's page reader finds them; what zstd has packed is unpacked here, since Arrow
// makes a context of its own for each page, and into its last place, where it need not be copied from.
#pragma once

#include <arrow/io/api.h>
#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>

#include <functional>
#include <memory>
#include <vector>

#include "runtime/archive/parquet_decode.h"
#include "runtime/archive/parquet_late.h"
#include "runtime/archive/source.h"

namespace kqlc::archive {

// What bytes that contradict themselves end in.
[[noreturn]] inline void fail(const char* what) { throw parquet::ParquetException(what); }

// Unpacks a frame of zstd that has as many bytes as `out`. Throws parquet::ParquetException where it has not.
void unpack_frame(PageBytes packed, std::span<uint8_t> out);

inline bool is_dictionary(parquet::Encoding::type encoding) {
  return encoding == parquet::Encoding::RLE_DICTIONARY || encoding == parquet::Encoding::PLAIN_DICTIONARY;
}

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
  // The same as the worker's frame 0, of which nothing is unpacked yet, in `room` if that has its size. What
  // it is unpacked from is valid as long as this object and the page are.
  LateBytes late_dictionary(const parquet::DictionaryPage& page, std::span<uint8_t> room);

  // A data page in its two parts; of V1 pages the levels stand in front of the values, and `levels` is empty.
  // Bytes are valid until the next page, unless `keep` puts them into the worker's arena, where they may be
  // written to.
  struct Data {
    PageBytes levels;
    std::span<uint8_t> values;
  };
  Data read_data(const parquet::DataPage& page, bool keep);
  // The same of the page of that number in the chunk, which is only read.
  Data read_codes(const parquet::DataPage& page, size_t number);
  // The same as a frame of the worker, with values of which nothing is unpacked yet, if they are not known
  // from another row group. Levels and what the values are unpacked from are valid as long as this object and
  // the page are.
  struct LateData {
    PageBytes levels;
    LateBytes values;
  };
  LateData late_data(const parquet::DataPage& page, size_t number, size_t frame);

 private:
  std::span<uint8_t> make_room(size_t size, bool keep);
  std::span<uint8_t> copy(PageBytes bytes, bool keep);
  std::span<uint8_t> unpack(PageBytes packed, size_t size, bool keep);
  LateBytes late(PageBytes packed, std::span<uint8_t> room, size_t frame);
  std::optional<std::span<uint8_t>> find_repeated(const parquet::DataPage& page, PageBytes packed,
                                                  size_t size, size_t number);
  // A data page as it is in the file.
  struct Stored {
    PageBytes levels, values;
    size_t size = 0;  // of the values, unpacked
    bool is_packed = false;
  };
  Stored stored(const parquet::DataPage& page) const;
  static size_t unpacked_size(PageBytes packed);

  Worker& worker_;
  int leaf_;
  bool unpacks_ = false;                         // pages come as they are in the file
  std::shared_ptr<const arrow::Buffer> mapped_;  // where they stay
  std::unique_ptr<parquet::PageReader> pages_;
};

}  // namespace kqlc::archive
