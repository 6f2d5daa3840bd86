// SPDX-License-Identifier: Apache-2.0
//
// Which buffers say where values are: all of fixed width of a type whose values are not themselves of fixed
// width (offsets and sizes of text and lists, views, type ids of unions), codes of dictionaries and the ends
// of runs. Four bytes a row or sixteen; the values they lead to are the many bytes.
#include "runtime/archive/arrow_mapped.h"

#include <arrow/util/future.h>

#include <algorithm>
#include <cstring>
#include <mutex>

namespace kqlc::archive {
namespace {

// What is no longer than this is copied: that costs less than the page faults of a slice, and Arrow follows
// metadata more than once.
constexpr int64_t kShortRead = int64_t{1} << 16;

class MappedBuffer : public arrow::Buffer {
 public:
  MappedBuffer(std::shared_ptr<const MappedFile> file, int64_t offset, int64_t size)
      : Buffer(reinterpret_cast<const uint8_t*>(file->data()) + offset, size), file_(std::move(file)) {}

 private:
  std::shared_ptr<const MappedFile> file_;
};

class MappedInput : public arrow::io::RandomAccessFile {
 public:
  explicit MappedInput(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}

  arrow::Status Close() override { return closed_ = true, arrow::Status::OK(); }
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return place_; }
  arrow::Status Seek(int64_t place) override { return place_ = place, arrow::Status::OK(); }
  arrow::Result<int64_t> GetSize() override { return static_cast<int64_t>(file_->size()); }
  bool supports_zero_copy() const override { return true; }

  arrow::Result<int64_t> ReadAt(int64_t offset, int64_t size, void* out) override {
    ARROW_ASSIGN_OR_RAISE(size, readable(offset, size));
    std::memcpy(out, file_->data() + offset, static_cast<size_t>(size));
    return size;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t offset, int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(size, readable(offset, size));
    if (size > kShortRead) return std::make_shared<MappedBuffer>(file_, offset, size);
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer, arrow::AllocateBuffer(size));
    ARROW_RETURN_NOT_OK(ReadAt(offset, size, buffer->mutable_data()));
    return buffer;
  }
  // On the thread that asks: Arrow would hand it to a thread of its pool, and wait for that.
  arrow::Future<std::shared_ptr<arrow::Buffer>> ReadAsync(const arrow::io::IOContext&, int64_t offset,
                                                          int64_t size, bool may_be_short) override {
    arrow::Result<std::shared_ptr<arrow::Buffer>> read = ReadAt(offset, size);
    if (read.ok() && !may_be_short && (*read)->size() != size)
      read = arrow::Status::IOError("a range that ends outside the file");
    return arrow::Future<std::shared_ptr<arrow::Buffer>>::MakeFinished(std::move(read));
  }
  arrow::Status WillNeed(const std::vector<arrow::io::ReadRange>& ranges) override {
    for (const arrow::io::ReadRange& range : ranges) {
      ARROW_ASSIGN_OR_RAISE(const int64_t size, readable(range.offset, range.length));
      file_->populate(static_cast<uint64_t>(range.offset), static_cast<uint64_t>(size));
    }
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> Read(int64_t size, void* out) override {
    ARROW_ASSIGN_OR_RAISE(size, ReadAt(place_, size, out));
    place_ += size;
    return size;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(place_, size));
    place_ += buffer->size();
    return buffer;
  }

 private:
  // How much of a range there is.
  arrow::Result<int64_t> readable(int64_t offset, int64_t size) const {
    auto end = static_cast<int64_t>(file_->size());
    if (offset < 0 || size < 0 || offset > end) return arrow::Status::Invalid("a range outside the file");
    return std::min(size, end - offset);
  }

  std::shared_ptr<const MappedFile> file_;
  int64_t place_ = 0;
  bool closed_ = false;
};

// The type whose layout the data has.
const arrow::DataType& storage_of(const arrow::DataType& type) {
  if (type.id() != arrow::Type::EXTENSION) return type;
  return storage_of(*static_cast<const arrow::ExtensionType&>(type).storage_type());
}

}  // namespace

std::shared_ptr<arrow::io::RandomAccessFile> open_mapped_input(std::shared_ptr<const MappedFile> file) {
  return std::make_shared<MappedInput>(std::move(file));
}

arrow::Status PlaceCopier::copy_buffer(std::shared_ptr<arrow::Buffer>& buffer) {
  if (!buffer || !file_->contains(buffer->data())) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(buffer, buffer->CopySlice(0, buffer->size()));
  return arrow::Status::OK();
}

bool PlaceCopier::copy_bytes(const void* from, size_t bytes, void* out) const {
  if (file_->contains(from)) return file_->copy(from, bytes, out);
  std::memcpy(out, from, bytes);
  return true;
}

// Many batches share a dictionary.
arrow::Result<PlaceCopier::DataPtr> PlaceCopier::copy_dictionary(const DataPtr& dictionary) {
  {
    std::lock_guard lock(mutex_);
    for (const auto& [original, copied] : dictionaries_)
      if (original == dictionary) return copied;
  }
  // Without the lock: its values may be coded as well.
  ARROW_ASSIGN_OR_RAISE(DataPtr copied, copy(*dictionary));
  std::lock_guard lock(mutex_);
  dictionaries_.emplace_back(dictionary, copied);
  return copied;
}

arrow::Result<PlaceCopier::DataPtr> PlaceCopier::copy(const arrow::ArrayData& data) {
  DataPtr out = data.Copy();
  const arrow::DataType& type = storage_of(*data.type);
  bool has_places = !arrow::is_fixed_width(type.id()) || type.id() == arrow::Type::DICTIONARY;
  std::vector<arrow::DataTypeLayout::BufferSpec> layout = type.layout().buffers;
  for (size_t i = 0; has_places && i < std::min(layout.size(), out->buffers.size()); ++i)
    if (layout[i].kind == arrow::DataTypeLayout::FIXED_WIDTH)
      ARROW_RETURN_NOT_OK(copy_buffer(out->buffers[i]));
  for (auto& child : out->child_data) {
    ARROW_ASSIGN_OR_RAISE(child, copy(*child));
  }
  if (type.id() == arrow::Type::RUN_END_ENCODED && !out->child_data.empty())
    for (auto& buffer : out->child_data[0]->buffers) ARROW_RETURN_NOT_OK(copy_buffer(buffer));
  if (data.dictionary) {
    ARROW_ASSIGN_OR_RAISE(out->dictionary, copy_dictionary(data.dictionary));
  }
  return out;
}

}  // namespace kqlc::archive
