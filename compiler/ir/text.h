// SPDX-License-Identifier: Apache-2.0
//
// What the writer and the reader of the textual Ir have in common: the names of operators, functions and
// aggregates. A function is named by what it is in a query and the types of its parameters, so that each
// overload has its own name.
#pragma once

#include <string>
#include <string_view>

#include "compiler/ir/ir.h"

namespace kqlc::ir {

std::string_view op_name(OpKind kind);
// nullptr where there is no such name.
const OpKind* find_op(std::string_view name);

// For example has(string, string), strcat(string...).
const std::string& overload_name(const Function& function);
const Function* find_overload(std::string_view name);
const Aggregate* find_aggregate(std::string_view name);

// Appends `text` in double quotes; bytes that are no printable text as \xNN.
void append_quoted(std::string& out, std::string_view text);

}  // namespace kqlc::ir
