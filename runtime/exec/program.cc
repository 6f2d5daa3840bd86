// SPDX-License-Identifier: Apache-2.0
//
// The image: a header (magic, version, fingerprint, size, checksum) and the members of Program one after the
// other. An image comes out of the same file as the code that is called, so reading it is no border of trust;
// it is verified all the same, since a damaged file must give an error and not a crash.
#include "runtime/exec/program.h"

#include <xxhash.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "runtime/aggregates/state.h"
#include "runtime/exec/run.h"

namespace kqlc::exec {

namespace {

constexpr char kMagic[8] = {'k', 'q', 'l', 'c', 'p', 'r', 'o', 'g'};
constexpr uint32_t kImageVersion = 3;
constexpr uint64_t kAny = UINT64_MAX;  // no limit of a number: -1 is one, too

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t reserved;
  uint64_t fingerprint;
  uint64_t size;      // of what follows the header
  uint64_t checksum;  // of the same
};

// Writes members in order; the reader below has the same functions with the same names in the same order.
class ImageWriter {
 public:
  void number(uint64_t value) { writer_.put(value); }
  void text(std::string_view value) { writer_.put_text(Str(value)); }
  void type(Type value) { writer_.put(value); }
  void cell(const Cell& value, Type of) { aggregates::save_cell(value, of, writer_, scratch_); }
  void constant(const Constant& value) {
    type(value.type);
    cell(value.cell, value.type);
  }
  void field(const Field& value) {
    text(value.name);
    type(value.type);
  }
  template <class T, class Write>
  void list(const std::vector<T>& items, Write write) {
    number(items.size());
    for (const T& item : items) write(item);
  }
  void types(const std::vector<Type>& items) {
    list(items, [&](Type item) { type(item); });
  }
  std::string take() { return std::move(writer_.bytes); }

 private:
  Writer writer_;
  Arena scratch_;
};

void write_input(ImageWriter& out, const Input& input) {
  out.text(input.table);
  out.list(input.columns, [&](const Field& field) { out.field(field); });
  out.list(input.prefilter, [&](const std::vector<simd::Literal>& group) {
    out.list(group, [&](const simd::Literal& literal) {
      out.text(literal.text);
      out.number(static_cast<uint64_t>(literal.letter_case));
      const std::vector<std::string> keys(literal.keys.begin(), literal.keys.end());
      out.list(keys, [&](const std::string& key) { out.text(key); });
    });
  });
  out.list(input.atoms, [&](const Atom& atom) {
    out.number(atom.column);
    out.number(atom.recipe);
  });
}

void write_sink(ImageWriter& out, const SinkSpec& sink) {
  out.number(static_cast<uint64_t>(sink.kind));
  out.types(sink.types);
  out.list(sink.aggregates, [&](const SinkAggregate& use) {
    out.number(use.slot);
    out.types(use.types);
    for (size_t i = 0; i < use.types.size(); ++i) out.cell(use.constants[i], use.types[i]);
    out.types(use.results);
    out.number(use.first_argument);
  });
  out.list(sink.sort_keys, [&](const SinkKey& key) {
    out.number(key.column);
    out.number(key.descending);
    out.number(key.nulls_first);
  });
  out.list(sink.join_keys, [&](const JoinColumn& key) {
    out.number(key.column);
    out.type(key.probe);
  });
  out.number(sink.limit >= 0);
  out.number(static_cast<uint64_t>(std::max<int64_t>(sink.limit, 0)));
}

void write_pipeline(ImageWriter& out, const Pipeline& pipeline) {
  out.number(static_cast<uint64_t>(pipeline.kind));
  for (uint32_t value : {pipeline.source, pipeline.width, pipeline.branch, pipeline.sink, pipeline.function})
    out.number(value);
  out.types(pipeline.types);
  out.number(static_cast<uint64_t>(pipeline.num_rows));
  for (size_t i = 0; i < pipeline.rows.size(); ++i)
    out.cell(pipeline.rows[i], pipeline.types[i % pipeline.types.size()]);
  out.list(pipeline.marks, [&](const Mark& mark) {
    out.number(mark.column);
    out.number(mark.function);
  });
  out.list(pipeline.probes, [&](uint32_t sink) { out.number(sink); });
}

// Reads members; the first failure sticks, and everything after it reads as zero or empty.
class ImageReader {
 public:
  ImageReader(std::string_view bytes, Arena& arena) : reader_(bytes), arena_(arena) {}

  uint64_t number(uint64_t limit) {
    uint64_t value = 0;
    check(reader_.get(value) && (value < limit || limit == kAny));
    return ok_ ? value : 0;
  }
  uint32_t index(size_t limit) { return static_cast<uint32_t>(number(limit)); }
  std::string text() {
    Str value;
    check(reader_.get_text(value));
    return ok_ ? std::string(value.view()) : std::string();
  }
  Type type() {
    uint8_t value = 0;
    check(reader_.get(value) && value < kNumTypes);
    return ok_ ? static_cast<Type>(value) : Type::String;
  }
  Cell cell(Type of) {
    Cell value = null_cell(of);
    check(ok_ && aggregates::load_cell(value, of, reader_, arena_));
    return ok_ ? value : null_cell(of);
  }
  Constant constant() {
    Type of = type();
    return {of, cell(of)};
  }
  Field field() {
    std::string name = text();
    return {std::move(name), type()};
  }
  template <class T, class Read>
  void list(std::vector<T>& items, Read read) {
    // Every item takes a byte at least.
    uint64_t count = number(reader_.left() + 1);
    for (uint64_t i = 0; i < count && ok_; ++i) items.push_back(read());
  }
  void types(std::vector<Type>& items) {
    list(items, [&] { return type(); });
  }
  void check(bool holds) { ok_ = ok_ && holds; }
  bool ok() const { return ok_; }
  size_t left() const { return reader_.left(); }

 private:
  Reader reader_;
  Arena& arena_;
  bool ok_ = true;
};

bool takes(const Function& function, const std::vector<Constant>& args) {
  size_t fixed = function.num_params;
  if (!function.prepare || (function.variadic ? args.size() < fixed : args.size() != fixed)) return false;
  for (size_t i = 0; i < args.size(); ++i)
    if (args[i].type != function.params[std::min(i, fixed)].type) return false;
  return true;
}

Recipe read_recipe(ImageReader& in) {
  Recipe recipe;
  recipe.function = in.index(function_table().size());
  in.list(recipe.args, [&] { return in.constant(); });
  in.check(in.ok() && takes(function_table()[recipe.function], recipe.args));
  return recipe;
}

Input read_input(ImageReader& in, const std::vector<Recipe>& recipes) {
  Input input;
  input.table = in.text();
  in.list(input.columns, [&] { return in.field(); });
  in.list(input.prefilter, [&] {
    std::vector<simd::Literal> group;
    in.list(group, [&] {
      std::string text = in.text();
      simd::Literal literal{std::move(text), static_cast<simd::Case>(in.number(3))};
      std::vector<std::string> keys;
      in.list(keys, [&] { return in.text(); });
      literal.keys = {keys.begin(), keys.end()};
      return literal;
    });
    return group;
  });
  in.list(input.atoms, [&] {
    Atom atom;
    atom.column = in.index(input.columns.size());
    atom.recipe = in.index(recipes.size());
    if (!in.ok()) return atom;
    const Function& function = function_table()[recipes[atom.recipe].function];
    in.check(function.filter && function.result == Type::Bool &&
             input.columns[atom.column].type == Type::String);
    return atom;
  });
  return input;
}

SinkAggregate read_aggregate(ImageReader& in, uint32_t first_argument) {
  SinkAggregate use;
  use.slot = in.index(aggregate_table().size());
  in.types(use.types);
  for (size_t i = 0; i < use.types.size() && in.ok(); ++i) use.constants.push_back(in.cell(use.types[i]));
  in.types(use.results);
  use.first_argument = in.index(kAny);
  in.check(use.first_argument == first_argument && !use.results.empty());
  return use;
}

bool can_meet(Type a, Type b) {
  auto is_whole = [](Type type) { return type == Type::Int || type == Type::Long; };
  return a != Type::Dynamic && (a == b || (is_whole(a) && is_whole(b)));
}

SinkSpec read_sink(ImageReader& in) {
  SinkSpec sink;
  sink.kind = static_cast<SinkSpec::Kind>(in.number(static_cast<uint64_t>(SinkSpec::Kind::Mark)));
  in.types(sink.types);
  auto argument = static_cast<uint32_t>(sink.types.size());
  in.list(sink.aggregates, [&] {
    SinkAggregate use = read_aggregate(in, argument);
    argument += static_cast<uint32_t>(use.types.size());
    return use;
  });
  in.check(sink.aggregates.empty() || sink.kind == SinkSpec::Kind::Group);
  in.list(sink.sort_keys, [&] {
    SinkKey key;
    key.column = in.index(sink.types.size());
    key.descending = in.number(2) != 0;
    key.nulls_first = in.number(2) != 0;
    return key;
  });
  in.list(sink.join_keys, [&] {
    JoinColumn key;
    key.column = in.index(sink.types.size());
    key.probe = in.type();
    in.check(in.ok() && can_meet(sink.types[key.column], key.probe));
    return key;
  });
  in.check((sink.kind == SinkSpec::Kind::Build) != sink.join_keys.empty());
  bool limited = in.number(2) != 0;
  auto limit = static_cast<int64_t>(in.number(uint64_t{1} << 63));
  sink.limit = limited ? limit : -1;
  in.check(limited || limit == 0);
  return sink;
}

void read_rows(ImageReader& in, Pipeline& pipeline) {
  in.types(pipeline.types);
  pipeline.num_rows = static_cast<int64_t>(in.number(uint64_t{1} << 32));
  if (pipeline.kind != SourceKind::Rows) return in.check(pipeline.types.empty() && pipeline.num_rows == 0);
  in.check(pipeline.width == pipeline.types.size());
  // Every cell takes a byte; rows of no columns take none, so there may be many of them.
  in.check(pipeline.types.empty() ||
           static_cast<uint64_t>(pipeline.num_rows) <= in.left() / pipeline.types.size());
  for (int64_t row = 0; row < pipeline.num_rows && in.ok() && !pipeline.types.empty(); ++row)
    for (Type type : pipeline.types) pipeline.rows.push_back(in.cell(type));
}

Pipeline read_pipeline(ImageReader& in, const Program& program) {
  Pipeline pipeline;
  pipeline.kind = static_cast<SourceKind>(in.number(4));
  bool from_range = pipeline.kind == SourceKind::Range;
  bool from_input = pipeline.kind == SourceKind::Input,
       from_sink = pipeline.kind == SourceKind::Sink || from_range;
  pipeline.source = in.index(from_input ? program.inputs.size() : from_sink ? program.sinks.size() : 1);
  pipeline.width = in.index(uint64_t{1} << 20);
  pipeline.branch = in.index(kMaxBranches);
  pipeline.sink = in.index(program.sinks.size());
  pipeline.function = in.index(program.num_functions);
  read_rows(in, pipeline);
  in.list(pipeline.marks, [&] {
    Mark mark;
    mark.column = in.index(from_input && in.ok() ? program.inputs[pipeline.source].columns.size() : 0);
    mark.function = in.index(program.num_functions);
    in.check(in.ok() && program.inputs[pipeline.source].columns[mark.column].type == Type::String);
    return mark;
  });
  in.list(pipeline.probes, [&] {
    uint32_t sink = in.index(pipeline.sink);
    in.check(in.ok() && program.sinks[sink].kind == SinkSpec::Kind::Build);
    return sink;
  });
  if (!in.ok()) return pipeline;
  // A sink that is read has a lower number than the one that is filled from it: no cycles.
  if (!from_sink) return pipeline;
  const SinkSpec& source = program.sinks[pipeline.source];
  in.check(pipeline.source < pipeline.sink && source.kind != SinkSpec::Kind::Build &&
           (from_range ? pipeline.width == 1 : pipeline.width == source.width_out()));
  in.check(!from_range || (source.kind == SinkSpec::Kind::Collect && source.types.size() == 3));
  return pipeline;
}

ResultSet read_result(ImageReader& in, const std::vector<SinkSpec>& sinks) {
  ResultSet result;
  result.sink = in.index(sinks.size());
  in.list(result.schema, [&] { return in.field(); });
  if (!in.ok()) return result;
  const SinkSpec& sink = sinks[result.sink];
  in.check(sink.kind != SinkSpec::Kind::Build);
  std::vector<Type> types = sink.kind == SinkSpec::Kind::Count ? std::vector<Type>{Type::Long} : sink.types;
  for (const SinkAggregate& use : sink.aggregates)
    types.insert(types.end(), use.results.begin(), use.results.end());
  in.check(types.size() == result.schema.size());
  for (size_t i = 0; i < types.size() && in.ok(); ++i) in.check(types[i] == result.schema[i].type);
  return result;
}

Error damaged(const char* how) {
  return {ErrorCode::Format, std::string("the kernel's program is damaged: ") + how};
}

}  // namespace

uint64_t runtime_fingerprint() {
  static const uint64_t value = [] {
    Writer writer;
    for (size_t size : {sizeof(Cell), offsetof(Cell, valid), offsetof(Cell, code), sizeof(Column),
                        sizeof(Run), offsetof(Run, literals), offsetof(Run, prepared), offsetof(Run, row),
                        offsetof(Context, position), offsetof(Context, match)})
      writer.put(static_cast<uint64_t>(size));
    for (const Function& function : function_table()) {
      writer.put_text(Str(std::string_view(function.spec.name)));
      for (size_t i = 0; i < function.num_params + size_t{function.variadic}; ++i)
        writer.put(function.params[i].type);
      writer.put(function.result);
      writer.put(function.prepared_mask);
    }
    for (const Aggregate& aggregate : aggregate_table()) {
      writer.put_text(Str(std::string_view(aggregate.spec.name)));
      writer.put(static_cast<uint64_t>(aggregate.state_size));
    }
    return XXH3_64bits(writer.bytes.data(), writer.bytes.size());
  }();
  return value;
}

std::string build_image(const Program& program) {
  ImageWriter out;
  out.text(program.rule);
  out.list(program.literals, [&](const Constant& literal) { out.constant(literal); });
  out.list(program.recipes, [&](const Recipe& recipe) {
    out.number(recipe.function);
    out.list(recipe.args, [&](const Constant& argument) { out.constant(argument); });
  });
  out.list(program.inputs, [&](const Input& input) { write_input(out, input); });
  out.list(program.sinks, [&](const SinkSpec& sink) { write_sink(out, sink); });
  out.number(program.num_functions);
  out.list(program.pipelines, [&](const Pipeline& pipeline) { write_pipeline(out, pipeline); });
  out.list(program.results, [&](const ResultSet& result) {
    out.number(result.sink);
    out.list(result.schema, [&](const Field& field) { out.field(field); });
  });
  std::string body = out.take();
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kImageVersion;
  header.fingerprint = runtime_fingerprint();
  header.size = body.size();
  header.checksum = XXH3_64bits(body.data(), body.size());
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + body;
}

Result<Program> read_image(std::string_view image) {
  Header header;
  if (image.size() < sizeof header) return damaged("it is too short");
  std::memcpy(&header, image.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0) return damaged("it does not begin as one");
  if (header.version != kImageVersion || header.fingerprint != runtime_fingerprint())
    return Error{ErrorCode::Unsupported, "the kernel was built by another version of kqlc; build it again"};
  std::string_view body = image.substr(sizeof header);
  if (body.size() != header.size) return damaged("its size is not the one it names");
  if (XXH3_64bits(body.data(), body.size()) != header.checksum) return damaged("its checksum is wrong");
  Program program;
  ImageReader in(body, *program.arena);
  program.rule = in.text();
  in.list(program.literals, [&] { return in.constant(); });
  in.list(program.recipes, [&] { return read_recipe(in); });
  in.list(program.inputs, [&] { return read_input(in, program.recipes); });
  in.list(program.sinks, [&] { return read_sink(in); });
  program.num_functions = in.index(uint64_t{1} << 20);
  in.list(program.pipelines, [&] { return read_pipeline(in, program); });
  in.list(program.results, [&] { return read_result(in, program.sinks); });
  if (!in.ok() || in.left() != 0) return damaged("its parts contradict each other");
  return program;
}

}  // namespace kqlc::exec
