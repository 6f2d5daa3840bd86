// SPDX-License-Identifier: Apache-2.0
//
// Lines that are walked without the parser against the same lines parsed: random rows and envelopes with
// escapes, any order of keys, repeated keys, blanks, nested values, wrappers and broken bytes. Rows, what is
// counted, and which lines are bad must be the same. KQLC_LINES sets the number of lines.
#include <cstdlib>

#include "runtime/archive/json_rows.h"
#include "tests/unit/simd_oracle.h"

namespace kqlc::archive {
namespace {

using simd::oracle::Random;

ScanRequest make_request() {
  ScanRequest request;
  request.table = "DeviceEvents";
  request.columns = {{"Name", Type::String},   {"Id", Type::Long},
                     {"Flag", Type::Bool},     {"At", Type::DateTime},
                     {"Extra", Type::Dynamic}, {"TimeGenerated", Type::DateTime},
                     {"Type", Type::String},   {"Timestamp", Type::DateTime},
                     {"value", Type::String}};
  return request;
}

std::string row_text(const Batch& batch, int64_t row) {
  std::string text;
  for (size_t i = 0; i < batch.num_columns; ++i) {
    const Column& column = batch.columns[i];
    if (column.type == Type::String || column.type == Type::Dynamic) {
      Str value = load_str(column, column.encoding, row);
      text +=
          (column.validity && !bit_at(column.validity, row) ? "-" : "'" + std::string(value.view()) + "'") +
          "|";
      continue;
    }
    Cell cell = load(column, column.type, column.encoding, row);
    text += (!cell.valid ? "-" : std::to_string(column.type == Type::Bool ? cell.b : cell.l)) + "|";
  }
  return text + "\n";
}

// What one way of reading makes of lines.
struct Reader {
  explicit Reader(const ScanRequest& scan_request)
      : request(scan_request),
        callback([this](int, const Batch& batch) {
          for (int64_t row = 0; row < batch.num_rows; ++row) rows += row_text(batch, row);
          return true;
        }),
        filter(simd::LineFilter::for_any(request.prefilters)),
        worker(0, request, filter, callback) {
    file.rows_name_tables = true;
  }

  std::string counts() const {
    std::string text = "bad " + std::to_string(worker.report.bad_lines) + " other " +
                       std::to_string(worker.report.other_tables) + " repaired " +
                       std::to_string(worker.report.repaired_lines) + " lines " +
                       std::to_string(worker.report.lines);
    for (bool seen : worker.json->seen()) text += seen ? " 1" : " 0";
    return text;
  }

  ScanRequest request;
  BatchCallback callback;
  std::string rows;
  File file;
  simd::LineFilter filter;
  Worker worker;
};

class Lines {
 public:
  explicit Lines(Random& random) : random_(random) {}

  std::string line() {
    std::string text = random_.below(3) ? flat(5) : envelope();
    for (size_t left = random_.below(4) ? 0 : random_.below(3); left; --left)
      text[random_.below(text.size())] = "{}[]:,\"\\ a1n\t\xc3"[random_.below(14)];
    if (random_.below(8) == 0) text += pick({" ", "\r", "x", ",", "{}", "\t"});
    return text;
  }

 private:
  std::string pick(std::initializer_list<const char*> texts) {
    return *(texts.begin() + static_cast<long>(random_.below(texts.size())));
  }
  std::string blank() { return random_.below(6) ? "" : pick({" ", "  ", "\t", " \t"}); }

  std::string string() {
    return pick({"\"\"", "\"a\"", "\"C:\\\\x\\\\\"", "\"\\\"q\\\"\"", "\"\\u0044e\"", "\"\\ud800\"",
                 "\"\\x\"", "\"é\"", "\"2026-01-02T03:04:05Z\"", "\"DeviceEvents\"", "\"Other\"",
                 "\"{\\\"a\\\":1}\"",
                 "\"a string that is longer than the fifty-seven bits of one load of the index, so that it "
                 "is walked\""});
  }
  // What only a look at all of the value tells from good JSON, or from what a dynamic holds.
  std::string odd_nested() {
    if (random_.below(4) == 0) {
      const size_t depth = 62 + random_.below(70);
      return std::string(depth, '[') + std::string(depth - random_.below(40) / 39, ']');
    }
    return pick({"[1 2]",        "[1,]",
                 "[,1]",         "{\"x\":NaN}",
                 "{\"x\":01}",   "{\"x\":nul}",
                 "[\"\\q\"]",    "[\"\\u12\"]",
                 "{\"\\q\":1}",  "{\"x\" 1}",
                 "{\"x\"}",      "{\"x\":}",
                 "{1:2}",        "{\"x\":1,}",
                 "[{]}",         "[1}",
                 "{\"x\":1]",    "[[]",
                 "[\"x\"\"y\"]", "[1:2]",
                 "[{}{}]",       "[\"\\ud800\", 1e999]"});
  }
  std::string value(int depth) {
    switch (random_.below(depth > 0 ? 9 : 6)) {
      case 0:
        return pick({"null", "true", "false", "nul", "tru"});
      case 1:
        return pick({"0", "-1", "12345678901", "1.5e3", "01", "1e999", "123456789012345678901234567890"});
      case 6:
        return "[" + blank() + (random_.below(3) ? value(depth - 1) + blank() + "," + value(depth - 1) : "") +
               "]";
      case 7:
        return flat(depth - 1);
      case 8:
        return odd_nested();
      default:
        return string();
    }
  }
  std::string key() {
    return pick({"\"Name\"", "\"Id\"", "\"Flag\"", "\"At\"", "\"Extra\"", "\"Type\"", "\"time\"",
                 "\"Timestamp\"", "\"other\"", "\"N\\u0061me\"", "\"value\"", "\"records\"", "\"properties\"",
                 "\"category\"", "\"InitiatingProcessVersionInfoOriginalFileName\"", "\"\"",
                 "\"a key of more bytes than one comparison takes, which is sixty-two\""});
  }
  std::string flat(int depth) {
    std::string text = "{" + blank();
    for (size_t i = 0, fields = random_.below(7); i < fields; ++i)
      text += (i ? "," + blank() : "") + key() + blank() + ":" + blank() + value(depth) + blank();
    return text + "}";
  }
  std::string envelope() {
    std::string category =
        "\"category\":" + pick({"\"AdvancedHunting-DeviceEvents\"", "\"AdvancedHunting-Other\"",
                                "\"AdvancedHunting\\u002dOther\"", "\"\"", "null"});
    std::string inner = "\"properties\":" + blank() + flat(2);
    std::string time = "\"time\":" + string() + "," + blank();
    return "{" + blank() +
           (random_.below(4) ? time + category + "," + inner : inner + "," + time + category) + "}";
  }

  Random& random_;
};

// Both ways of reading, line by line.
class JsonWalk : public testing::Test {
 protected:
  void expect_same(const std::string& line) {
    std::string buffer = line + "\n" + std::string(kPadding, '\0');
    index_.build(buffer.data(), buffer.data() + line.size() + 1);
    walked_.worker.json->add_line(walked_.file, index_.quotes(index_.lines()[0]),
                                  std::string_view(buffer).substr(0, line.size()), index_.lines()[0].flags,
                                  position_);
    parsed_.worker.json->add(parsed_.file, std::string_view(buffer).substr(0, line.size()), position_);
    walked_.worker.flush();
    parsed_.worker.flush();
    position_ += 1000;
    ASSERT_EQ(walked_.rows, parsed_.rows) << line;
    ASSERT_EQ(walked_.counts(), parsed_.counts()) << line;
    walked_.rows.clear();
    parsed_.rows.clear();
  }

  const ScanRequest request_ = make_request();
  Reader walked_{request_}, parsed_{request_};
  simd::JsonIndex index_;
  uint64_t position_ = 0;
};

TEST_F(JsonWalk, AgreesWithTheParser) {
  const char* wanted = std::getenv("KQLC_LINES");
  const size_t num_lines = wanted ? std::strtoull(wanted, nullptr, 10) : 30'000;
  Random random;
  Lines lines(random);
  for (size_t i = 0; i < num_lines; ++i) ASSERT_NO_FATAL_FAILURE(expect_same(lines.line()));
  EXPECT_GT(walked_.worker.report.rows, num_lines / 4);
  EXPECT_GT(walked_.worker.report.bad_lines, num_lines / 50);
}

// A bad line has no columns, whichever of them were looked at before it was known to be bad.
TEST_F(JsonWalk, ABadLineHasNoColumns) {
  expect_same(R"({"Type":"\ad800"})");
  expect_same(R"({"Name":"a","category":"\q","Id":1})");
  expect_same(R"({"records":[{"Name":"a","Id":x},{"Flag":true}]})");
  EXPECT_EQ(parsed_.counts(), "bad 3 other 0 repaired 0 lines 4 0 0 1 0 0 0 0 0 0");
}

}  // namespace
}  // namespace kqlc::archive
