// SPDX-License-Identifier: Apache-2.0
//
// The four text forms of a result.
#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/report.h"
#include "cli/table_width.h"
#include "runtime/base/printable.h"
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

// Rows as text, handed on where they have become much.
class Pieces {
 public:
  explicit Pieces(const TextWriter& write) : write_(write) {}
  std::string text;
  // To be called after each row.
  Result<void> hand_on(size_t least = size_t{1} << 20) {
    if (text.size() < least) return {};
    Result<void> written = write_(text);
    text.clear();
    return written;
  }

 private:
  const TextWriter& write_;
};

// With a rule, its key is the first column.
Result<void> print_csv(const reference::Rows& rows, const std::string& rule, Pieces& pieces) {
  std::string& out = pieces.text;
  out += rule.empty() ? "" : "rule,";
  for (size_t i = 0; i < rows.schema.size(); ++i) out += (i ? "," : "") + csv_value(rows.schema[i].name);
  out += "\r\n";
  for (const auto& row : rows.rows) {
    if (!rule.empty()) out += csv_value(rule) + ",";
    for (size_t i = 0; i < row.size(); ++i)
      out += (i ? "," : "") + csv_value(text_value(row[i], rows.schema[i].type));
    out += "\r\n";
    KQLC_TRY(pieces.hand_on());
  }
  return {};
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

void append_json_table(std::string& out, const reference::Rows& rows) {
  out += "\"columns\":[";
  for (size_t i = 0; i < rows.schema.size(); ++i)
    out += fmt::format("{}{{\"name\":{},\"type\":\"{}\"}}", i ? "," : "", json_string(rows.schema[i].name),
                       type_name(rows.schema[i].type));
  out += "],\"rows\":[";
  for (size_t r = 0; r < rows.rows.size(); ++r) {
    out += r ? ",[" : "[";
    for (size_t i = 0; i < rows.schema.size(); ++i) {
      if (i) out += ',';
      append_json_value(out, rows.rows[r][i], rows.schema[i].type);
    }
    out += "]";
  }
  out += "]";
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
    if (!output.title.empty() && !output.rows->rows.empty()) out += "\n";
  }
  return out;
}

// One result is plain CSV; several are blocks with a header each, an empty line between them.
Result<void> print_csvs(const std::vector<Output>& outputs, Pieces& pieces) {
  for (const Output& output : outputs) {
    if (&output != outputs.data()) pieces.text += "\r\n";
    KQLC_TRY(print_csv(*output.rows, outputs.size() > 1 ? output.rule : "", pieces));
    if (!output.partial.empty()) pieces.text += "# partial: " + output.partial + "\r\n";
  }
  return {};
}

// A scan is an array of results with their rules; a query its table, or its tables.
std::string print_json(const std::vector<Output>& outputs) {
  std::string out;
  bool is_scan = false;
  for (const Output& output : outputs) {
    is_scan |= !output.rule.empty();
    out += out.empty() ? "{" : ",\n{";
    if (!output.rule.empty()) out += "\"rule\":" + json_string(output.rule) + ",";
    if (!output.partial.empty()) out += "\"partial\":" + json_string(output.partial) + ",";
    append_json_table(out, *output.rows);
    out += "}";
  }
  if (is_scan || outputs.empty()) return "[" + out + "]\n";
  return outputs.size() == 1 ? out + "\n" : "{\"tables\":[" + out + "]}\n";
}

Result<void> print_ndjson(const std::vector<Output>& outputs, Pieces& pieces) {
  std::string& out = pieces.text;
  for (const Output& output : outputs) {
    std::string rule = output.rule.empty() ? "" : "{\"rule\":" + json_string(output.rule) + ",";
    ObjectPrinter printer(*output.rows);
    for (const auto& row : output.rows->rows) {
      if (!rule.empty()) out += rule + "\"row\":";
      printer.append(out, row);
      out += rule.empty() ? "\n" : "}\n";
      KQLC_TRY(pieces.hand_on());
    }
    if (output.partial.empty()) continue;
    out += (rule.empty() ? "{\"$partial\":" : rule + "\"partial\":") + json_string(output.partial) + "}\n";
  }
  return {};
}

}  // namespace

Result<void> print_outputs(const std::vector<Output>& outputs, OutputFormat format, size_t width,
                           const TextWriter& write) {
  Pieces pieces(write);
  if (format == OutputFormat::Table)
    pieces.text = print_tables(outputs, width);
  else if (format == OutputFormat::Json)
    pieces.text = print_json(outputs);
  else if (format == OutputFormat::Csv)
    KQLC_TRY(print_csvs(outputs, pieces));
  else
    KQLC_TRY(print_ndjson(outputs, pieces));
  return pieces.hand_on(0);
}

}  // namespace kqlc::cli
