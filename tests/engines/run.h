// SPDX-License-Identifier: Apache-2.0
//
// One query on one engine, in one of the many ways it can be run. In: a bound Plan, tables in memory or
// files, and a Way (encoding, batch size, threads, SIMD target). Out: an Answer, rows or an error, that can
// be compared with another one and printed. The only place in the tests that knows how a kernel is called.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/late_rows.h"
#include "codegen/kernel.h"
#include "compiler/plan/plan.h"
#include "runtime/archive/archive.h"
#include "tests/engines/table_data.h"

namespace kqlc::engines {

struct Answer {
  plan::Schema schema;
  std::vector<Row> rows;
  std::vector<std::shared_ptr<Arena>> arenas;  // what the cells refer to
  std::string error;                           // of the data or a limit; "" where there is none
  bool is_limit = false;                       // the error is that a limit was reached
};

// "Name:type, ..." and one JSON array a row.
std::string print_answer(const Answer& answer);
// Returns what differs, or "": schema, number of rows, cells; reals within 1e-12 of each other are the same,
// as are errors whatever their text.
std::string compare(const Answer& expected, const Answer& got);
// True where two texts are equal but for numbers that differ by less than 1e-12 of their size.
bool same_text(std::string_view a, std::string_view b);

struct Way {
  Texts texts = Texts::Plain;
  int64_t batch_rows = 64;
  int threads = 1;
  std::string simd;  // "": the active target
  std::string name() const;
};

// How files are scanned.
struct FileWay {
  int threads = 1;
  archive::Mapping mapping = archive::Mapping::Archives;
  std::string simd = {};  // "": the active target
  // As archive::ScanRequest's; nothing: what the kernel knows.
  std::optional<std::vector<simd::LiteralGroups>> prefilters = {};
  std::string name() const;
};

// The reference executor over tables in memory.
Answer run_reference(const plan::Plan& plan, size_t result, const std::vector<TableData>& tables);
// The same over files.
Answer run_reference(const plan::Plan& plan, size_t result, const std::vector<archive::File>& files);

// A compiled result, to be run in many ways.
class Native {
 public:
  // Errors: Unsupported where the plan has no native form. `plan` must outlive the object.
  static Result<Native> compile(const plan::Plan& plan, size_t result, codegen::Engine engine);
  Answer run(const std::vector<TableData>& tables, const Way& way) const;
  Answer run(const std::vector<archive::File>& files, const FileWay& way) const;
  // What lines of a table must hold to be of use; nothing is known where it is empty.
  const simd::LiteralGroups& prefilter(const std::string& table) const;

 private:
  std::unique_ptr<codegen::Kernel> kernel_;
};

// A result in the form in which late columns are fetched for the rows that are kept, over tables in memory.
class Late {
 public:
  // Nothing where the result has no such form.
  static std::optional<Late> compile(const plan::Plan& plan, size_t result, codegen::Engine engine);
  Answer run(const std::vector<TableData>& tables, const Way& way) const;

 private:
  std::unique_ptr<cli::LateRows> rows_;
};

// Turns the constant rows of a plan (datatable) into tables that are scanned, and the constants of a `print`
// into columns of a one-row table, so that they meet every encoding. Returns the changed plan, or nothing
// where there are no such rows or their values do not fit into columns.
std::optional<plan::Plan> rows_to_tables(const plan::Plan& plan, std::vector<TableData>& tables);

}  // namespace kqlc::engines
