// SPDX-License-Identifier: Apache-2.0
//
// Arrow arrays become Columns. In: a validated record batch of any Arrow types. Out: a Batch of the requested
// types: borrowed where the layout is one that kernels read, converted into the worker's arena otherwise. A
// value that does not fit is null and counted. The only header that shows Arrow C++ to the readers built on
// it.
#pragma once

#include <arrow/api.h>
#include <arrow/io/api.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/archive/source.h"

namespace kqlc::archive {

// The column of a validated array; `position` is that of its first row.
Column make_column(const arrow::Array& array, const ColumnRequest& request, uint64_t position,
                   Worker& worker);

// Hands the rows of `batch` on; columns are found by name. `row` is the number of rows of the file before it;
// the first batch of a file also counts the columns it lacks.
void emit_record_batch(const File& file, const arrow::RecordBatch& batch, uint64_t row, Worker& worker);

// A column's field: `type` as it is stored, and beside it, where it says less, the KQL type.
std::shared_ptr<arrow::Field> field_of(const ColumnRequest& column,
                                       const std::shared_ptr<arrow::DataType>& type);

// The file's own columns as KQL types.
std::vector<ColumnRequest> columns_of_schema(const arrow::Schema& schema);

// Fails when a requested column stands twice among a file's own: nobody could say which is meant.
arrow::Status refuse_repeated(const std::vector<ColumnRequest>& own, const ScanRequest& request);

// Positions in `schema` of the requested columns it has.
std::vector<int> requested_fields(const arrow::Schema& schema, const ScanRequest& request);

Error error_of(const arrow::Status& status, const File& file);

// A file, unpacked, as Arrow's readers want it.
Result<std::shared_ptr<arrow::io::InputStream>> open_input(const File& file);

// Whether arrays of the type hold texts, as such or as bytes; and the text of such an array's row that is not
// null, as it stands there.
bool is_text(arrow::Type::type id);
std::string_view text_at(const arrow::Array& array, int64_t row);

// The value of a row of a HALF_FLOAT array.
double half_at(const arrow::Array& array, int64_t row);

// Which of its values a row of a RUN_END_ENCODED array has.
int64_t run_of(const arrow::Array& array, int64_t row);

// The JSON text of one value of any type.
std::string json_text(const arrow::Array& array, int64_t row);

}  // namespace kqlc::archive
