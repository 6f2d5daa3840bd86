// SPDX-License-Identifier: Apache-2.0
//
// ByteStream: the bytes of a file, unpacked. In: a path and a compression. Out: bytes from first to last.
// gzip files may hold several members one after the other, zstd files several frames. A file that ends in the
// middle of one is an error that names the place, given only after everything before it has been handed out.
// PlainFile and TextBuffer: pieces of a file that is not packed.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "runtime/archive/source.h"

namespace kqlc::archive {
namespace {

constexpr size_t kInputBytes = size_t{1} << 18;

class PlainBytes : public ByteStream {
 public:
  PlainBytes(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  PlainBytes(const PlainBytes&) = delete;
  PlainBytes& operator=(const PlainBytes&) = delete;
  ~PlainBytes() override { close(descriptor_); }

  Result<size_t> read(char* out, size_t size) override {
    ssize_t count;
    do {
      count = ::read(descriptor_, out, size);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return Error{ErrorCode::Io, path_ + ": " + std::strerror(errno)};
    bytes_read_ += count;
    return static_cast<size_t>(count);
  }
  uint64_t bytes_read() const override { return bytes_read_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int descriptor_;
  uint64_t bytes_read_ = 0;
};

// What gzip and zstd share: packed input from a file, read piece by piece.
class PackedBytes : public ByteStream {
 public:
  explicit PackedBytes(std::unique_ptr<PlainBytes> file) : file_(std::move(file)), input_(kInputBytes) {}

  Result<size_t> read(char* out, size_t size) override {
    if (failure_) return *failure_;
    size_t done = 0;
    while (done < size) {
      if (begin_ == end_ && !ended_) {
        auto count = file_->read(input_.data(), input_.size());
        if (!count.ok()) return count;
        begin_ = 0;
        end_ = count.value();
        ended_ = end_ == 0;
      }
      if (ended_ && begin_ == end_ && !inside_) break;
      size_t before = done;
      const char* problem = unpack(out, size, &done);
      if (!problem && done == before && ended_ && inside_)
        problem = "ends in the middle of the compressed data";
      if (problem) {
        failure_ =
            Error{ErrorCode::Format, file_->path() + ": byte " + std::to_string(place()) + ": " + problem};
        if (done) break;
        return *failure_;
      }
    }
    return done;
  }
  uint64_t bytes_read() const override { return place(); }

 protected:
  // Moves begin_ and *done on; keeps inside_. Returns what is wrong with the data, or nullptr.
  virtual const char* unpack(char* out, size_t size, size_t* done) = 0;

  uint64_t place() const { return file_->bytes_read() - (end_ - begin_); }

  std::unique_ptr<PlainBytes> file_;
  std::vector<char> input_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
  bool inside_ = false;  // a member or frame was begun and not ended
  std::optional<Error> failure_;
};

class GzipBytes : public PackedBytes {
 public:
  explicit GzipBytes(std::unique_ptr<PlainBytes> file) : PackedBytes(std::move(file)) {
    KQLC_CHECK(inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK, "zlib has no memory");
  }
  ~GzipBytes() override { inflateEnd(&stream_); }

 private:
  const char* unpack(char* out, size_t size, size_t* done) override {
    inside_ = true;
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data() + begin_);
    stream_.avail_in = static_cast<uInt>(end_ - begin_);
    stream_.next_out = reinterpret_cast<Bytef*>(out + *done);
    auto room = static_cast<uInt>(std::min<size_t>(size - *done, size_t{1} << 30));
    stream_.avail_out = room;
    int status = inflate(&stream_, Z_NO_FLUSH);
    begin_ = end_ - stream_.avail_in;
    *done += room - stream_.avail_out;
    if (status == Z_STREAM_END) {
      inside_ = false;
      inflateReset(&stream_);
      skip_padding();
      return nullptr;
    }
    if (status == Z_OK || status == Z_BUF_ERROR) return nullptr;
    return stream_.msg ? stream_.msg : "damaged gzip data";
  }

  // Tools that write blocks of fixed size fill the last one with zeros.
  void skip_padding() {
    while (begin_ < end_ && input_[begin_] == 0) ++begin_;
  }

  z_stream stream_{};
};

class ZstdBytes : public PackedBytes {
 public:
  explicit ZstdBytes(std::unique_ptr<PlainBytes> file)
      : PackedBytes(std::move(file)), stream_(ZSTD_createDStream()) {
    KQLC_CHECK(stream_ != nullptr, "zstd has no memory");
  }
  ~ZstdBytes() override { ZSTD_freeDStream(stream_); }

 private:
  const char* unpack(char* out, size_t size, size_t* done) override {
    ZSTD_inBuffer input{input_.data(), end_, begin_};
    ZSTD_outBuffer output{out, size, *done};
    size_t status = ZSTD_decompressStream(stream_, &output, &input);
    begin_ = input.pos;
    *done = output.pos;
    if (ZSTD_isError(status)) return ZSTD_getErrorName(status);
    inside_ = status != 0;
    return nullptr;
  }

  ZSTD_DStream* stream_;
};

}  // namespace

Result<std::unique_ptr<PlainFile>> PlainFile::open(const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Error{ErrorCode::Io, path + ": " + std::strerror(errno)};
  std::unique_ptr<PlainFile> file(new PlainFile(path, descriptor));
  struct stat status;
  if (fstat(descriptor, &status) != 0) return Error{ErrorCode::Io, path + ": " + std::strerror(errno)};
  file->size_ = static_cast<uint64_t>(status.st_size);
  return file;
}

PlainFile::~PlainFile() { close(descriptor_); }

Result<void> PlainFile::extend(uint64_t from, size_t wanted, TextBuffer& buffer) const {
  wanted = std::min<uint64_t>(wanted, size_ - std::min(from, size_));
  size_t have = buffer.size();
  buffer.resize(wanted);
  while (have < wanted) {
    ssize_t count = pread(descriptor_, buffer.data() + have, wanted - have, static_cast<off_t>(from + have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error{ErrorCode::Io, path_ + ": " + std::strerror(errno)};
    if (count == 0) return Error{ErrorCode::Io, path_ + ": became shorter while it was read"};
    have += static_cast<size_t>(count);
  }
  return {};
}

void TextBuffer::resize(size_t size) {
  if (size > capacity_) {
    size_t capacity = std::max(size, capacity_ + capacity_ / 2);
    std::unique_ptr<char[]> bytes(new char[capacity + kPadding]);
    if (size_) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }
  size_ = size;
  if (bytes_) std::memset(bytes_.get() + size_, 0, kPadding);
}

void TextBuffer::append(std::string_view text) {
  size_t before = size_;
  resize(before + text.size());
  if (!text.empty()) std::memcpy(bytes_.get() + before, text.data(), text.size());
}

Result<std::unique_ptr<ByteStream>> open_bytes(const std::string& path, Compression compression) {
  int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Error{ErrorCode::Io, path + ": " + std::strerror(errno)};
  auto plain = std::make_unique<PlainBytes>(path, descriptor);
  std::unique_ptr<ByteStream> stream;
  if (compression == Compression::Gzip) {
    stream = std::make_unique<GzipBytes>(std::move(plain));
  } else if (compression == Compression::Zstd) {
    stream = std::make_unique<ZstdBytes>(std::move(plain));
  } else {
    stream = std::move(plain);
  }
  return stream;
}

Result<void> read_all(const File& file, size_t limit, TextBuffer* text) {
  std::unique_ptr<ByteStream> stream;
  KQLC_TRY_ASSIGN(stream, open_bytes(file.path, file.compression));
  text->resize(0);
  while (true) {
    size_t before = text->size();
    text->resize(before + kChunkBytes);
    size_t count;
    KQLC_TRY_ASSIGN(count, stream->read(text->data() + before, kChunkBytes));
    text->resize(before + count);
    if (count == 0) return {};
    if (text->size() > limit) {
      return Error{ErrorCode::Unsupported, file.path + ": a JSON document of more than " +
                                               std::to_string(limit >> 20) + " MiB; write one object a line"};
    }
  }
}

}  // namespace kqlc::archive
