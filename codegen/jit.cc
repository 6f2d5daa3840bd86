// SPDX-License-Identifier: Apache-2.0
//
// The JIT: ORC's LLJIT, one per kernel. Functions of the bitcode become internal after linking, so that what is not
// inlined is compiled with the kernel and the rest is dropped.
#include "codegen/jit.h"

#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Transforms/IPO/Internalize.h>

#include "codegen/emit.h"

extern "C" const char kqlc_bitcode_begin[];
extern "C" const char kqlc_bitcode_end[];

namespace kqlc::codegen {

struct Jit::Engine {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

Jit::Jit() : engine_(std::make_unique<Engine>()) {}
Jit::~Jit() = default;

namespace {

Error internal(llvm::Error error) { return Error{ErrorCode::Internal, "LLVM: " + llvm::toString(std::move(error))}; }

std::string program_slot(size_t slot, bool prepared) {
  return "kqlc_slot_" + std::to_string(slot) + (prepared ? "_prepared" : "");
}

// The names that kqlc_slots gives to the entries.
Result<std::vector<std::string>> read_slots(const llvm::Module& bitcode) {
  const llvm::GlobalVariable* table = bitcode.getNamedGlobal("kqlc_slots");
  if (!table || !table->hasInitializer()) return Error{ErrorCode::Internal, "the bitcode has no kqlc_slots"};
  std::vector<std::string> names;
  std::vector<const llvm::Constant*> open{table->getInitializer()};
  while (!open.empty()) {
    const llvm::Constant* constant = open.back();
    open.pop_back();
    if (!constant->getType()->isPointerTy()) {
      auto count = constant->getType()->isArrayTy() ? constant->getType()->getArrayNumElements()
                                                    : constant->getType()->getStructNumElements();
      for (uint64_t i = count; i-- > 0;) open.push_back(constant->getAggregateElement(static_cast<unsigned>(i)));
      continue;
    }
    names.push_back(constant->isNullValue() ? "" : constant->stripPointerCasts()->getName().str());
  }
  if (names.size() != 2 * function_table().size())
    return Error{ErrorCode::Internal, "the bitcode's list of functions is not the program's"};
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

Result<std::unique_ptr<llvm::orc::LLJIT>> make_engine(Level level) {
  static const bool initialized = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    return true;
  }();
  KQLC_CHECK(initialized, "LLVM's target");
  auto target = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!target) return internal(target.takeError());
  target->setCodeGenOptLevel(level == Level::O0 ? llvm::CodeGenOptLevel::None : llvm::CodeGenOptLevel::Default);
  auto jit = llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(std::move(*target)).create();
  if (!jit) return internal(jit.takeError());
  (*jit)->getExecutionSession().setErrorReporter([](llvm::Error error) { llvm::consumeError(std::move(error)); });
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess((*jit)->getDataLayout().getGlobalPrefix());
  if (!process) return internal(process.takeError());
  (*jit)->getMainJITDylib().addGenerator(std::move(*process));
  llvm::orc::SymbolMap symbols;
  auto add = [&](const std::string& name, auto* entry) {
    if (!entry) return;
    symbols[(*jit)->mangleAndIntern(name)] = {llvm::orc::ExecutorAddr::fromPtr(entry),
                                              llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  };
  for (size_t slot = 0; slot < function_table().size(); ++slot) {
    add(program_slot(slot, false), function_table()[slot].invoke);
    add(program_slot(slot, true), function_table()[slot].invoke_prepared);
  }
  add("kqlc_sink", &kqlc_sink);
  if (level == Level::O0) add("kqlc_load", &kqlc_load);
  if (auto error = (*jit)->getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(symbols))))
    return internal(std::move(error));
  return std::move(*jit);
}

}  // namespace

Result<std::vector<PipelineFunction>> Jit::compile(const pipelines::Pipelines& pipelines, Level level,
                                                   std::vector<Cell>& literals, std::vector<const void*>& prepared) {
  KQLC_TRY_ASSIGN(engine_->jit, make_engine(level));
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = std::make_unique<llvm::Module>("kqlc", *context);
  module->setDataLayout(engine_->jit->getDataLayout());
  module->setTargetTriple(engine_->jit->getTargetTriple().str());
  std::unique_ptr<llvm::Module> bitcode;
  std::vector<std::string> names;
  if (level == Level::O2) {
    llvm::MemoryBufferRef bytes({kqlc_bitcode_begin, static_cast<size_t>(kqlc_bitcode_end - kqlc_bitcode_begin)}, "slots");
    auto parsed = llvm::getLazyBitcodeModule(bytes, *context);
    if (!parsed) return internal(parsed.takeError());
    bitcode = std::move(*parsed);
    KQLC_TRY_ASSIGN(names, read_slots(*bitcode));
  }
  SlotName slot_name = program_slot;
  if (bitcode) slot_name = [&](size_t slot, bool prepared_form) { return names[2 * slot + prepared_form]; };
  Emitter emitter(*module, *pipelines.ir, slot_name, literals, prepared);
  std::vector<std::string> function_names;
  for (size_t phase = 0; phase < pipelines.phases.size(); ++phase)
    for (size_t input = 0; input < pipelines.phases[phase].inputs.size(); ++input) {
      function_names.push_back("kqlc_pipeline_" + std::to_string(phase) + "_" + std::to_string(input));
      emitter.emit(pipelines.phases[phase].inputs[input], pipelines.phases[phase].sink, function_names.back());
    }
  if (bitcode && llvm::Linker::linkModules(*module, std::move(bitcode), llvm::Linker::LinkOnlyNeeded))
    return Error{ErrorCode::Internal, "LLVM: the bitcode does not link"};
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (llvm::verifyModule(*module, &stream)) return Error{ErrorCode::Internal, "LLVM: " + stream.str()};
  if (level == Level::O2) {
    llvm::internalizeModule(*module, [](const llvm::GlobalValue& value) { return value.getName().starts_with("kqlc_pipeline_"); });
    auto machine = llvm::orc::JITTargetMachineBuilder::detectHost();
    if (!machine) return internal(machine.takeError());
    auto target = machine->createTargetMachine();
    if (!target) return internal(target.takeError());
    optimize(*module, target->get());
  }
  llvm::raw_string_ostream text(text_);
  module->print(text, nullptr);
  text.flush();
  if (auto error = engine_->jit->addIRModule(llvm::orc::ThreadSafeModule(std::move(module), std::move(context))))
    return internal(std::move(error));
  std::vector<PipelineFunction> functions;
  for (const std::string& name : function_names) {
    auto found = engine_->jit->lookup(name);
    if (!found) return internal(found.takeError());
    functions.push_back(found->toPtr<PipelineFunction>());
  }
  return functions;
}

}  // namespace kqlc::codegen
