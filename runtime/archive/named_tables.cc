// SPDX-License-Identifier: Apache-2.0
//
// Which tables the rows of a file name: a stream of Defender's envelopes may hold many
// (`AdvancedHunting-<Table>`), an export of Log Analytics may say it in a column `Type`. In: a file. Out:
// names found in its text, known ones only. A name that stands elsewhere in the text does no harm: no row
// will claim it.
#include <algorithm>
#include <cctype>
#include <set>

#include "runtime/archive/json_keys.h"
#include "runtime/archive/json_text.h"
#include "runtime/archive/source.h"
#include "runtime/value/reading.h"

namespace kqlc::archive {
namespace {

constexpr size_t kLongestName = 256;
constexpr size_t kOverlap = 8 * kLongestName;  // of two reads: a name and its mark, all in escapes

std::string_view word_at(std::string_view text, size_t begin) {
  size_t end = begin;
  while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_'))
    ++end;
  return text.substr(begin, end - begin);
}

void find_names(std::string_view text, std::string_view mark, std::set<std::string, std::less<>>* names) {
  for (size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + 1)) {
    size_t begin = at + mark.size();
    if (mark.front() == '"') begin = std::min(text.find_first_not_of(" \t:\"", begin), text.size());
    std::string_view name = word_at(text, begin);
    if (!name.empty() && name.size() <= kLongestName) names->emplace(name);
  }
}

}  // namespace

Result<std::vector<std::string>> find_named_tables(const File& file, const std::vector<std::string>& known) {
  std::vector<std::string> out;
  if (file.format != Format::Ndjson && file.format != Format::Json) return out;
  std::unique_ptr<ByteStream> stream;
  KQLC_TRY_ASSIGN(stream, open_bytes(file.path, file.compression));
  std::set<std::string, std::less<>> names;
  std::string buffer;
  while (true) {
    size_t kept = std::min(buffer.size(), kOverlap);
    buffer.erase(0, buffer.size() - kept);
    buffer.resize(kept + kChunkBytes);
    auto count = stream->read(buffer.data() + kept, kChunkBytes);
    buffer.resize(kept + (count.ok() ? count.value() : 0));
    std::string text = unescape_names(buffer);
    find_names(text, kAdvancedHunting, &names);
    find_names(text, "\"Type\"", &names);
    if (!count.ok() || count.value() == 0) break;  // the scan will say what is wrong
  }
  for (const std::string& table : known)
    if (std::any_of(names.begin(), names.end(),
                    [&](const std::string& name) { return reading::equals_caseless(name, table); }))
      out.push_back(table);
  for (const std::string& name : names)
    if (name.ends_with("_CL") && std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
  return out;
}

}  // namespace kqlc::archive
