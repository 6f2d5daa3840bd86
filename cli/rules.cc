// SPDX-License-Identifier: Apache-2.0
//
// Reading rule files: a file that is named is read whatever it is called, in folders the extension decides. A
// file that is no rule is said with its reason, and the others go on.
#include "cli/rules.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "cli/report.h"
#include "cli/say.h"
#include "runtime/base/printable.h"

namespace kqlc::cli {

namespace {

namespace fs = std::filesystem;

bool is_rule_file(const fs::path& path) {
  std::string extension = path.extension().string();
  for (const char* known : {".yaml", ".yml", ".kql", ".csl", ".md", ".markdown"})
    if (extension == known) return true;
  return false;
}

void leave_out(const std::string& path, const std::string& reason, RuleFiles& out) {
  say("kqlc: {}: {}\n", path, reason);
  ++out.left_out;
}

// A page about the rules beside it, as the README of a rule repository is: no rule, and no mistake either.
bool is_page_without_query(const std::string& path, const source::Diagnostics& diagnostics) {
  if (!path.ends_with(".md") && !path.ends_with(".markdown")) return false;
  return std::ranges::all_of(diagnostics.all(),
                             [](const auto& diagnostic) { return diagnostic.code == source::Code::K0002; });
}

void read_rule_file(const std::string& path, bool is_named, bool as_json, RuleFiles& out) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return leave_out(path, std::strerror(errno), out);
  if (static_cast<uint64_t>(status.st_size) > rule::kMostFileBytes)
    return leave_out(path, fmt::format("{} bytes are too many for a rule file", status.st_size), out);
  if (!out.seen.emplace(status.st_dev, status.st_ino).second) {
    ++out.repeated;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file.is_open() || file.bad()) return leave_out(path, std::strerror(errno), out);
  source::Diagnostics diagnostics;
  std::vector<rule::Rule> rules = rule::read_rules(path, text.str(), diagnostics);
  if (!is_named && rules.empty() && is_page_without_query(path, diagnostics)) return;
  source::SourceFile whole = rule::whole_file(path, text.str());
  for (const source::Diagnostic& diagnostic : diagnostics.all()) {
    if (as_json)
      out.diagnostics += source::render_json(diagnostic, whole) + "\n";
    else
      std::fputs(source::render(diagnostic, whole).c_str(), stderr);
  }
  if (diagnostics.has_errors()) {
    ++out.left_out;
  } else if (rules.empty()) {
    leave_out(path, "holds no rule", out);
  }
  for (rule::Rule& rule : rules) out.rules.push_back(std::move(rule));
}

void read_folder(const std::string& path, bool as_json, RuleFiles& out) {
  std::vector<std::string> files;
  size_t plain_texts = 0;  // which may be rules, or licences
  std::error_code error;
  fs::recursive_directory_iterator entry(path, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && is_rule_file(entry->path()))
      files.push_back(entry->path().string());
    else if (entry->is_regular_file(ignored) && entry->path().extension() == ".txt")
      ++plain_texts;
    if (entry->is_symlink(ignored) && entry->is_directory(ignored))
      say("kqlc: {}: a link to a folder, read where it is named itself\n", printable(entry->path().string()));
  }
  if (error) return leave_out(path, error.message(), out);
  if (plain_texts)
    say("kqlc: {}: {} passed over; name those that are rules\n", printable(path),
        counted(plain_texts, ".txt file"));
  if (files.empty())
    return leave_out(path, "no rule files (.yaml, .yml, .kql, .csl, .md) in this folder", out);
  std::sort(files.begin(), files.end());
  const auto taken = [&] { return out.rules.size() + out.left_out + out.repeated; };
  size_t before = taken();
  for (const std::string& file : files) read_rule_file(file, false, as_json, out);
  if (taken() == before) leave_out(path, "no page of this folder holds a KQL query", out);
}

// Says which rules cannot be told apart in the results.
void warn_of_equal_ids(const RuleFiles& files) {
  std::map<std::string, const rule::Rule*> first;
  for (const rule::Rule& rule : files.rules) {
    auto [known, is_new] = first.try_emplace(rule_key(rule), &rule);
    if (!is_new)
      say("kqlc: {} has the id of {}, {}: their rows stand under one `rule`\n", printable(rule.source.path),
          printable(known->second->source.path), printable(rule_key(rule)));
  }
}

}  // namespace

RuleFiles read_rule_files(const std::vector<std::string>& paths, bool as_json) {
  RuleFiles out;
  for (const std::string& path : paths) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      read_folder(path, as_json, out);
    } else {
      read_rule_file(path, true, as_json, out);
    }
  }
  if (out.repeated > 0)
    say("kqlc: {} named more than once, read once\n",
        out.repeated == 1 ? "a rule file was" : fmt::format("{} rule files were", out.repeated));
  warn_of_equal_ids(out);
  return out;
}

std::string rule_key(const rule::Rule& rule) { return rule.id.empty() ? rule.source.path : rule.id; }

}  // namespace kqlc::cli
