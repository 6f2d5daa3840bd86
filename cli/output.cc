// SPDX-License-Identifier: Apache-2.0
//
// The four text forms of a result.
#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "cli/report.h"
#include "cli/table_width.h"
#include "runtime/base/printable.h"
#include "runtime/base/side_by_side.h"
#include "runtime/functions/convert.h"

namespace kqlc::cli {

bool find_format(std::string_view name, OutputFormat& format) {
  static constexpr std::pair<std::string_view, OutputFormat> kFormats[] = {
      {"table", OutputFormat::Table}, {"ndjson", OutputFormat::Ndjson}, {"json", OutputFormat::Json},
      {"csv", OutputFormat::Csv},     {"arrow", OutputFormat::Arrow},   {"parquet", OutputFormat::Parquet}};
  for (auto [known, value] : kFormats)
    if (known == name) {
      format = value;
      return true;
    }
  return false;
}

std::string_view extension_of(OutputFormat format) {
  constexpr std::string_view extensions[] = {".txt", ".ndjson", ".json", ".csv", ".arrow", ".parquet"};
  return extensions[static_cast<size_t>(format)];
}

std::string json_string(std::string_view text) {
  std::string out;
  dynamic::append_json_string(out, text);
  return out;
}

namespace {

std::string text_value(const Cell& cell, Type type) {
  using functions::text_of;
  if (!cell.valid) return "";
  Arena arena;
  switch (type) {
    case Type::Bool:
      return cell.b ? "true" : "false";
    case Type::Int:
      return std::to_string(cell.i);
    case Type::Long:
      return std::to_string(cell.l);
    case Type::Real:
      return std::string(text_of(cell.d, arena).view());
    case Type::Decimal:
      return std::string(text_of(cell.m, arena).view());
    case Type::DateTime:
      return std::string(text_of(DateTime{cell.l}, arena).view());
    case Type::TimeSpan:
      return std::string(text_of(TimeSpan{cell.l}, arena).view());
    case Type::Guid:
      return std::string(text_of(cell.g, arena).view());
    case Type::String:
      return std::string(cell.s.view());
    case Type::Dynamic:
      return std::string(text_of(Dynamic{cell.node}, arena).view());
  }
  return "";
}

// What a table on a terminal does not show, and how to see it.
std::string say_cut(size_t shown, size_t columns) {
  std::string of_columns = shown < columns ? fmt::format(", {} of {} columns", shown, columns) : "";
  return fmt::format("# cut to fit the terminal{}; all with --format=table | less -S, or csv, json, ndjson\n",
                     of_columns);
}

// `width` is that of the terminal; 0: as wide as the rows are.
std::string print_table(const reference::Rows& rows, size_t width) {
  std::vector<std::vector<std::string>> cells(1);
  for (const auto& column : rows.schema) cells[0].push_back(printable(column.name));
  for (const auto& row : rows.rows) {
    auto& line = cells.emplace_back();
    for (size_t i = 0; i < row.size(); ++i)
      line.push_back(printable(text_value(row[i], rows.schema[i].type)));
  }
  std::vector<size_t> widths(rows.schema.size());
  for (const auto& line : cells)
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], display_width(line[i]));
  bool is_cut = width && fit_widths(widths, width);
  const std::string gap(kColumnGap, ' ');
  std::string out;
  for (size_t r = 0; r < cells.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < widths.size(); ++i) {
      std::string cell = cut_text(cells[r][i], widths[i]);
      line += cell + std::string(widths[i] - display_width(cell), ' ') + gap;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
    if (r == 0) {
      for (size_t i = 0; i < widths.size(); ++i)
        out += std::string(widths[i], '-') + (i + 1 < widths.size() ? gap : "");
      out += "\n";
    }
  }
  if (is_cut) out += say_cut(widths.size(), rows.schema.size());
  return out;
}

std::string csv_value(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

void append_json_value(std::string& out, const Cell& cell, Type type) {
  if (!cell.valid) {
    out += "null";
    return;
  }
  switch (type) {
    case Type::String:
      return dynamic::append_json_string(out, cell.s.view());
    case Type::Bool:
      out += cell.b ? "true" : "false";
      return;
    case Type::Int:
    case Type::Long:
      fmt::format_to(std::back_inserter(out), "{}", type == Type::Int ? cell.i : cell.l);
      return;
    case Type::Real: {
      std::string text = text_value(cell, type);
      bool is_word = text.find_first_of("Nn") != std::string::npos;
      out += is_word ? json_string(text) : text;
      return;
    }
    case Type::Dynamic: {
      Arena arena;
      out += dynamic::print(cell.node, arena).view();
      return;
    }
    case Type::DateTime: {
      char text[datetime::kDateTimeSize];
      datetime::print_datetime(DateTime{cell.l}, text);
      ((out += '"').append(text, sizeof text)) += '"';
      return;
    }
    default:
      dynamic::append_json_string(out, text_value(cell, type));
  }
}

namespace {

// Rows as JSON objects.
class ObjectPrinter {
 public:
  explicit ObjectPrinter(const reference::Rows& rows) : rows_(rows) {
    for (const plan::ColumnDef& column : rows.schema)
      keys_.push_back((keys_.empty() ? "{" : ",") + json_string(column.name) + ":");
  }
  void append(std::string& out, RowList::Row row) const {
    for (size_t i = 0; i < row.size(); ++i) {
      out += keys_[i];
      append_json_value(out, row[i], rows_.schema[i].type);
    }
    out += row.empty() ? "{}" : "}";
  }

 private:
  const reference::Rows& rows_;
  std::vector<std::string> keys_;  // with what stands before and behind them
};

}  // namespace

namespace {

// Rows of a result that one thread prints: the first of them come with what stands before them, the last with
// what stands behind.
struct Part {
  const Output* output;
  size_t begin, end;
  bool is_first() const { return begin == 0; }
  bool is_last() const { return end == output->rows->rows.size(); }
};

constexpr size_t kBytesOfPart = size_t{1} << 18;
constexpr size_t kBytesAtOnce = size_t{1} << 20;  // of each thread, and of a piece that is written

// About how long the text of a value is.
size_t text_size(const Cell& cell, Type type) {
  if (!cell.valid || (type != Type::String && type != Type::Dynamic)) return 16;
  if (type == Type::String) return 16 + cell.s.size;
  return 16 + size_t{32} * cell.node->size;
}

// Cuts results into parts that are about as long, some at a time: values differ in length by the thousand.
class PartCutter {
 public:
  explicit PartCutter(std::span<const Output> outputs) : outputs_(outputs) {}

  // The next parts, of about so many bytes of text; none at the end.
  std::vector<Part> next(size_t bytes) {
    std::vector<Part> parts;
    for (size_t size = 0; output_ < outputs_.size() && size < bytes;) {
      const reference::Rows& rows = *outputs_[output_].rows;
      size_t end = row_, part_size = 0;
      while (end < rows.rows.size() && part_size < kBytesOfPart) part_size += size_of(rows, end++);
      parts.push_back({&outputs_[output_], row_, end});
      size += part_size + 64;
      const bool is_last = parts.back().is_last();
      output_ += is_last ? 1 : 0;
      row_ = is_last ? 0 : end;
    }
    return parts;
  }

 private:
  static size_t size_of(const reference::Rows& rows, size_t row) {
    size_t size = 0;
    for (size_t i = 0; i < rows.schema.size(); ++i) size += text_size(rows.rows[row][i], rows.schema[i].type);
    return size;
  }

  std::span<const Output> outputs_;
  size_t output_ = 0, row_ = 0;  // where the next part begins
};

using PrintPart = std::function<void(std::string& out, const Part& part)>;

// Writes texts one behind the other: small ones together, and what is left at the end.
class Gatherer {
 public:
  explicit Gatherer(const TextWriter& write) : write_(write) {}
  Result<void> add(std::string_view text) {
    text_ += text;
    return text_.size() < kBytesAtOnce ? Result<void>() : flush();
  }
  Result<void> flush() {
    if (!text_.empty()) KQLC_TRY(write_(text_));
    text_.clear();
    return {};
  }

 private:
  const TextWriter& write_;
  std::string text_;
};

// While some parts are printed, those before them are written.
Result<void> write_parts(std::span<const Output> outputs, size_t threads, const PrintPart& print,
                         const TextWriter& write, std::string_view before = "",
                         std::string_view behind = "") {
  PartCutter cutter(outputs);
  Gatherer gatherer(write);
  std::vector<std::string> printed;
  const auto write_printed = [&]() -> Result<void> {
    for (std::string& text : printed) KQLC_TRY(gatherer.add(std::exchange(text, {})));
    return {};
  };
  KQLC_TRY(gatherer.add(before));
  for (auto parts = cutter.next(threads * kBytesAtOnce); !parts.empty();
       parts = cutter.next(threads * kBytesAtOnce)) {
    std::vector<std::string> texts(parts.size());
    Result<void> written;
    const size_t first = printed.empty() ? 0 : 1;
    side_by_side(first + parts.size(), threads, [&](size_t i, size_t) {
      if (i < first)
        written = write_printed();
      else
        print(texts[i - first], parts[i - first]);
    });
    KQLC_TRY(std::move(written));
    printed = std::move(texts);
  }
  KQLC_TRY(write_printed());
  KQLC_TRY(gatherer.add(behind));
  return gatherer.flush();
}

// The members of an object.
void append_json_part(std::string& out, const Part& part) {
  const reference::Rows& rows = *part.output->rows;
  if (part.is_first()) {
    out += "\"columns\":[";
    for (size_t i = 0; i < rows.schema.size(); ++i)
      out += fmt::format("{}{{\"name\":{},\"type\":\"{}\"}}", i ? "," : "", json_string(rows.schema[i].name),
                         type_name(rows.schema[i].type));
    out += "],\"rows\":[";
  }
  for (size_t r = part.begin; r < part.end; ++r) {
    out += r ? ",[" : "[";
    for (size_t i = 0; i < rows.schema.size(); ++i) {
      if (i) out += ',';
      append_json_value(out, rows.rows[r][i], rows.schema[i].type);
    }
    out += "]";
  }
  if (part.is_last()) out += "]";
}

}  // namespace

Result<void> print_json_members(const std::vector<Output>& outputs, size_t threads, std::string_view before,
                                std::string_view behind, const TextWriter& write) {
  if (outputs.size() == 1) return write_parts(outputs, threads, append_json_part, write, before, behind);
  const auto print = [&](std::string& out, const Part& part) {
    if (part.is_first()) out += &*part.output == outputs.data() ? "{" : ",{";
    append_json_part(out, part);
    if (part.is_last()) out += "}";
  };
  return write_parts(outputs, threads, print, write, fmt::format("{}\"tables\":[", before),
                     fmt::format("]{}", behind));
}

namespace {

std::string print_tables(const std::vector<Output>& outputs, size_t width) {
  std::string out;
  for (const Output& output : outputs) {
    std::string key = output.rule == output.title ? "" : "  " + printable(output.rule);
    if (!output.title.empty())
      out +=
          fmt::format("{} ({}){}\n", printable(output.title), counted(output.rows->rows.size(), "row"), key);
    if (output.title.empty() || !output.rows->rows.empty()) out += print_table(*output.rows, width);
    if (!output.partial.empty()) out += "# partial: " + output.partial + "\n";
    const bool is_between = output.title.empty() && &output != &outputs.back();
    if (is_between || (!output.title.empty() && !output.rows->rows.empty())) out += "\n";
  }
  return out;
}

// One result is plain CSV; several are blocks with a header each, an empty line between them, and the rule's
// key as the first column.
void append_csv_part(std::string& out, const Part& part, const Output& first, bool has_rule) {
  const reference::Rows& rows = *part.output->rows;
  const std::string rule = has_rule ? part.output->rule : "";
  if (part.is_first()) {
    if (part.output != &first) out += "\r\n";
    out += rule.empty() ? "" : "rule,";
    for (size_t i = 0; i < rows.schema.size(); ++i) out += (i ? "," : "") + csv_value(rows.schema[i].name);
    out += "\r\n";
  }
  for (size_t r = part.begin; r < part.end; ++r) {
    const RowList::Row row = rows.rows[r];
    if (!rule.empty()) out += csv_value(rule) + ",";
    for (size_t i = 0; i < row.size(); ++i)
      out += (i ? "," : "") + csv_value(text_value(row[i], rows.schema[i].type));
    out += "\r\n";
  }
  if (part.is_last() && !part.output->partial.empty()) out += "# partial: " + part.output->partial + "\r\n";
}

void append_ndjson_part(std::string& out, const Part& part) {
  const Output& output = *part.output;
  const std::string rule = output.rule.empty() ? "" : "{\"rule\":" + json_string(output.rule) + ",";
  const ObjectPrinter printer(*output.rows);
  for (size_t r = part.begin; r < part.end; ++r) {
    if (!rule.empty()) out += rule + "\"row\":";
    printer.append(out, output.rows->rows[r]);
    out += rule.empty() ? "\n" : "}\n";
  }
  if (!part.is_last() || output.partial.empty()) return;
  out += (rule.empty() ? "{\"$partial\":" : rule + "\"partial\":") + json_string(output.partial) + "}\n";
}

// A scan is an array of results with their rules; a query its table, or its tables.
Result<void> print_json(const std::vector<Output>& outputs, size_t threads, const TextWriter& write) {
  const bool is_scan = outputs.empty() || std::ranges::any_of(outputs, [](const Output& output) {
                         return !output.rule.empty();
                       });
  const bool is_list = outputs.size() > 1;
  const auto print = [&](std::string& out, const Part& part) {
    const Output& output = *part.output;
    if (part.is_first()) {
      out += &output == outputs.data() ? "{" : ",\n{";
      if (!output.rule.empty()) out += "\"rule\":" + json_string(output.rule) + ",";
      if (!output.partial.empty()) out += "\"partial\":" + json_string(output.partial) + ",";
    }
    append_json_part(out, part);
    if (part.is_last()) out += "}";
  };
  return write_parts(outputs, threads, print, write,
                     is_scan   ? "["
                     : is_list ? "{\"tables\":["
                               : "",
                     is_scan   ? "]\n"
                     : is_list ? "]}\n"
                               : "\n");
}

}  // namespace

Result<void> print_outputs(const std::vector<Output>& outputs, OutputFormat format, size_t width,
                           size_t threads, const TextWriter& write) {
  if (format == OutputFormat::Table) return write(print_tables(outputs, width));
  if (format == OutputFormat::Json) return print_json(outputs, threads, write);
  if (format == OutputFormat::Ndjson) return write_parts(outputs, threads, append_ndjson_part, write);
  const auto print_csv = [&](std::string& out, const Part& part) {
    append_csv_part(out, part, outputs[0], outputs.size() > 1);
  };
  return write_parts(outputs, threads, print_csv, write);
}

}  // namespace kqlc::cli
