// SPDX-License-Identifier: Apache-2.0
//
// Functions of the bitcode become internal after linking, so that what is not inlined is compiled with the
// kernel and the rest is dropped. Code is made for the plain x86-64 of the ABI: what gains from wider vectors
// is in runtime/simd, which chooses when it runs, so that an object file serves every machine.
#include "codegen/module.h"

#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/Transforms/IPO/Internalize.h>

#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "codegen/emit.h"
#include "codegen/native_target.h"
#include "runtime/exec/kernel_abi.h"

extern "C" const char kqlc_bitcode_begin[];
extern "C" const char kqlc_bitcode_end[];

namespace kqlc::codegen {

namespace {

Error internal(std::string message) { return Error{ErrorCode::Internal, "LLVM: " + std::move(message)}; }

// The names that kqlc_slots gives to the entries.
Result<std::vector<std::string>> read_slots(const llvm::Module& bitcode) {
  const llvm::GlobalVariable* table = bitcode.getNamedGlobal("kqlc_slots");
  if (!table || !table->hasInitializer()) return internal("the bitcode has no kqlc_slots");
  std::vector<std::string> names;
  std::vector<const llvm::Constant*> open{table->getInitializer()};
  while (!open.empty()) {
    const llvm::Constant* constant = open.back();
    open.pop_back();
    if (!constant->getType()->isPointerTy()) {
      auto count = constant->getType()->isArrayTy() ? constant->getType()->getArrayNumElements()
                                                    : constant->getType()->getStructNumElements();
      for (uint64_t i = count; i-- > 0;)
        open.push_back(constant->getAggregateElement(static_cast<unsigned>(i)));
      continue;
    }
    names.push_back(constant->isNullValue() ? "" : constant->stripPointerCasts()->getName().str());
  }
  if (names.size() != 2 * function_table().size())
    return internal("the bitcode's list of functions is not the program's");
  return names;
}

void optimize(llvm::Module& module, llvm::TargetMachine* machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

using MachinePtr = std::unique_ptr<llvm::TargetMachine>;

Result<MachinePtr> make_machine(Level level, bool position_independent) {
  const llvm::Target* target = nullptr;
  KQLC_TRY_ASSIGN(target, native_target());
  const std::string triple = llvm::sys::getProcessTriple();
  MachinePtr machine(target->createTargetMachine(
      triple, "x86-64", "", {}, position_independent ? llvm::Reloc::PIC_ : llvm::Reloc::Static, std::nullopt,
      level == Level::O0 ? llvm::CodeGenOptLevel::None : llvm::CodeGenOptLevel::Default));
  if (!machine) return internal("no code for " + triple);
  return machine;
}

// Machines that nobody uses. One serves one module at a time, and then others: making what it knows of the
// processor takes a fifth to a third of the time of a small module.
class Machines {
 public:
  Result<MachinePtr> take(const ModuleOrder& order) {
    {
      std::lock_guard lock(mutex_);
      auto& idle = idle_[{order.level, order.position_independent}];
      if (!idle.empty()) {
        MachinePtr machine = std::move(idle.back());
        idle.pop_back();
        return machine;
      }
    }
    return make_machine(order.level, order.position_independent);
  }
  void give_back(const ModuleOrder& order, MachinePtr machine) {
    std::lock_guard lock(mutex_);
    idle_[{order.level, order.position_independent}].push_back(std::move(machine));
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<Level, bool>, std::vector<MachinePtr>> idle_;
};

// Never destroyed: a compilation may end after main() does.
Machines& machines() {
  static Machines& all = *new Machines;
  return all;
}

llvm::Constant* make_private(llvm::Module& module, llvm::Constant* value, const char* name) {
  auto* global = new llvm::GlobalVariable(module, value->getType(), true, llvm::GlobalValue::PrivateLinkage,
                                          value, name);
  global->setAlignment(llvm::Align(16));
  return global;
}

// The constants of type KqlcKernelCode, each with the same members.
void add_codes(llvm::Module& module, const ModuleOrder& order) {
  llvm::LLVMContext& context = module.getContext();
  std::string image = exec::build_image(order.functions.front().unit->program);
  auto* pointer = llvm::PointerType::getUnqual(context);
  std::vector<llvm::Constant*> functions;
  for (const FunctionOrder& function : order.functions)
    functions.push_back(module.getFunction(function.name));
  auto* table = llvm::ConstantArray::get(llvm::ArrayType::get(pointer, functions.size()), functions);
  auto* int32 = llvm::Type::getInt32Ty(context);
  auto* int64 = llvm::Type::getInt64Ty(context);
  llvm::Constant* members[] = {
      llvm::ConstantInt::get(int32, KQLC_KERNEL_ABI_VERSION), llvm::ConstantInt::get(int32, functions.size()),
      make_private(module, llvm::ConstantDataArray::getString(context, image, false), "kqlc_image"),
      llvm::ConstantInt::get(int64, image.size()), make_private(module, table, "kqlc_functions")};
  auto* code = llvm::ConstantStruct::getAnon(context, members);
  for (const std::string& name : order.code_names)
    new llvm::GlobalVariable(module, code->getType(), true, llvm::GlobalValue::ExternalLinkage, code, name);
}

Result<std::unique_ptr<llvm::Module>> load_bitcode(llvm::LLVMContext& context) {
  llvm::MemoryBufferRef bytes(
      {kqlc_bitcode_begin, static_cast<size_t>(kqlc_bitcode_end - kqlc_bitcode_begin)}, "slots");
  auto parsed = llvm::getLazyBitcodeModule(bytes, context);
  if (!parsed) return internal(llvm::toString(parsed.takeError()));
  return std::move(*parsed);
}

std::unique_ptr<llvm::Module> make_module(llvm::LLVMContext& context, const llvm::DataLayout& layout,
                                          const std::string& triple) {
  auto module = std::make_unique<llvm::Module>("kqlc", context);
  module->setDataLayout(layout);
  module->setTargetTriple(triple);
  module->setPICLevel(llvm::PICLevel::BigPIC);
  return module;
}

Result<void> verify(const llvm::Module& module) {
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (llvm::verifyModule(module, &stream)) return internal(stream.str());
  return {};
}

// Emits, links and optimizes.
Result<std::unique_ptr<llvm::Module>> build_module(const ModuleOrder& order, llvm::LLVMContext& context,
                                                   llvm::TargetMachine& machine) {
  auto module = make_module(context, machine.createDataLayout(), machine.getTargetTriple().str());
  std::unique_ptr<llvm::Module> bitcode;
  std::vector<std::string> names;
  SlotName slot_name = slot_symbol;
  if (order.level == Level::O2) {
    KQLC_TRY_ASSIGN(bitcode, load_bitcode(context));
    KQLC_TRY_ASSIGN(names, read_slots(*bitcode));
    slot_name = [&](size_t slot, bool prepared) { return names[2 * slot + prepared]; };
  }
  std::set<std::string> exported(order.code_names.begin(), order.code_names.end());
  for (const FunctionOrder& function : order.functions) {
    Emitter emitter(*module, *function.unit->ir, slot_name, function.unit->constants);
    emitter.emit(function.unit->loops[function.loop], function.name, function.shape);
    if (order.code_names.empty()) exported.insert(function.name);
  }
  if (!order.code_names.empty()) add_codes(*module, order);
  if (bitcode && llvm::Linker::linkModules(*module, std::move(bitcode), llvm::Linker::LinkOnlyNeeded))
    return internal("the bitcode does not link");
  KQLC_TRY(verify(*module));
  llvm::internalizeModule(
      *module, [&](const llvm::GlobalValue& value) { return exported.count(value.getName().str()) > 0; });
  if (order.level == Level::O2) optimize(*module, &machine);
  return module;
}

}  // namespace

std::string slot_symbol(size_t slot, bool prepared) {
  return "kqlc_slot_" + std::to_string(slot) + (prepared ? "_prepared" : "");
}

ModuleOrder order_all(const Unit& unit, Level level, const std::string& code_name) {
  ModuleOrder order;
  order.level = level;
  for (uint32_t loop = 0; loop < unit.loops.size(); ++loop)
    order.functions.push_back({&unit, loop, {}, "kqlc_loop_" + std::to_string(loop)});
  if (!code_name.empty()) order.code_names = {code_name};
  return order;
}

namespace {

// Builds the module and lets `use` make the text or the bytes of it.
template <class Use>
Result<std::string> with_module(const ModuleOrder& order, Use use) {
  MachinePtr machine;
  KQLC_TRY_ASSIGN(machine, machines().take(order));
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  KQLC_TRY_ASSIGN(module, build_module(order, context, *machine));
  Result<std::string> made = use(*module, *machine);
  machines().give_back(order, std::move(machine));
  return made;
}

Result<std::string> emit_file(llvm::Module& module, llvm::TargetMachine& machine,
                              llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return internal("this target writes no such files");
  passes.run(module);
  return std::string(bytes.data(), bytes.size());
}

}  // namespace

Result<std::string> compile_object(const ModuleOrder& order) {
  return with_module(order, [](llvm::Module& module, llvm::TargetMachine& machine) {
    return emit_file(module, machine, llvm::CodeGenFileType::ObjectFile);
  });
}

Result<std::string> compile_assembly(const ModuleOrder& order) {
  return with_module(order, [](llvm::Module& module, llvm::TargetMachine& machine) {
    return emit_file(module, machine, llvm::CodeGenFileType::AssemblyFile);
  });
}

Result<std::string> print_module(const ModuleOrder& order) {
  return with_module(order, [](llvm::Module& module, llvm::TargetMachine&) -> Result<std::string> {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream, nullptr);
    return stream.str();
  });
}

}  // namespace kqlc::codegen
