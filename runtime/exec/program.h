// SPDX-License-Identifier: Apache-2.0
//
// Program: all that a compiled rule needs at run time besides its code. In: what the code generator gathered
// while it emitted. Out: a byte image without pointers that is embedded beside the code, and from it the same
// Program again. Nothing here knows the compiler: a rule in an object file and a rule in the JIT are opened
// by the same read_image. Functions and aggregates are numbered by their slots; a fingerprint of both tables
// and of the layouts that code relies on keeps an image from being read by a runtime that numbers or lays out
// differently.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/arena.h"
#include "runtime/base/result.h"
#include "runtime/exec/sink.h"
#include "runtime/simd/line_filter.h"
#include "runtime/value/type.h"

namespace kqlc::exec {

// Branches of a union stand in the topmost bits of a row's position, so that rows of the first come first.
inline constexpr int kBranchBits = 8;
inline constexpr uint64_t kMaxBranches = uint64_t{1} << kBranchBits;

struct Field {
  std::string name;
  Type type = Type::String;
};

struct Constant {
  Type type = Type::String;
  Cell cell;
};

// A prepared state: the function prepares it from the arguments when the kernel is opened. An argument that
// is no constant stands as a null.
struct Recipe {
  uint32_t function = 0;  // slot in function_table()
  std::vector<Constant> args;
};

// A filter that a whole column decides: `column has "constant"`. The recipe's function has a `filter`, its
// first argument is the column.
struct Atom {
  uint32_t column = 0;  // place in Input::columns
  uint32_t recipe = 0;
};

// A table that is scanned. Batches hold these columns in this order.
struct Input {
  std::string table;
  std::vector<Field> columns;
  simd::LiteralGroups prefilter;  // of archive::ScanRequest::prefilters
  std::vector<Atom> atoms;
};

enum class SourceKind : uint8_t {
  Input,  // batches of Program::inputs[source]
  Sink,   // the rows of Program::sinks[source], when they are complete
  Rows,   // constant cells, row by row
  Range,  // the values from, to, step of the one row of Program::sinks[source]
};

// A predicate over one string column alone, as a function of its own: over a column in a dictionary it runs
// once per distinct value and makes a look-up per row. The filter itself stays in the pipeline.
struct Mark {
  uint32_t column = 0;    // place in Input::columns
  uint32_t function = 0;  // in the table of compiled functions; of the input's columns it reads that one
};

// One compiled loop: from a source into a sink.
struct Pipeline {
  SourceKind kind = SourceKind::Rows;
  uint32_t source = 0;
  uint32_t width = 0;   // of Sink, Rows and Range: cells a row
  uint32_t branch = 0;  // of several pipelines into one sink, rows of the lower come first
  uint32_t sink = 0;
  uint32_t function = 0;    // in the table of compiled functions
  int64_t num_rows = 0;     // Rows
  std::vector<Cell> rows;   // Rows
  std::vector<Type> types;  // Rows: one a column
  std::vector<Mark> marks;  // Input
  // Sinks of the kind Build in whose tables the loop looks rows up: they are complete before it runs.
  std::vector<uint32_t> probes;
};

// One result of the query: the rows of a sink.
struct ResultSet {
  uint32_t sink = 0;
  std::vector<Field> schema;
};

struct Program {
  std::string rule;  // id of the rule, or ""
  std::vector<Input> inputs;
  std::vector<Constant> literals;
  std::vector<Recipe> recipes;
  std::vector<SinkSpec> sinks;
  std::vector<Pipeline> pipelines;  // a sink's pipelines all stand before a pipeline that reads it
  std::vector<ResultSet> results;
  uint32_t num_functions = 0;                                // compiled functions: of pipelines and marks
  std::shared_ptr<Arena> arena = std::make_shared<Arena>();  // texts and trees of the cells
};

// Returns the image: the same bytes for the same program, without addresses.
std::string build_image(const Program& program);

// Reads and verifies an image. Errors: Format: the bytes are no image, are cut or contradict themselves;
// Unsupported: an image of another version of the runtime.
Result<Program> read_image(std::string_view image);

// The number that images of this runtime carry.
uint64_t runtime_fingerprint();

}  // namespace kqlc::exec
