// SPDX-License-Identifier: Apache-2.0
//
// Results as text: the same bytes whichever threads print them, handed on in pieces that do not grow with the
// length of the values.
#include "cli/output.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>

#include "tests/unit/json_table.h"

namespace kqlc::cli {
namespace {

// Rows of a number and a text; the texts are of all lengths up to a megabyte.
struct Result {
  explicit Result(size_t num_rows, size_t longest) {
    rows.schema = {{"N", Type::Long}, {"T", Type::String}};
    std::vector<Cell> cells;
    texts.reserve(num_rows);
    for (size_t i = 0; i < num_rows; ++i) {
      texts.emplace_back(i * 7919 % (longest + 1), static_cast<char>('a' + i % 26));
      cells.push_back(make_cell(static_cast<int64_t>(i)));
      cells.push_back(make_cell(Str(std::string_view(texts.back()))));
    }
    rows.rows = RowList(LargeVector<Cell>(cells.begin(), cells.end()), num_rows);
  }
  std::vector<std::string> texts;
  reference::Rows rows;
};

std::vector<std::string> print(const std::vector<Output>& outputs, OutputFormat format, size_t threads) {
  std::vector<std::string> pieces;
  auto written = print_outputs(outputs, format, 0, threads, [&](std::string_view bytes) {
    pieces.emplace_back(bytes);
    return kqlc::Result<void>();
  });
  EXPECT_TRUE(written.ok());
  return pieces;
}

std::string join(const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  return text;
}

constexpr OutputFormat kInPieces[] = {OutputFormat::Ndjson, OutputFormat::Json, OutputFormat::Csv};

TEST(Output, IsTheSameWhicheverThreadsPrintIt) {
  const Result narrow(100'000, 30), wide(300, 20'000), empty(0, 0), one(1, 5);
  std::vector<Output> outputs;
  for (const Result* result : {&narrow, &empty, &wide, &one, &empty})
    outputs.push_back(
        {"r" + std::to_string(outputs.size()), "", "", &result->rows, result == &wide ? "interrupted" : ""});
  for (OutputFormat format : kInPieces) {
    const std::string text = join(print(outputs, format, 1));
    EXPECT_EQ(std::ranges::count(text, '\n') > 100'000, format != OutputFormat::Json);
    for (size_t threads : {2, 5}) EXPECT_TRUE(join(print(outputs, format, threads)) == text) << threads;
  }
  simdjson::dom::parser parser;
  auto parsed = parser.parse(join(print(outputs, OutputFormat::Json, 3)));
  for (size_t i = 0; i < outputs.size(); ++i)
    EXPECT_EQ(parsed.at(i)["rows"].get_array().value().size(), outputs[i].rows->rows.size());
}

TEST(Output, PiecesAreBoundedWhateverTheValues) {
  constexpr size_t kPiece = size_t{1} << 20, kPart = size_t{1} << 18, kRow = 200'000;
  for (size_t longest : {size_t{10}, kRow}) {
    const Result result(longest == kRow ? 100 : 200'000, longest);
    for (OutputFormat format : kInPieces)
      for (const std::string& piece : print({{"", "", "", &result.rows, ""}}, format, 4))
        EXPECT_LE(piece.size(), kPiece + kPart + kRow + 1000);
  }
}

TEST(Output, ATableIsTheSameWhicheverThreadsPrintIt) {
  const Result result(50'000, 40);
  EXPECT_TRUE(json_table(result.rows, 1) == json_table(result.rows, 4));
}

}  // namespace
}  // namespace kqlc::cli
