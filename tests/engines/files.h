// SPDX-License-Identifier: Apache-2.0
//
// TableData as files, one per storage format. In: a table whose values fit JSON, and a folder. Out: an
// archive::File of each format, so that one expectation also checks the readers. Text is written by Arrow C++
// and by a few lines here, never by the code under test.
#pragma once

#include <string>
#include <vector>

#include "runtime/archive/archive.h"
#include "tests/engines/table_data.h"

namespace kqlc::engines {

enum class Storage : uint8_t {
  Ndjson,
  NdjsonGz,
  NdjsonZst,
  Csv,
  Parquet,
  ParquetDictionary,
  Arrow,
  ArrowLarge,
  ArrowView,
  ArrowDictionary,
  ArrowStream,
};
inline constexpr Storage kAllStorage[] = {
    Storage::Ndjson,    Storage::NdjsonGz,          Storage::NdjsonZst,   Storage::Csv,
    Storage::Parquet,   Storage::ParquetDictionary, Storage::Arrow,       Storage::ArrowLarge,
    Storage::ArrowView, Storage::ArrowDictionary,   Storage::ArrowStream,
};
const char* storage_name(Storage storage);

// Writes the table below `folder`, in a file named after the table and the format.
Result<archive::File> write_file(const TableData& table, Storage storage, const std::string& folder);
// Writes the text of an NDJSON file.
Result<archive::File> write_ndjson(const std::string& table, const std::string& text,
                                   const std::string& folder);

// A folder that is gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace kqlc::engines
