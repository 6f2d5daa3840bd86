// SPDX-License-Identifier: Apache-2.0
//
// The session lives until the process ends: tearing LLVM down costs more than it gives back. Entries of the
// function table are defined when an object asks for one by its number.
#include "codegen/jit.h"

#include <llvm/ExecutionEngine/Orc/LLJIT.h>

#include <atomic>

#include "codegen/module.h"
#include "codegen/native_target.h"
#include "runtime/functions/function.h"

namespace kqlc::codegen {

namespace {

using namespace llvm::orc;

Error internal(llvm::Error error) {
  return Error{ErrorCode::Internal, "LLVM: " + llvm::toString(std::move(error))};
}

// Finds kqlc_slot_N and kqlc_slot_N_prepared in the program's function table.
class SlotGenerator : public DefinitionGenerator {
 public:
  llvm::Error tryToGenerate(LookupState&, LookupKind, JITDylib& library, JITDylibLookupFlags,
                            const SymbolLookupSet& wanted) override {
    SymbolMap found;
    for (const auto& [name, flags] : wanted) {
      llvm::StringRef text = *name;
      if (!text.consume_front("kqlc_slot_")) continue;
      bool prepared = text.consume_back("_prepared");
      size_t slot = 0;
      if (text.getAsInteger(10, slot) || slot >= function_table().size()) continue;
      const Function& function = function_table()[slot];
      found[name] = {ExecutorAddr::fromPtr(prepared ? function.invoke_prepared : function.invoke),
                     llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
    }
    return found.empty() ? llvm::Error::success() : library.define(absoluteSymbols(std::move(found)));
  }
};

Result<LLJIT*> make_session() {
  KQLC_TRY(native_target());
  // No platform: kernels have no constructors and no thread locals, and LLVM's own would be compiled first.
  auto jit = LLJITBuilder().setPlatformSetUp(setUpInactivePlatform).create();
  if (!jit) return internal(jit.takeError());
  (*jit)->getExecutionSession().setErrorReporter(
      [](llvm::Error error) { llvm::consumeError(std::move(error)); });
  return jit->release();
}

Result<LLJIT*>& session() {
  static Result<LLJIT*> shared = make_session();
  return shared;
}

}  // namespace

struct Jit::Parts {
  LLJIT* session = nullptr;
  JITDylib* library = nullptr;
};

Jit::Jit(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Jit::~Jit() { llvm::consumeError(parts_->session->getExecutionSession().removeJITDylib(*parts_->library)); }

Result<std::unique_ptr<Jit>> Jit::load(std::string_view object) {
  static std::atomic<uint64_t> counter{0};
  auto parts = std::make_unique<Parts>();
  if (!session().ok()) return Error(session().error());
  parts->session = session().value();
  auto library = parts->session->createJITDylib("kqlc." + std::to_string(counter.fetch_add(1)));
  if (!library) return internal(library.takeError());
  parts->library = &*library;
  parts->library->addGenerator(std::make_unique<SlotGenerator>());
  std::unique_ptr<Jit> jit(new Jit(std::move(parts)));
  auto bytes = llvm::MemoryBuffer::getMemBufferCopy({object.data(), object.size()}, "kernel");
  if (auto error = jit->parts_->session->addObjectFile(*jit->parts_->library, std::move(bytes)))
    return internal(std::move(error));
  return jit;
}

Result<std::vector<const void*>> Jit::find(const std::vector<std::string>& names) {
  ExecutionSession& session = parts_->session->getExecutionSession();
  std::vector<SymbolStringPtr> symbols;
  for (const std::string& name : names) symbols.push_back(parts_->session->mangleAndIntern(name));
  auto found = session.lookup(makeJITDylibSearchOrder(parts_->library), SymbolLookupSet(symbols));
  if (!found) return internal(found.takeError());
  std::vector<const void*> places;
  for (const SymbolStringPtr& symbol : symbols)
    places.push_back((*found)[symbol].getAddress().toPtr<const void*>());
  return places;
}

}  // namespace kqlc::codegen
