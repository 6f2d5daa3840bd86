// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as an NDJSON file, and the soundness of the line filter: of the rows whose text contains the
// needle, a scan with the needle as a prefilter gives all, as one without it does. The first line is the
// needle, the rest the file.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "runtime/archive/archive.h"

using namespace kqlc;

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

using Hits = std::vector<std::pair<uint64_t, std::string>>;

Hits scan(const archive::File& file, const std::string& needle, bool prefilter,
          archive::Mapping mapping = archive::Mapping::None) {
  archive::ScanRequest request;
  request.columns = {{"S", Type::String}, {"N", Type::Long}, {"Y", Type::Dynamic}, {"D", Type::DateTime}};
  request.mapping = mapping;
  if (prefilter) request.prefilters = {{{simd::Literal{needle, simd::Case::Ignored}}}};
  Hits hits;
  auto take = [&](int, const Batch& batch) {
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      std::string text(load_str(batch.columns[0], batch.columns[0].encoding, row).view());
      if (lower(text).find(lower(needle)) != std::string::npos)
        hits.push_back({batch.position + static_cast<uint64_t>(row), text});
    }
    return true;
  };
  archive::ScanReport report;
  // An error of the file as a whole is no crash; both scans then meet it.
  if (!archive::scan_file(file, request, take, &report).ok()) hits.push_back({0, "error"});
  return hits;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 65536) return 0;
  std::string text(reinterpret_cast<const char*>(data), size);
  size_t end = std::min(text.find('\n'), text.size());
  std::string needle;
  // What a kernel asks for: letters and digits of ASCII, at least three.
  for (char c : text.substr(0, std::min<size_t>(end, 24)))
    if (std::isalnum(static_cast<unsigned char>(c))) needle += c;
  text.erase(0, end + 1);
  static const int file_number = memfd_create("ndjson", 0);
  KQLC_CHECK(file_number >= 0 && ftruncate(file_number, 0) == 0, "a file in memory");
  KQLC_CHECK(pwrite(file_number, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
             "written");
  archive::File file;
  file.path = "/proc/self/fd/" + std::to_string(file_number);
  file.bytes = text.size();
  bool letters = std::any_of(needle.begin(), needle.end(), [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) && (c | 0x20) != 'e';
  });
  Hits all = scan(file, needle, false);
  KQLC_CHECK(all == scan(file, needle, false, archive::Mapping::All), "mapped and read give the same rows");
  if (needle.size() >= 3 && letters)
    KQLC_CHECK(all == scan(file, needle, true), "the line filter loses no row");
  return 0;
}
