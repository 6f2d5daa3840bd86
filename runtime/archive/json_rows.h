// SPDX-License-Identifier: Apache-2.0
//
// JsonRows: JSON text becomes rows. In: one JSON value: a flat row, the envelope of Defender's streaming API
// or of Azure's diagnostic settings, an object with an array of rows (`records`, `Results`, `results`,
// `value`), tables of the Log Analytics query API, or an array of any of these. Out: rows in the worker's
// RowBuilder. Only the fields that were asked for are looked at. Keys come in the same order line after line,
// so each field is first compared with what stood in its place last time. Sources: "Stream Microsoft Defender
// XDR events to storage", "Azure Monitor Log Analytics API response format".
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "runtime/archive/source.h"
#include "runtime/simd/json_index.h"

namespace kqlc::archive {

class JsonRows {
 public:
  explicit JsonRows(Worker& worker);
  ~JsonRows();

  // Adds the rows of a JSON value, handing on batches that fill up. A value that is no JSON is counted as a
  // bad line. Requires: kPadding readable bytes behind `text`, which stays until the worker's flush(); size <
  // 2^32.
  void add(const File& file, std::string_view text, uint64_t position);

  // The same for a line whose quotes are known; `flags` are what the index says of it. Most lines are read
  // without the parser.
  void add_line(const File& file, simd::Quotes quotes, std::string_view text, uint32_t flags,
                uint64_t position);

  // By requested column, whether any row had its key.
  const std::vector<bool>& seen() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace kqlc::archive
