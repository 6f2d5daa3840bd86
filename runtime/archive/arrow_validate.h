// SPDX-License-Identifier: Apache-2.0
//
// Validation of Arrow arrays from files. In: an array as Arrow's readers give it. Out: one that can be read
// without leaving its buffers. Arrow refuses an array for one text that is no UTF-8; readers here repair such
// texts (make_column), so an array that is right but for them is taken as one of bytes.
#pragma once

#include <arrow/api.h>

#include <memory>

namespace kqlc::archive {

// Returns the array, or the same buffers with types of bytes in place of those of text, which make_column
// reads alike. Errors: whatever else contradicts itself.
arrow::Result<std::shared_ptr<arrow::Array>> validate_array(const std::shared_ptr<arrow::Array>& array);
// The same for all columns.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> validate_batch(
    const std::shared_ptr<arrow::RecordBatch>& batch);

}  // namespace kqlc::archive
