// SPDX-License-Identifier: Apache-2.0
//
// The kernel interface: every Arrow encoding gives what the reference executor gives, however rows are spread
// over states and through bytes; calls out of order and damaged bytes get an error.
#include "runtime/exec/kernel_abi.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <deque>
#include <optional>
#include <random>

#include "codegen/jit.h"
#include "codegen/object.h"
#include "compiler/reference/execute.h"
#include "compiler/syntax/tree.h"
#include "runtime/exec/program.h"

namespace kqlc {
namespace {

using Text = std::optional<std::string>;
using Lines = std::vector<std::string>;

// The rows of table T: Name string, Size long.
struct Data {
  std::vector<Text> names;
  std::vector<std::optional<int64_t>> sizes;
};

Data make_data() {
  static const char* const words[] = {"cmd.exe", "C:\\Windows\\powershell.exe", "",
                                      "PowerShell -enc \xC3\xA9", "svchost"};
  Data data;
  for (int i = 0; i < 500; ++i) {
    data.names.push_back(i % 11 == 3 ? Text() : Text(words[i % 5]));
    data.sizes.push_back(i % 13 == 5 ? std::nullopt : std::optional<int64_t>(i * 37 % 101));
  }
  return data;
}

enum class Form { Utf8, LargeUtf8, View, Dictionary8, Dictionary32, Dictionary64, Binary };
constexpr Form kForms[] = {Form::Utf8,         Form::LargeUtf8,    Form::View,  Form::Dictionary8,
                           Form::Dictionary32, Form::Dictionary64, Form::Binary};

void keep_schema(ArrowSchema*) {}
void keep_array(ArrowArray*) {}

// A batch of T in some physical form, with `offset` rows of rubbish before it in each column.
class Arrays {
 public:
  Arrays(const Data& data, size_t begin, size_t end, Form form, int64_t offset)
      : rows_(static_cast<int64_t>(end - begin)), offset_(offset) {
    std::vector<Text> names(static_cast<size_t>(offset), Text("rubbish"));
    names.insert(names.end(), data.names.begin() + static_cast<long>(begin),
                 data.names.begin() + static_cast<long>(end));
    std::vector<std::optional<int64_t>> sizes(static_cast<size_t>(offset), 77);
    sizes.insert(sizes.end(), data.sizes.begin() + static_cast<long>(begin),
                 data.sizes.begin() + static_cast<long>(end));
    fill_names(names, form);
    fill_sizes(sizes, form == Form::Dictionary8);
    fields_[0] = &name_schema, fields_[1] = &size_schema;
    schema = {"+s", "", nullptr, 0, 2, fields_, nullptr, keep_schema, nullptr};
    children_[0] = &name, children_[1] = &size;
    top = {rows_, 0, 0, 1, 2, no_buffers_, children_, nullptr, keep_array, nullptr};
  }
  Arrays(const Arrays&) = delete;

  ArrowSchema schema{}, name_schema{}, size_schema{}, dictionary_schema{};
  ArrowArray top{}, name{}, size{}, dictionary{};

  // Memory behind an address, to be damaged by a test.
  std::vector<uint8_t>& memory(size_t index) { return blocks_[index]; }

 private:
  template <class T>
  const void* put(const std::vector<T>& values) {
    auto& block = blocks_.emplace_back(values.size() * sizeof(T) + 1);
    std::memcpy(block.data(), values.data(), values.size() * sizeof(T));
    return block.data();
  }
  template <class V>
  const void* put_validity(const V& values) {
    std::vector<uint8_t> bits((values.size() + 7) / 8);
    for (size_t i = 0; i < values.size(); ++i)
      bits[i / 8] |= static_cast<uint8_t>(values[i].has_value() << (i % 8));
    return put(bits);
  }
  void set(ArrowArray& array, std::vector<const void*> buffers, int64_t rows, int64_t offset) {
    auto& kept = buffers_.emplace_back(std::move(buffers));
    array = {rows,    -1,         offset, static_cast<int64_t>(kept.size()), 0, kept.data(), nullptr,
             nullptr, keep_array, nullptr};
  }
  template <class Offset>
  void set_text(ArrowArray& array, const std::vector<Text>& values, int64_t rows, int64_t offset) {
    std::vector<Offset> offsets{0};
    std::vector<char> bytes;
    for (const Text& value : values) {
      if (value) bytes.insert(bytes.end(), value->begin(), value->end());
      offsets.push_back(static_cast<Offset>(bytes.size()));
    }
    const void* validity = put_validity(values);
    const void* places = put(offsets);
    set(array, {validity, places, put(bytes)}, rows, offset);
  }
  void set_views(const std::vector<Text>& values) {
    std::vector<int32_t> views;
    std::vector<char> bytes;
    for (const Text& value : values) {
      std::string text = value.value_or("");
      int32_t view[4] = {static_cast<int32_t>(text.size()), 0, 0, static_cast<int32_t>(bytes.size())};
      if (text.size() <= 12) {
        std::memcpy(view + 1, text.data(), text.size());
        for (size_t i = text.size(); i < 12; ++i) reinterpret_cast<char*>(view + 1)[i] = 0;
      } else {
        std::memcpy(view + 1, text.data(), 4);
        bytes.insert(bytes.end(), text.begin(), text.end());
      }
      views.insert(views.end(), view, view + 4);
    }
    std::vector<int64_t> sizes{static_cast<int64_t>(bytes.size())};
    const void* validity = put_validity(values);
    const void* places = put(views);
    const void* text = put(bytes);
    set(name, {validity, places, text, put(sizes)}, rows_, offset_);
  }
  template <class Code>
  void set_dictionary(const std::vector<Text>& values, const char* format) {
    std::vector<Text> distinct{Text("unused"), Text()};  // nulls in the dictionary as well
    std::vector<Code> codes;
    for (size_t i = 0; i < values.size(); ++i) {
      size_t code = values[i] ? 2 : 1;
      while (code < distinct.size() && distinct[code] != values[i]) ++code;
      if (code == distinct.size()) distinct.push_back(values[i]);
      codes.push_back(static_cast<Code>(code));
    }
    set_text<int32_t>(dictionary, distinct, static_cast<int64_t>(distinct.size()), 0);
    dictionary_schema = {"u", "", nullptr, ARROW_FLAG_NULLABLE, 0, nullptr, nullptr, keep_schema, nullptr};
    const void* validity = sizeof(Code) == 8 ? put_validity(values) : nullptr;
    set(name, {validity, put(codes)}, rows_, offset_);
    name.dictionary = &dictionary;
    name_schema.format = format;
    name_schema.dictionary = &dictionary_schema;
  }
  void fill_names(const std::vector<Text>& values, Form form) {
    name_schema = {"u", "Name", nullptr, ARROW_FLAG_NULLABLE, 0, nullptr, nullptr, keep_schema, nullptr};
    switch (form) {
      case Form::Binary:
        name_schema.format = "z";
        [[fallthrough]];
      case Form::Utf8:
        return set_text<int32_t>(name, values, rows_, offset_);
      case Form::LargeUtf8:
        name_schema.format = "U";
        return set_text<int64_t>(name, values, rows_, offset_);
      case Form::View:
        name_schema.format = "vu";
        return set_views(values);
      case Form::Dictionary8:
        return set_dictionary<int8_t>(values, "c");
      case Form::Dictionary32:
        return set_dictionary<int32_t>(values, "i");
      case Form::Dictionary64:
        return set_dictionary<int64_t>(values, "l");
    }
  }
  void fill_sizes(const std::vector<std::optional<int64_t>>& values, bool narrow) {
    size_schema = {narrow ? "C" : "l", "Size", nullptr, ARROW_FLAG_NULLABLE, 0, nullptr, nullptr,
                   keep_schema,        nullptr};
    std::vector<int64_t> wide;
    std::vector<uint8_t> bytes;
    for (const auto& value : values)
      wide.push_back(value.value_or(0)), bytes.push_back(static_cast<uint8_t>(value.value_or(0)));
    const void* validity = put_validity(values);
    set(size, {validity, narrow ? put(bytes) : put(wide)}, rows_, offset_);
  }

  int64_t rows_, offset_;
  std::deque<std::vector<uint8_t>> blocks_;
  std::deque<std::vector<const void*>> buffers_;
  ArrowSchema* fields_[2];
  ArrowArray* children_[2];
  const void* no_buffers_[1] = {nullptr};
};

// A query compiled to an object and loaded, as a program would link it.
class Rule {
 public:
  explicit Rule(const std::string& text) {
    plan::Schemas schemas;
    schemas.add("T", {{"Name", Type::String}, {"Size", Type::Long}});
    source::Diagnostics diagnostics;
    syntax::SyntaxTree tree = syntax::parse(text, diagnostics);
    EXPECT_TRUE(plan::bind(tree, schemas, {}, diagnostics, plan)) << text;
    auto builder = codegen::ObjectBuilder::create(plan, plan.results[0], "test", "kqlc_rule_test");
    auto object = builder.value().build_object(false);
    jit_ = codegen::Jit::load(object.value()).value();
    code = static_cast<const KqlcKernelCode*>(jit_->find({"kqlc_rule_test"}).value()[0]);
    KqlcOptions options{};
    options.size = sizeof options;
    options.now = 638'000'000'000'000'000;
    EXPECT_EQ(kqlc_kernel_create(code, &options, &kernel, nullptr, 0), KQLC_OK);
  }
  ~Rule() { kqlc_kernel_destroy(kernel); }
  Rule(const Rule&) = delete;

  KqlcState* create_state() const {
    KqlcState* state = nullptr;
    EXPECT_EQ(kqlc_state_create(kernel, &state), KQLC_OK);
    return state;
  }

  plan::Plan plan;
  const KqlcKernelCode* code = nullptr;
  KqlcKernel* kernel = nullptr;

 private:
  std::unique_ptr<codegen::Jit> jit_;
};

std::string line_of(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) line += cell + "|";
  return line;
}

// Results of string and long columns, a line a row.
Lines read_stream(ArrowArrayStream& stream) {
  Lines lines;
  ArrowSchema schema;
  EXPECT_EQ(stream.get_schema(&stream, &schema), 0);
  for (ArrowArray batch;;) {
    if (stream.get_next(&stream, &batch) != 0) {
      ADD_FAILURE() << stream.get_last_error(&stream);
      break;
    }
    if (!batch.release) break;
    for (int64_t row = 0; row < batch.length; ++row) {
      std::vector<std::string> cells;
      for (int64_t column = 0; column < batch.n_children; ++column) {
        const ArrowArray& array = *batch.children[column];
        auto* validity = static_cast<const uint8_t*>(array.buffers[0]);
        bool valid = !validity || bit_at(validity, row);
        auto* longs = static_cast<const int64_t*>(array.buffers[1]);
        auto* offsets = static_cast<const int32_t*>(array.buffers[1]);
        bool text = schema.children[column]->format[0] == 'u';
        cells.push_back(!valid  ? "null"
                        : !text ? std::to_string(longs[row])
                                : std::string(static_cast<const char*>(array.buffers[2]) + offsets[row],
                                              static_cast<size_t>(offsets[row + 1] - offsets[row])));
      }
      lines.push_back(line_of(cells));
    }
    batch.release(&batch);
  }
  schema.release(&schema);
  stream.release(&stream);
  return lines;
}

Lines finish(KqlcState* state) {
  ArrowArrayStream stream;
  EXPECT_EQ(kqlc_state_finish(state, 0, &stream), KQLC_OK) << kqlc_state_error(state);
  Lines lines = stream.release ? read_stream(stream) : Lines();
  kqlc_state_destroy(state);
  return lines;
}

KqlcStatus feed(KqlcState* state, Arrays& arrays, uint64_t position, uint32_t input = 0) {
  if (KqlcStatus status = kqlc_state_bind_input(state, input, &arrays.schema)) return status;
  return kqlc_state_consume(state, input, &arrays.top, position, nullptr);
}

// Batches of 64 rows go to three states in turn; one of them goes through bytes before it is merged.
Lines run_split(const Rule& rule, const Data& data, Form form) {
  KqlcState* states[3] = {rule.create_state(), rule.create_state(), rule.create_state()};
  for (size_t begin = 0, turn = 0; begin < data.names.size(); begin += 64, ++turn) {
    Arrays arrays(data, begin, std::min(begin + 64, data.names.size()), form, turn % 2 ? 5 : 0);
    EXPECT_LE(feed(states[turn % 3], arrays, begin), KQLC_DONE) << kqlc_state_error(states[turn % 3]);
  }
  uint8_t* bytes = nullptr;
  uint64_t size = 0;
  EXPECT_EQ(kqlc_state_serialize(states[2], &bytes, &size), KQLC_OK);
  kqlc_state_destroy(states[2]);
  EXPECT_EQ(kqlc_state_deserialize(rule.kernel, bytes, size, &states[2], nullptr, 0), KQLC_OK);
  kqlc_bytes_free(bytes);
  for (int i : {2, 0}) {
    EXPECT_EQ(kqlc_state_merge(states[1], states[i]), KQLC_OK) << kqlc_state_error(states[1]);
    kqlc_state_destroy(states[i]);
  }
  return finish(states[1]);
}

Lines run_reference(const Rule& rule, const Data& data) {
  auto reader = [&](const std::string&, const plan::Schema&, const std::vector<bool>&,
                    const reference::RowSink& sink) -> Result<void> {
    for (size_t row = 0; row < data.names.size(); ++row) {
      Cell cells[2] = {null_cell(Type::String), null_cell(Type::Long)};
      if (data.names[row]) cells[0] = make_cell(Str(std::string_view(*data.names[row])));
      if (data.sizes[row]) cells[1] = make_cell(*data.sizes[row]);
      if (!sink(cells, row)) break;
    }
    return {};
  };
  auto rows = reference::execute(rule.plan, 0, reader);
  Lines lines;
  for (const auto& row : rows.value().rows) {
    std::vector<std::string> cells;
    for (size_t i = 0; i < row.size(); ++i)
      cells.push_back(!row[i].valid                                 ? "null"
                      : rows.value().schema[i].type == Type::String ? std::string(row[i].s.view())
                                                                    : std::to_string(row[i].l));
    lines.push_back(line_of(cells));
  }
  return lines;
}

const char* const kQueries[] = {
    "T | where Name has 'powershell' | project Name, Size",
    "T | where Size > 50 and strlen(Name) > 7 | project Size, Name",
    "T | where Name !contains 'exe' | summarize n = count(), s = sum(Size), m = max(Size) by Name",
    "T | summarize n = dcount(Name), a = countif(isempty(Name)), b = countif(isnull(Size))",
    "T | top 7 by Size desc | project Name, Size",
    "T | take 9",
    "T | count",
    "T | summarize arg_max(Size, Name) by L = strlen(Name)",
};

TEST(KernelAbi, every_encoding_gives_what_the_reference_gives) {
  Data data = make_data();
  for (const char* query : kQueries) {
    Rule rule(query);
    Lines expected = run_reference(rule, data);
    for (Form form : kForms)
      EXPECT_EQ(run_split(rule, data, form), expected) << query << " form " << static_cast<int>(form);
  }
}

TEST(KernelAbi, one_state_is_as_good_as_several) {
  Data data = make_data();
  Rule rule(kQueries[2]);
  KqlcState* state = rule.create_state();
  Arrays arrays(data, 0, data.names.size(), Form::Utf8, 0);
  EXPECT_EQ(feed(state, arrays, 0), KQLC_OK);
  EXPECT_EQ(finish(state), run_split(rule, data, Form::Utf8));
}

// Each phase on three states, which are merged before the next.
TEST(KernelAbi, a_join_has_phases) {
  Data data = make_data();
  for (const char* query : {"T | where Size > 3 | join kind=inner (T | where Name has 'powershell') on Size "
                            "| project Name, Name1, Size",
                            "T | join kind=leftouter (T | summarize C = count() by Name | where C > 9) on "
                            "Name | summarize N = count() by "
                            "Name1, C",
                            "T | join kind=inner (T | join (T | distinct Name) on Name | summarize M = "
                            "max(Size) by Name) on Name | "
                            "project M, Size"}) {
    Rule rule(query);
    const KqlcDescription& about = *kqlc_kernel_describe(rule.kernel);
    ASSERT_GE(about.num_phases, 2u);
    KqlcState* merged = rule.create_state();
    for (uint32_t phase = 0; phase < about.num_phases; ++phase) {
      if (phase > 0) EXPECT_EQ(kqlc_state_end_phase(merged), KQLC_OK) << kqlc_state_error(merged);
      KqlcState* states[3] = {merged};
      for (KqlcState** state : {&states[1], &states[2]})
        EXPECT_EQ(kqlc_state_create_next(merged, state), KQLC_OK);
      for (uint32_t input = 0; input < about.num_inputs; ++input)
        for (size_t begin = 0, turn = 0; begin < data.names.size(); begin += 64, ++turn) {
          Arrays arrays(data, begin, std::min(begin + 64, data.names.size()),
                        kForms[turn % std::size(kForms)], 0);
          bool now = about.inputs[input].phase == phase;
          KqlcStatus status = feed(states[turn % 3], arrays, begin, input);
          EXPECT_EQ(status, now ? KQLC_OK : KQLC_USAGE) << kqlc_state_error(states[turn % 3]);
        }
      for (KqlcState* state : {states[1], states[2]}) {
        EXPECT_EQ(kqlc_state_merge(merged, state), KQLC_OK);
        kqlc_state_destroy(state);
      }
    }
    EXPECT_EQ(kqlc_state_end_phase(merged), KQLC_USAGE);
    EXPECT_EQ(finish(merged), run_reference(rule, data)) << query;
  }
}

TEST(KernelAbi, states_of_two_phases_do_not_meet) {
  Rule rule("T | join kind=inner T on Name");
  KqlcState *state = rule.create_state(), *other = rule.create_state();
  uint8_t* bytes = nullptr;
  uint64_t size = 0;
  EXPECT_EQ(kqlc_state_serialize(state, &bytes, &size), KQLC_OK);
  kqlc_bytes_free(bytes);
  EXPECT_EQ(kqlc_state_end_phase(state), KQLC_OK);
  EXPECT_EQ(kqlc_state_merge(state, other), KQLC_USAGE);
  EXPECT_EQ(kqlc_state_merge(other, state), KQLC_USAGE);
  EXPECT_EQ(kqlc_state_serialize(state, &bytes, &size), KQLC_UNSUPPORTED);
  EXPECT_EQ(finish(state), Lines{});
  kqlc_state_destroy(other);
}

TEST(KernelAbi, describes_itself) {
  Rule rule("T | where Name has 'powershell' | project Size");
  const KqlcDescription& about = *kqlc_kernel_describe(rule.kernel);
  EXPECT_STREQ(about.rule, "test");
  ASSERT_EQ(about.num_inputs, 1u);
  EXPECT_STREQ(about.inputs[0].table, "T");
  ASSERT_EQ(about.inputs[0].num_columns, 2u);
  EXPECT_STREQ(about.inputs[0].columns[1].type, "long");
  ASSERT_EQ(about.inputs[0].num_atoms, 1u);
  EXPECT_STREQ(about.inputs[0].atoms[0].op, "has");
  EXPECT_STREQ(about.inputs[0].atoms[0].operands, "[\"powershell\"]");
  ASSERT_EQ(about.num_results, 1u);
  EXPECT_STREQ(about.results[0].columns[0].name, "Size");
  EXPECT_EQ(about.streams, 1);
}

TEST(KernelAbi, decided_atoms_are_believed) {
  Data data = make_data();
  Rule rule("T | where Name has 'powershell' | count");
  KqlcState* state = rule.create_state();
  Arrays arrays(data, 0, 64, Form::Utf8, 0);
  uint64_t bitmap = 7;
  const uint64_t* atoms[] = {&bitmap};
  EXPECT_EQ(kqlc_state_bind_input(state, 0, &arrays.schema), KQLC_OK);
  EXPECT_EQ(kqlc_state_consume(state, 0, &arrays.top, 0, atoms), KQLC_OK);
  EXPECT_EQ(finish(state), Lines{"3|"});
}

TEST(KernelAbi, calls_out_of_order_are_refused) {
  Data data = make_data();
  Rule rule(kQueries[0]);
  Arrays arrays(data, 0, 64, Form::Utf8, 0);
  KqlcState *state = rule.create_state(), *other = rule.create_state();
  EXPECT_EQ(kqlc_state_consume(state, 0, &arrays.top, 0, nullptr), KQLC_USAGE);
  EXPECT_EQ(kqlc_state_bind_input(state, 1, &arrays.schema), KQLC_USAGE);
  EXPECT_EQ(feed(state, arrays, 64), KQLC_OK);
  EXPECT_EQ(feed(state, arrays, 0), KQLC_USAGE);
  EXPECT_EQ(kqlc_state_end_input(state, 0), KQLC_OK);
  EXPECT_EQ(feed(state, arrays, 128), KQLC_USAGE);
  EXPECT_EQ(kqlc_state_merge(state, state), KQLC_USAGE);
  EXPECT_EQ(kqlc_state_merge(other, state), KQLC_OK);
  EXPECT_EQ(kqlc_state_merge(other, state), KQLC_USAGE);
  EXPECT_EQ(kqlc_state_seal(other), KQLC_OK);
  EXPECT_EQ(kqlc_state_merge(other, state), KQLC_USAGE);
  ArrowArrayStream stream;
  EXPECT_EQ(kqlc_state_finish(other, 1, &stream), KQLC_USAGE);
  EXPECT_EQ(kqlc_state_finish(other, 0, &stream), KQLC_OK);
  kqlc_state_destroy(other);
  EXPECT_FALSE(read_stream(stream).empty());  // outlives the state
  kqlc_state_destroy(state);
}

TEST(KernelAbi, limits_and_cancels_end_a_state) {
  Data data = make_data();
  Rule rule("T | summarize make_list(Name) by Size");
  KqlcOptions options{sizeof options, 1, 4096, 0};
  KqlcKernel* small = nullptr;
  ASSERT_EQ(kqlc_kernel_create(rule.code, &options, &small, nullptr, 0), KQLC_OK);
  KqlcState* state = nullptr;
  ASSERT_EQ(kqlc_state_create(small, &state), KQLC_OK);
  Arrays arrays(data, 0, data.names.size(), Form::Utf8, 0);
  EXPECT_EQ(feed(state, arrays, 0), KQLC_LIMIT);
  ArrowArrayStream stream;
  EXPECT_EQ(kqlc_state_finish(state, 0, &stream), KQLC_LIMIT);
  EXPECT_NE(std::string(kqlc_state_error(state)).find("4096"), std::string::npos);
  kqlc_state_destroy(state);
  ASSERT_EQ(kqlc_state_create(rule.kernel, &state), KQLC_OK);
  kqlc_kernel_cancel(rule.kernel);
  EXPECT_EQ(feed(state, arrays, 0), KQLC_CANCELLED);
  kqlc_state_destroy(state);
  kqlc_kernel_destroy(small);
}

TEST(KernelAbi, times_that_do_not_fit_are_named) {
  Rule rule("print datetime(9999-12-31), 1d");
  for (int unit : {KQLC_NANOSECONDS, KQLC_MICROSECONDS}) {
    KqlcOptions options{sizeof options, 1, 0, unit};
    KqlcKernel* kernel = nullptr;
    KqlcState* state = nullptr;
    ASSERT_EQ(kqlc_kernel_create(rule.code, &options, &kernel, nullptr, 0), KQLC_OK);
    ASSERT_EQ(kqlc_state_create(kernel, &state), KQLC_OK);
    ArrowArrayStream stream;
    ASSERT_EQ(kqlc_state_finish(state, 0, &stream), KQLC_OK);
    ArrowArray batch;
    int failed = stream.get_next(&stream, &batch);
    EXPECT_EQ(failed != 0, unit == KQLC_NANOSECONDS);
    if (failed) {
      EXPECT_NE(std::string(stream.get_last_error(&stream)).find("9999-12-31"), std::string::npos);
    } else {
      EXPECT_EQ(static_cast<const int64_t*>(batch.children[0]->buffers[1])[0], 253402214400000000);
      batch.release(&batch);
    }
    stream.release(&stream);
    kqlc_state_destroy(state);
    kqlc_kernel_destroy(kernel);
  }
}

TEST(KernelAbi, arrays_that_lie_are_refused) {
  Data data = make_data();
  Rule rule("T | project Name, Size");
  auto status = [&](Form form, auto damage) {
    Arrays arrays(data, 0, 64, form, 0);
    damage(arrays);
    KqlcState* state = rule.create_state();
    KqlcStatus got = feed(state, arrays, 0);
    kqlc_state_destroy(state);
    return got;
  };
  EXPECT_EQ(status(Form::Utf8, [](Arrays& a) { a.name.length = 63; }), KQLC_FORMAT);
  EXPECT_EQ(status(Form::Utf8, [](Arrays& a) { a.name.offset = -1; }), KQLC_FORMAT);
  EXPECT_EQ(status(Form::Utf8, [](Arrays& a) { a.name.n_buffers = 1; }), KQLC_FORMAT);
  EXPECT_EQ(status(Form::Utf8, [](Arrays& a) { a.top.n_children = 1; }), KQLC_FORMAT);
  EXPECT_EQ(
      status(Form::Utf8,
             [](Arrays& a) { const_cast<int32_t*>(static_cast<const int32_t*>(a.name.buffers[1]))[3] = -7; }),
      KQLC_FORMAT);
  EXPECT_EQ(status(Form::LargeUtf8,
                   [](Arrays& a) {
                     const_cast<int64_t*>(static_cast<const int64_t*>(a.name.buffers[1]))[9] = 1LL << 50;
                   }),
            KQLC_FORMAT);
  EXPECT_EQ(
      status(Form::Dictionary8,
             [](Arrays& a) { const_cast<int8_t*>(static_cast<const int8_t*>(a.name.buffers[1]))[5] = -1; }),
      KQLC_FORMAT);
  EXPECT_EQ(status(Form::Dictionary32, [](Arrays& a) { a.dictionary.length = 2; }), KQLC_FORMAT);
  EXPECT_EQ(
      status(Form::View,
             [](Arrays& a) { const_cast<int32_t*>(static_cast<const int32_t*>(a.name.buffers[1]))[6] = 9; }),
      KQLC_FORMAT);
  EXPECT_EQ(status(Form::Utf8, [](Arrays& a) { a.name_schema.format = "+ud:1"; }), KQLC_UNSUPPORTED);
  EXPECT_EQ(status(Form::Utf8, [](Arrays&) {}), KQLC_OK);
}

// What a mutation makes of bytes whose checksum stands in the header is given the right checksum again, so
// that the readers behind it are reached.
void mutate(std::string& bytes, size_t header, std::mt19937& random) {
  for (int i = 0, count = 1 + static_cast<int>(random() % 4); i < count; ++i) {
    size_t place = header + random() % (bytes.size() - header);
    if (random() % 3 == 0) {
      bytes[place] = static_cast<char>(random() % 2 ? 0xFF : 0);
    } else {
      bytes[place] = static_cast<char>(random());
    }
  }
  if (random() % 5 == 0) bytes.resize(header + random() % (bytes.size() - header));
  uint64_t sum = XXH3_64bits(bytes.data() + header, bytes.size() - header);
  std::memcpy(bytes.data() + header - 8, &sum, 8);
}

TEST(KernelAbi, damaged_states_give_an_error) {
  unsigned seed = 20240607;
  std::mt19937 random(seed);
  Data data = make_data();
  for (const char* query : {"T | summarize make_set(Name), sum(Size), take_any(Name), stdev(Size), "
                            "make_bag(bag_pack(Name, Size)) by Size",
                            kQueries[4], "T | join kind=inner T on Name, $left.Size == $right.Size"}) {
    Rule rule(query);
    KqlcState* state = rule.create_state();
    Arrays arrays(data, 0, 100, Form::Utf8, 0);
    ASSERT_EQ(feed(state, arrays, 0), KQLC_OK);
    uint8_t* saved = nullptr;
    uint64_t size = 0;
    ASSERT_EQ(kqlc_state_serialize(state, &saved, &size), KQLC_OK);
    kqlc_state_destroy(state);
    std::string good(reinterpret_cast<char*>(saved), size);
    kqlc_bytes_free(saved);
    int refused = 0;
    for (int i = 0; i < 2000; ++i) {
      std::string bytes = good;
      mutate(bytes, 32, random);
      KqlcState* loaded = nullptr;
      if (kqlc_state_deserialize(rule.kernel, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
                                 &loaded, nullptr, 0) != KQLC_OK) {
        ++refused;
        continue;
      }
      ArrowArrayStream stream;  // other values of the same shape: they must do no harm
      if (kqlc_state_finish(loaded, 0, &stream) == KQLC_OK) {
        ArrowArray batch;
        if (stream.get_next(&stream, &batch) == 0 && batch.release) batch.release(&batch);
        stream.release(&stream);
      }
      kqlc_state_destroy(loaded);
    }
    EXPECT_GT(refused, 200) << "seed " << seed;
  }
}

TEST(KernelAbi, images_round_trip_and_damaged_ones_give_an_error) {
  unsigned seed = 20240608;
  std::mt19937 random(seed);
  Rule rule(
      "union (T | where Name has_any ('a', 'bc') | project Size), (range Size from 1 to 3 step 1) | "
      "summarize count(), make_set(Size, 3) | join kind=inner (T | where Size > 1) on $left.count_ == "
      "$right.Size | sort by count_");
  std::string image(reinterpret_cast<const char*>(rule.code->image), rule.code->image_size);
  auto program = exec::read_image(image);
  ASSERT_TRUE(program.ok());
  EXPECT_EQ(exec::build_image(program.value()), image);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = image;
    mutate(bytes, 40, random);
    refused += !exec::read_image(bytes).ok();
  }
  EXPECT_GT(refused, 300) << "seed " << seed;
  std::string other = image;
  other[16] = static_cast<char>(other[16] ^ 1);  // the fingerprint
  KqlcKernelCode code = *rule.code;
  code.image = reinterpret_cast<const unsigned char*>(other.data());
  KqlcKernel* kernel = nullptr;
  char error[200];
  EXPECT_EQ(kqlc_kernel_create(&code, nullptr, &kernel, error, sizeof error), KQLC_UNSUPPORTED);
  EXPECT_NE(std::string(error).find("another version"), std::string::npos);
  code = *rule.code;
  ++code.abi_version;
  EXPECT_EQ(kqlc_kernel_create(&code, nullptr, &kernel, error, sizeof error), KQLC_UNSUPPORTED);
}

}  // namespace
}  // namespace kqlc
