// SPDX-License-Identifier: Apache-2.0
//
// A kernel is an image and functions, whatever the engine: those of an object that is loaded by the Jit, or
// code that is compiled when it is needed and shared.
#include "codegen/kernel.h"

#include "codegen/jit.h"
#include "codegen/module.h"
#include "codegen/shared_code.h"
#include "codegen/tiers.h"
#include "compiler/ir/needs.h"
#include "runtime/exec/kernel.h"
#include "runtime/exec/kernel_abi.h"

namespace kqlc::codegen {

namespace {

// Rows that have to reach a loop before O2 is worth its compilation: some 15 to 40 ms, for all columns of a
// wide table 250 ms (the last row of each machine, 69 columns, 300,000 rows: 2.5 s of CPU with O2 after
// 200,000 rows, 1.8 s without).
constexpr int64_t kRowsBeforeO2 = 1'000'000;

TierPolicy policy_of(Engine engine) {
  if (engine == Engine::Tiered) return {kRowsBeforeO2, false};
  if (engine == Engine::Specialised) return {0, true};
  return {-1, false};
}

// The functions of an object, loaded again.
class LoadedCode : public exec::FixedCode {
 public:
  LoadedCode(std::unique_ptr<Jit> jit, const PipelineFunction* functions)
      : FixedCode(functions), jit_(std::move(jit)) {}

 private:
  std::unique_ptr<Jit> jit_;
};

// By way of an object with its image, as `kqlc build` writes it.
Result<std::shared_ptr<exec::Kernel>> load_kernel(const std::shared_ptr<Unit>& unit,
                                                  const KernelOptions& options, int64_t now) {
  std::string object;
  const Level level = unit->optimizes() ? Level::O2 : Level::O0;
  KQLC_TRY_ASSIGN(object, compile_object(order_all(*unit, level, "kqlc_kernel_code")));
  std::unique_ptr<Jit> jit;
  KQLC_TRY_ASSIGN(jit, Jit::load(object));
  std::vector<const void*> places;
  KQLC_TRY_ASSIGN(places, jit->find({"kqlc_kernel_code"}));
  const auto& code = *static_cast<const KqlcKernelCode*>(places[0]);
  auto* functions = reinterpret_cast<const PipelineFunction*>(code.functions);
  std::string_view image(reinterpret_cast<const char*>(code.image), code.image_size);
  return exec::Kernel::open(image, std::make_shared<LoadedCode>(std::move(jit), functions),
                            {now, options.memory_limit, options.threads, options.stop});
}

// With code that is made when it is needed, and shared by rules of the same shape.
Result<std::shared_ptr<exec::Kernel>> share_kernel(const std::shared_ptr<Unit>& unit,
                                                   const KernelOptions& options, int64_t now,
                                                   std::shared_ptr<TieredCode>& code) {
  const TierPolicy policy = policy_of(unit->optimizes() ? options.engine : Engine::O0);
  std::string image = exec::build_image(unit->program);
  code = share_code(unit, policy);
  return exec::Kernel::open(image, code, {now, options.memory_limit, options.threads, options.stop});
}

// What the filters that stand on each scan need, in the order of the kernel's inputs.
std::vector<Need> needs_of_scans(const pipelines::Pipelines& pipelines) {
  std::vector<Need> out;
  for (const pipelines::Phase& phase : pipelines.phases)
    for (const pipelines::Input& input : phase.inputs) {
      if (input.source != pipelines::SourceKind::Scan) continue;
      std::vector<ir::ExprId> conditions = input.atoms;
      for (const pipelines::Step& step : input.steps) {
        if (step.kind != pipelines::Step::Kind::Filter) break;
        conditions.insert(conditions.end(), step.exprs.begin(), step.exprs.end());
      }
      out.push_back(ir::find_needs(*pipelines.ir, conditions, input.schema));
    }
  return out;
}

}  // namespace

struct Kernel::Parts {
  std::shared_ptr<Unit> unit;
  std::vector<KernelInput> inputs;
  std::shared_ptr<TieredCode> code;  // nullptr: that of an object
  std::shared_ptr<exec::Kernel> kernel;
};

Kernel::Kernel() : parts_(std::make_unique<Parts>()) {}
Kernel::~Kernel() = default;

Result<std::unique_ptr<Kernel>> Kernel::compile(const plan::Plan& plan, plan::NodeId node,
                                                const KernelOptions& options) {
  auto ir = std::make_shared<ir::Ir>(ir::build(plan, node));
  ir::optimize(*ir);
  return compile(std::move(ir), options);
}

Result<std::unique_ptr<Kernel>> Kernel::compile(std::shared_ptr<const ir::Ir> ir,
                                                const KernelOptions& options) {
  std::unique_ptr<Kernel> out(new Kernel);
  Parts& parts = *out->parts_;
  const int64_t now = ir->now;
  pipelines::Pipelines pipelines;
  KQLC_TRY_ASSIGN(pipelines, pipelines::split(std::move(ir)));
  std::vector<Need> needs = needs_of_scans(pipelines);
  KQLC_TRY_ASSIGN(parts.unit, build_unit(std::move(pipelines), options.rule));
  const bool at_once = options.engine == Engine::O2 || options.engine == Engine::Object;
  KQLC_TRY_ASSIGN(parts.kernel, at_once ? load_kernel(parts.unit, options, now)
                                        : share_kernel(parts.unit, options, now, parts.code));
  for (const exec::Input& from : parts.kernel->program().inputs) {
    const size_t number = parts.inputs.size();
    KernelInput& input = parts.inputs.emplace_back();
    input.phase = parts.kernel->phase_of_input(number);
    input.needs = std::move(needs[number]);
    input.table = from.table;
    for (const exec::Field& field : from.columns) input.columns.push_back({field.name, field.type});
    input.prefilter = from.prefilter;
  }
  return out;
}

const std::vector<KernelInput>& Kernel::inputs() const { return parts_->inputs; }
size_t Kernel::num_phases() const { return parts_->kernel->num_phases(); }
exec::Kernel& Kernel::native() const { return *parts_->kernel; }
bool Kernel::has_code() const { return !parts_->code || parts_->code->is_loaded(); }
std::vector<uint64_t> Kernel::make_code(std::span<const Kernel* const> kernels, size_t threads) {
  std::vector<TieredCode*> codes;
  for (const Kernel* kernel : kernels) codes.push_back(kernel->parts_->code.get());
  return TieredCode::load(codes, threads);
}
uint64_t Kernel::take_background_time() const {
  return parts_->code ? parts_->code->take_background_time() : 0;
}
void Kernel::cancel() { parts_->kernel->cancel(); }
std::shared_ptr<KernelState> Kernel::create_state() const { return parts_->kernel->create_state(); }

bool Kernel::consume(KernelState& state, size_t input, const Batch& batch) const {
  return parts_->kernel->consume(state, input, batch);
}
bool Kernel::consume(KernelState& state, size_t input, const Batch& batch, const exec::BatchUse& use) const {
  return parts_->kernel->consume(state, input, batch, use);
}
void Kernel::merge(KernelState& into, KernelState& from) const { parts_->kernel->merge(into, from); }

void Kernel::end_phase(std::vector<std::shared_ptr<KernelState>>& states) const {
  for (size_t i = 1; i < states.size(); ++i) merge(*states[0], *states[i]);
  parts_->kernel->end_phase(*states[0]);
  for (size_t i = 1; i < states.size(); ++i) states[i] = parts_->kernel->create_state(*states[0]);
}

KernelRows Kernel::finish(KernelState& state) const {
  KernelRows out;
  for (const exec::Field& field : parts_->kernel->program().results[0].schema)
    out.schema.push_back({field.name, field.type});
  auto rows = parts_->kernel->finish(state, 0, true);
  out.error = state.error();
  if (!rows.ok()) return out;
  exec::Rows& made = *rows.value();
  out.rows = RowList(std::move(made.cells), made.num_rows);
  out.arena = rows.value()->arena;
  return out;
}

}  // namespace kqlc::codegen
