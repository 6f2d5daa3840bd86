// SPDX-License-Identifier: Apache-2.0
//
// The C interface over exec::Kernel: handles, the order of calls, error texts. Everything that a caller can
// get wrong is answered with a status here; the classes below may then rely on it.
#include "runtime/exec/kernel_abi.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "runtime/exec/arrow_in.h"
#include "runtime/exec/arrow_out.h"
#include "runtime/exec/kernel.h"
#include "runtime/value/datetime.h"
#include "runtime/value/dynamic.h"

using namespace kqlc;

namespace {

// The description and the memory it points to.
struct Description {
  KqlcDescription top{};
  std::vector<KqlcInput> inputs;
  std::vector<KqlcResult> results;
  std::vector<std::vector<KqlcColumn>> columns;
  std::vector<std::vector<KqlcAtom>> atoms;
  Arena arena;

  // A text with its zero.
  const char* text(std::string_view value) {
    auto* copy = static_cast<char*>(arena.allocate(value.size() + 1));
    std::memcpy(copy, value.data(), value.size());
    copy[value.size()] = 0;
    return copy;
  }

  void describe_columns(const std::vector<exec::Field>& fields, const KqlcColumn** out, uint32_t* count) {
    auto& list = columns.emplace_back();
    for (const exec::Field& field : fields) list.push_back({text(field.name), text(type_name(field.type))});
    *out = list.data();
    *count = static_cast<uint32_t>(list.size());
  }

  KqlcAtom describe_atom(const exec::Program& program, const exec::Atom& atom) {
    const exec::Recipe& recipe = program.recipes[atom.recipe];
    const Spec& spec = function_table()[recipe.function].spec;
    std::vector<dynamic::Node> items;
    for (size_t i = 1; i < recipe.args.size(); ++i)
      items.push_back(dynamic::node_of_cell(recipe.args[i].cell, recipe.args[i].type, arena));
    dynamic::Node list = dynamic::array_of(items.data(), items.size());
    return {atom.column, text(spec.operators[0] ? spec.operators[0] : spec.name),
            text(dynamic::print(&list, arena).view())};
  }
};

// Positions that are only ever used to order rows need not grow where nothing depends on the order.
bool needs_order(const exec::Program& program) {
  return std::any_of(program.sinks.begin(), program.sinks.end(),
                     [](const SinkSpec& sink) { return sink.kind != SinkSpec::Kind::Count; });
}

void fill(Description& out, const exec::Kernel& kernel) {
  const exec::Program& program = kernel.program();
  for (const exec::Input& from : program.inputs) {
    KqlcInput input{};
    input.table = out.text(from.table);
    out.describe_columns(from.columns, &input.columns, &input.num_columns);
    auto& atoms = out.atoms.emplace_back();
    for (const exec::Atom& atom : from.atoms) atoms.push_back(out.describe_atom(program, atom));
    input.atoms = atoms.data();
    input.num_atoms = static_cast<uint32_t>(atoms.size());
    input.needs_order = needs_order(program);
    input.phase = static_cast<uint32_t>(kernel.phase_of_input(out.inputs.size()));
    out.inputs.push_back(input);
  }
  for (const exec::ResultSet& from : program.results) {
    KqlcResult result{};
    out.describe_columns(from.schema, &result.columns, &result.num_columns);
    out.results.push_back(result);
  }
  out.top.size = sizeof out.top;
  out.top.rule = out.text(program.rule);
  out.top.inputs = out.inputs.data();
  out.top.num_inputs = static_cast<uint32_t>(out.inputs.size());
  out.top.num_phases = static_cast<uint32_t>(kernel.num_phases());
  out.top.results = out.results.data();
  out.top.num_results = static_cast<uint32_t>(out.results.size());
  out.top.streams = kernel.streams();
}

KqlcStatus status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::Format:
      return KQLC_FORMAT;
    case ErrorCode::Unsupported:
      return KQLC_UNSUPPORTED;
    case ErrorCode::Limit:
      return KQLC_LIMIT;
    case ErrorCode::Cancelled:
      return KQLC_CANCELLED;
    case ErrorCode::Usage:
      return KQLC_USAGE;
    default:
      return KQLC_INTERNAL;
  }
}

KqlcStatus report(const Error& error, char* out, size_t size) {
  if (out && size) {
    size_t length = std::min(size - 1, error.message.size());
    std::memcpy(out, error.message.data(), length);
    out[length] = 0;
  }
  return status_of(error.code);
}

}  // namespace

struct KqlcKernel {
  std::shared_ptr<exec::Kernel> kernel;
  exec::TimeUnit unit = exec::TimeUnit::Nanoseconds;
  Description description;
};

struct KqlcState {
  std::shared_ptr<exec::Kernel> kernel;
  exec::TimeUnit unit = exec::TimeUnit::Nanoseconds;
  std::shared_ptr<exec::State> state;
  struct Input {
    bool bound = false, ended = false;
    exec::ArrowInput reader;
    uint64_t before = 0;  // values not converted under earlier schemas
    uint64_t next = 0;    // least position of the next batch
  };
  std::vector<Input> inputs;
  uint64_t merged_unconverted = 0;
  Arena arena;
  std::vector<Column> columns;
  std::string error;
  bool empty = false;  // merged into another

  KqlcStatus fail(const Error& what) {
    error = what.message;
    return status_of(what.code);
  }
  // Whether the state may be fed or merged.
  KqlcStatus check_open() {
    if (state->error()) return fail(*state->error());
    if (empty) return fail({ErrorCode::Usage, "the state was merged into another"});
    if (state->sealed()) return fail({ErrorCode::Usage, "the state is sealed"});
    return KQLC_OK;
  }
  KqlcStatus check_input(uint32_t input) {
    if (KqlcStatus status = check_open()) return status;
    if (input >= inputs.size()) return fail({ErrorCode::Usage, "there is no such input"});
    if (inputs[input].ended) return fail({ErrorCode::Usage, "the input has ended"});
    return KQLC_OK;
  }
};

namespace {

KqlcState* make_state(std::shared_ptr<exec::Kernel> kernel, exec::TimeUnit unit,
                      std::shared_ptr<exec::State> state) {
  auto* out = new KqlcState;
  out->inputs.resize(kernel->program().inputs.size());
  out->kernel = std::move(kernel);
  out->unit = unit;
  out->state = std::move(state);
  return out;
}

Result<std::shared_ptr<exec::Kernel>> open_code(const KqlcKernelCode& code, const KqlcOptions& options) {
  if (code.abi_version != KQLC_KERNEL_ABI_VERSION)
    return Error{ErrorCode::Unsupported, "the kernel was built for version " +
                                             std::to_string(code.abi_version) +
                                             " of the kernel interface, this runtime has version " +
                                             std::to_string(KQLC_KERNEL_ABI_VERSION)};
  if (options.time_unit < KQLC_NANOSECONDS || options.time_unit > KQLC_SECONDS)
    return Error{ErrorCode::Usage, "there is no such time unit"};
  exec::KernelOptions how;
  how.now = options.now ? options.now : datetime::system_now().ticks;
  how.memory_limit = options.memory_limit;
  if (!datetime::in_range(how.now)) return Error{ErrorCode::Usage, "the query time is out of range"};
  std::string_view image(reinterpret_cast<const char*>(code.image), code.image_size);
  auto* functions = reinterpret_cast<const PipelineFunction*>(code.functions);
  std::shared_ptr<exec::Kernel> kernel;
  KQLC_TRY_ASSIGN(kernel, exec::Kernel::open(image, std::make_shared<exec::FixedCode>(functions), how));
  if (kernel->program().num_functions != code.num_functions)
    return Error{ErrorCode::Format, "the kernel's code has another number of functions than its program"};
  return kernel;
}

}  // namespace

extern "C" {

KqlcStatus kqlc_kernel_create(const KqlcKernelCode* code, const KqlcOptions* options, KqlcKernel** kernel,
                              char* error, size_t error_size) {
  *kernel = nullptr;
  KqlcOptions own{};
  if (options) std::memcpy(&own, options, std::min<uint64_t>(options->size, sizeof own));
  auto opened = open_code(*code, own);
  if (!opened.ok()) return report(opened.error(), error, error_size);
  *kernel = new KqlcKernel;
  (*kernel)->kernel = std::move(opened).value();
  (*kernel)->unit = static_cast<exec::TimeUnit>(own.time_unit);
  fill((*kernel)->description, *(*kernel)->kernel);
  return KQLC_OK;
}

const KqlcDescription* kqlc_kernel_describe(const KqlcKernel* kernel) { return &kernel->description.top; }
void kqlc_kernel_cancel(KqlcKernel* kernel) { kernel->kernel->cancel(); }
void kqlc_kernel_destroy(KqlcKernel* kernel) { delete kernel; }

KqlcStatus kqlc_state_create(const KqlcKernel* kernel, KqlcState** state) {
  *state = make_state(kernel->kernel, kernel->unit, kernel->kernel->create_state());
  return KQLC_OK;
}

KqlcStatus kqlc_state_bind_input(KqlcState* state, uint32_t input, const ArrowSchema* schema) {
  if (KqlcStatus status = state->check_input(input)) return status;
  auto bound = exec::ArrowInput::bind(*schema, state->kernel->program().inputs[input].columns);
  if (!bound.ok()) return state->fail(bound.error());
  KqlcState::Input& own = state->inputs[input];
  own.before += own.reader.unconverted();
  own.reader = std::move(bound).value();
  own.bound = true;
  return KQLC_OK;
}

KqlcStatus kqlc_state_consume(KqlcState* state, uint32_t input, const ArrowArray* batch, uint64_t position,
                              const uint64_t* const* atoms) {
  if (KqlcStatus status = state->check_input(input)) return status;
  KqlcState::Input& own = state->inputs[input];
  if (!own.bound) return state->fail({ErrorCode::Usage, "the input has no schema yet"});
  if (state->kernel->phase_of_input(input) != state->state->phase())
    return state->fail({ErrorCode::Usage, "the input belongs to another phase"});
  state->arena.reset();
  auto read = own.reader.read(*batch, state->arena, state->columns);
  if (!read.ok()) return state->fail(read.error());
  auto rows = static_cast<uint64_t>(batch->length);
  if (position < own.next || position + rows < position || position + rows > uint64_t{1} << 56)
    return state->fail({ErrorCode::Usage, "positions must grow and stay below 2^56"});
  own.next = position + rows;
  Batch whole{batch->length, position, state->columns.data(), state->columns.size()};
  bool more = state->kernel->consume(*state->state, input, whole, {atoms});
  if (state->state->error()) return state->fail(*state->state->error());
  return more || batch->length == 0 ? KQLC_OK : KQLC_DONE;
}

KqlcStatus kqlc_state_end_input(KqlcState* state, uint32_t input) {
  if (KqlcStatus status = state->check_input(input)) return status;
  state->inputs[input].ended = true;
  return KQLC_OK;
}

uint64_t kqlc_state_unconverted(const KqlcState* state) {
  uint64_t count = state->merged_unconverted;
  for (const KqlcState::Input& input : state->inputs) count += input.before + input.reader.unconverted();
  return count;
}

KqlcStatus kqlc_state_merge(KqlcState* into, KqlcState* from) {
  if (into == from || into->kernel != from->kernel)
    return into->fail({ErrorCode::Usage, "states of two kernels, or one state twice"});
  if (KqlcStatus status = into->check_open()) return status;
  if (from->empty || from->state->sealed())
    return into->fail({ErrorCode::Usage, "the other state is sealed or was merged"});
  if (from->state->phase() != into->state->phase())
    return into->fail({ErrorCode::Usage, "the states are in two phases"});
  into->merged_unconverted += kqlc_state_unconverted(from);
  into->kernel->merge(*into->state, *from->state);
  from->empty = true;
  return into->state->error() ? into->fail(*into->state->error()) : KQLC_OK;
}

KqlcStatus kqlc_state_serialize(KqlcState* state, uint8_t** bytes, uint64_t* size) {
  *bytes = nullptr;
  *size = 0;
  if (KqlcStatus status = state->check_open()) return status;
  if (state->state->phase() > 0)
    return state->fail({ErrorCode::Unsupported, "a state cannot be saved after its first phase"});
  std::string saved = state->kernel->serialize(*state->state);
  *bytes = static_cast<uint8_t*>(std::malloc(saved.size()));
  if (!*bytes) return state->fail({ErrorCode::Limit, "no memory for the saved state"});
  std::memcpy(*bytes, saved.data(), saved.size());
  *size = saved.size();
  return KQLC_OK;
}

void kqlc_bytes_free(uint8_t* bytes) { std::free(bytes); }

KqlcStatus kqlc_state_deserialize(const KqlcKernel* kernel, const uint8_t* bytes, uint64_t size,
                                  KqlcState** state, char* error, size_t error_size) {
  *state = nullptr;
  auto loaded = kernel->kernel->deserialize({reinterpret_cast<const char*>(bytes), size});
  if (!loaded.ok()) return report(loaded.error(), error, error_size);
  *state = make_state(kernel->kernel, kernel->unit, std::move(loaded).value());
  return KQLC_OK;
}

KqlcStatus kqlc_state_end_phase(KqlcState* state) {
  if (KqlcStatus status = state->check_open()) return status;
  if (state->state->phase() + 1 >= state->kernel->num_phases())
    return state->fail({ErrorCode::Usage, "the last phase ends with the state"});
  state->kernel->end_phase(*state->state);
  return state->state->error() ? state->fail(*state->state->error()) : KQLC_OK;
}

KqlcStatus kqlc_state_create_next(KqlcState* merged, KqlcState** state) {
  *state = nullptr;
  if (KqlcStatus status = merged->check_open()) return status;
  *state = make_state(merged->kernel, merged->unit, merged->kernel->create_state(*merged->state));
  return KQLC_OK;
}

KqlcStatus kqlc_state_seal(KqlcState* state) {
  if (!state->state->sealed())
    if (KqlcStatus status = state->check_open()) return status;
  state->kernel->seal(*state->state);
  return state->state->error() ? state->fail(*state->state->error()) : KQLC_OK;
}

KqlcStatus kqlc_state_finish(KqlcState* state, uint32_t result, ArrowArrayStream* stream) {
  stream->release = nullptr;
  if (result >= state->kernel->program().results.size())
    return state->fail({ErrorCode::Usage, "there is no such result"});
  if (KqlcStatus status = kqlc_state_seal(state)) return status;
  auto rows = state->kernel->finish(*state->state, result);
  if (!rows.ok()) return state->fail(rows.error());
  exec::export_rows(std::move(rows).value(), state->unit, stream);
  return KQLC_OK;
}

const char* kqlc_state_error(const KqlcState* state) { return state->error.c_str(); }
void kqlc_state_destroy(KqlcState* state) { delete state; }

}  // extern "C"
