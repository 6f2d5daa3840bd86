// SPDX-License-Identifier: Apache-2.0
//
// Functions that take text of a known form apart: file paths, CSV records, version numbers, XML. In: text.
// Out: bags, arrays or a decimal; null where the text is not of the form. Sources: the page of each function.
#pragma once

#include "runtime/functions/function.h"
#include "runtime/functions/node_builders.h"

namespace kqlc::functions {

struct ParsePath {
  static constexpr Spec spec{
      .name = "parse_path",
      .doc = "the parts of a Windows or Unix file path as a bag",
      .page = "parse-path-function",
      .examples = {"tostring(parse_path(@'C:\\temp\\file.txt').RootPath) == @'C:\\'",
                   "tostring(parse_path(@'\\\\shared\\users\\temp\\file.txt.gz').DirectoryPath) == "
                   "@'\\\\shared\\users\\temp'",
                   "tostring(parse_path('/usr/lib/temp/file.txt')) == "
                   "'{\"Scheme\":\"\",\"RootPath\":\"\",\"DirectoryPath\":\"/usr/lib/"
                   "temp\",\"DirectoryName\":\"temp\",\"Filename\":\"file.txt\",\"Extension\":\"txt\","
                   "\"AlternateDataStreamName\":\"\"}'",
                   "tostring(parse_path('file://C:/temp/file.txt:some.exe')) == "
                   "'{\"Scheme\":\"file\",\"RootPath\":\"C:/\",\"DirectoryPath\":\"C:/"
                   "temp\",\"DirectoryName\":\"temp\",\"Filename\":\"file.txt\",\"Extension\":\"txt\","
                   "\"AlternateDataStreamName\":\"some.exe\"}'"}};
  static Dynamic call(Context& context, Str path);
};
struct ParseCsv {
  static constexpr Spec spec{
      .name = "parse_csv",
      .result_name = ResultName::FirstArgument,
      .doc = "the fields of the first CSV record as an array",
      .page = "parse-csv-function",
      .examples = {
          "tostring(parse_csv('aa,\"b,b,b\",cc,\"Escaping quotes: \"\"Title\"\"\"')) == "
          "'[\"aa\",\"b,b,b\",\"cc\",\"Escaping quotes: \\\\\"Title\\\\\"\"]'",
          "tostring(parse_csv('record1,a,b,c\\nrecord2,x,y,z')) == '[\"record1\",\"a\",\"b\",\"c\"]'"}};
  static Dynamic call(Context& context, Str text);
};
struct ParseVersion {
  static constexpr Spec spec{.name = "parse_version",
                             .doc = "a version of one to four parts as a decimal that orders like it",
                             .page = "parse-version-function",
                             .examples = {"parse_version('0.0.0.5') == decimal(5)",
                                          "parse_version('0.2') == decimal(20000000000000000)",
                                          "parse_version('1.2.3.4') == decimal(1000000020000000300000004)"}};
  static Nullable<kqlc::Decimal> call(Context& context, Str text);
};
struct ParseXml {
  static constexpr Spec spec{
      .name = "parse_xml",
      .result_name = ResultName::FirstArgument,
      .doc = "an XML document as a bag: elements by name, @attributes, #text",
      .page = "parse-xml-function",
      .examples = {
          "tostring(parse_xml('<e/>')) == '{\"e\":null}'",
          "tostring(parse_xml('<e>text</e>')) == '{\"e\":\"text\"}'",
          "tostring(parse_xml('<e name=\"value\"/>')) == '{\"e\":{\"@name\":\"value\"}}'",
          "tostring(parse_xml('<e name=\"value\">text</e>')) == "
          "'{\"e\":{\"@name\":\"value\",\"#text\":\"text\"}}'",
          "tostring(parse_xml('<e> <a>text</a> <b>text</b> </e>')) == "
          "'{\"e\":{\"a\":\"text\",\"b\":\"text\"}}'",
          "tostring(parse_xml('<e> <a>text</a> <a>text</a> </e>')) == '{\"e\":{\"a\":[\"text\",\"text\"]}}'",
          "tostring(parse_xml('<e> text <a>text</a> </e>')) == "
          "'{\"e\":{\"#text\":\"text\",\"a\":\"text\"}}'"}};
  static Dynamic call(Context& context, Str xml);
};

using ParseFunctions = List<ParsePath, ParseCsv, ParseVersion, ParseXml>;

}  // namespace kqlc::functions
