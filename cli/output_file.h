// SPDX-License-Identifier: Apache-2.0
//
// Where results go: standard output, or a file that is written under another name and renamed when it is
// complete. In: bytes. Out: a file that is whole or not there. A pipe whose reader has gone swallows the rest
// without an error.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace kqlc::cli {

class OutputFile {
 public:
  // `path` "" is standard output. Errors: the file cannot be made.
  static Result<OutputFile> open(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  // Removes a file that was not committed.
  ~OutputFile();

  Result<void> write(std::string_view bytes);
  // Completes the output: flushed, and under its own name.
  Result<void> commit();

  int descriptor() const { return descriptor_; }
  // Whether the pipe that is written to has no reader any more, so that nothing more need be written.
  bool is_reader_gone() const;
  // The name of the file while it is written; "" for standard output.
  const std::string& path_for_now() const { return temporary_; }

 private:
  OutputFile(std::string path, std::string temporary, int descriptor);

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
  bool reader_gone_ = false;
};

}  // namespace kqlc::cli
