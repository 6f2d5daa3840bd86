// SPDX-License-Identifier: Apache-2.0
//
// From loops to machine code: a Unit's functions become an LLVM module, the module an ELF object. In: which
// functions, for which shapes, at which level. Out: the bytes of a relocatable object, the same kind for the
// JIT, which loads it at once, and for `kqlc build`, which writes it to disk. It holds no address: functions
// of the runtime are called by name, literals and prepared states are read through Run.
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
  uint32_t loop = 0;  // number in Unit::loops
  Shape shape;        // of its columns; empty: any
  std::string name;
};

struct ModuleOrder {
  Level level = Level::O0;
  std::vector<FunctionOrder> functions;
  // Names of the constants of type KqlcKernelCode (exec/kernel_abi.h) that the object exports: all functions
  // of the unit, in order, with its image. Empty: only the functions are exported.
  std::vector<std::string> code_names;
  bool position_independent = true;  // for shared objects
};

// Emits the functions of an order at O0, without constants of its own (`code_names` is not looked at), as
// bitcode. Equal bytes are equal code, so rules of one shape can share it. Not for two threads over one Unit
// at once.
Result<std::string> emit_bitcode(Unit& unit, const ModuleOrder& order);
// Compiles what emit_bitcode made to an object that exports its functions.
Result<std::string> compile_bitcode(std::string_view bitcode);

// Compiles an object. Not for two threads over one Unit at once.
Result<std::string> compile_object(Unit& unit, const ModuleOrder& order);
// The same as assembly.
Result<std::string> compile_assembly(Unit& unit, const ModuleOrder& order);
// The same module as text, after optimisation.
Result<std::string> print_module(Unit& unit, const ModuleOrder& order);

// The order for all loops of a unit, each for any shape, with one KqlcKernelCode.
ModuleOrder order_all(const Unit& unit, Level level, const std::string& code_name);

// The name by which code at O0 calls a function of the table.
std::string slot_symbol(size_t slot, bool prepared);

}  // namespace kqlc::codegen
