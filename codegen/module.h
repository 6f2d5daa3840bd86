// SPDX-License-Identifier: Apache-2.0
//
// From loops to machine code: loops of one or several Units become an LLVM module, the module an ELF object.
// In: which loops, for which shapes, at which level. Out: the bytes of a relocatable object, the same kind
// for the JIT, which loads it at once, and for `kqlc build`, which writes it to disk. It holds no address:
// functions of the runtime are called by name, literals and prepared states are read through Run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codegen/unit.h"
#include "runtime/base/result.h"

namespace kqlc::codegen {

// How much the optimiser does: O0 compiles in milliseconds and calls the program's own functions; O2 inlines
// the functions of the embedded bitcode.
enum class Level : uint8_t { O0, O2 };

struct FunctionOrder {
  const Unit* unit = nullptr;  // has to stay until the module is made
  uint32_t loop = 0;           // number in Unit::loops
  Shape shape;                 // of its columns; empty: any
  std::string name;
};

struct ModuleOrder {
  Level level = Level::O0;
  std::vector<FunctionOrder> functions;
  // Names of the constants of type KqlcKernelCode (exec/kernel_abi.h) that the object exports: all functions,
  // in order, which have to be those of one unit, with its image. Empty: only the functions are exported.
  std::vector<std::string> code_names;
  bool position_independent = true;  // for shared objects
};

// Compiles an object.
Result<std::string> compile_object(const ModuleOrder& order);
// The same as assembly.
Result<std::string> compile_assembly(const ModuleOrder& order);
// The same module as text, after optimisation.
Result<std::string> print_module(const ModuleOrder& order);

// The order for all loops of a unit, each for any shape, with one KqlcKernelCode; without, where its name is
// "".
ModuleOrder order_all(const Unit& unit, Level level, const std::string& code_name);

// The name by which code at O0 calls a function of the table.
std::string slot_symbol(size_t slot, bool prepared);

}  // namespace kqlc::codegen
