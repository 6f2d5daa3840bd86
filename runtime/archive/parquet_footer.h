// SPDX-License-Identifier: Apache-2.0
//
// The footer of a Parquet file, read once a process. In: a File. Out: a reader of Arrow with the file's
// metadata. The schema, the query time, each scan and each fetch open a file anew, and of a wide table the
// footer has megabytes.
#pragma once

#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>

#include <memory>

#include "runtime/archive/archive.h"

namespace kqlc::archive {

struct OpenedParquet {
  std::shared_ptr<arrow::io::RandomAccessFile> input;
  std::unique_ptr<parquet::arrow::FileReader> reader;  // reads from `input`
};

// Opens a file for reading by any thread. Footers of files that are what they were when they were listed are
// kept, up to some megabytes. Errors: as Arrow's; may throw what Arrow throws.
arrow::Result<OpenedParquet> open_parquet_file(const File& file);

}  // namespace kqlc::archive
