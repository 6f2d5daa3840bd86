// SPDX-License-Identifier: Apache-2.0
//
// Rows as Arrow IPC or Parquet. In: rows of Cells with the names and types of their columns. Out: a stream on
// a file descriptor, or a file. Types are those of the table of physical types: times as timestamp[ns, UTC]
// and duration[ns] (or us), guid as FixedSizeBinary(16) with the extension name arrow.uuid, decimal as
// decimal128, dynamic as utf8 with the extension name arrow.json. Arrow C++ stays behind this header.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/value/row_list.h"
#include "runtime/value/type.h"

namespace kqlc::output {

struct OutputColumn {
  std::string name;
  Type type = Type::String;
};

struct ArrowOutput {
  std::vector<OutputColumn> columns;
  const RowList* rows = nullptr;
  bool microseconds = false;  // times in us: what ns cannot hold, without the last digit of the ticks
  std::string partial;        // why rows are missing; goes into the schema's metadata as `kqlc.partial`
};

// Writes an IPC stream to an open descriptor, which stays open.
// Errors: Io; Usage for a value that its Arrow type cannot hold, naming the way out.
Result<void> write_arrow_stream(const ArrowOutput& output, int descriptor);
// Writes an IPC file with a footer, or a Parquet file, at `path`. Errors as above.
Result<void> write_arrow_file(const ArrowOutput& output, const std::string& path);
Result<void> write_parquet_file(const ArrowOutput& output, const std::string& path);

}  // namespace kqlc::output
