// SPDX-License-Identifier: Apache-2.0
//
// Arrow over a mapping. In: a MappedFile. Out: what Arrow's reader reads from, without a copy; and record
// batches that stay safe to use whatever happens to the file. The one idea: values and text are used where
// they are in the file; what says where they are (offsets, views, codes, run ends) is copied, so that it is
// still what was validated when it is followed.
#pragma once

#include <arrow/api.h>
#include <arrow/io/api.h>

#include <memory>
#include <utility>
#include <vector>

#include "runtime/archive/mapped_file.h"
#include "runtime/base/spinning_mutex.h"

namespace kqlc::archive {

// Ranges of the mapping as buffers that keep it alive; short ones, metadata among them, as copies.
std::shared_ptr<arrow::io::RandomAccessFile> open_mapped_input(std::shared_ptr<const MappedFile> file);

// Copies what says where values are, as far as it lies in the mapping. Requires nothing of the data.
class PlaceCopier {
 public:
  explicit PlaceCopier(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}

  using DataPtr = std::shared_ptr<arrow::ArrayData>;
  arrow::Result<DataPtr> copy(const arrow::ArrayData& data);
  // Copies bytes, which may lie in the mapping. Returns false where they cannot be read.
  bool copy_bytes(const void* from, size_t bytes, void* out) const;

 private:
  arrow::Status copy_buffer(std::shared_ptr<arrow::Buffer>& buffer);
  arrow::Result<DataPtr> copy_dictionary(const DataPtr& dictionary);

  std::shared_ptr<const MappedFile> file_;
  SpinningMutex mutex_;
  std::vector<std::pair<DataPtr, DataPtr>> dictionaries_;  // as they came, and copied
};

}  // namespace kqlc::archive
