/* SPDX-License-Identifier: Apache-2.0
 *
 * The C interface of a compiled rule, the same for kernels in object files, in shared objects and in the
 * process that compiled them. In: the code of a rule (a constant that the object file exports), Arrow
 * batches. Out: an Arrow stream of the rule's rows. The life of a kernel:
 *
 *   kqlc_kernel_create     once: verifies and prepares; the kernel may be shared by threads
 *   kqlc_state_create      once a thread
 *   kqlc_state_bind_input  for each state and each input it is fed from: the schema of the batches to come
 *   kqlc_state_consume     for each batch; its memory is borrowed until the call returns
 *   kqlc_state_end_input   no more batches of this input for this state
 *   kqlc_state_end_phase   between two phases, where a rule has several: see below
 *   kqlc_state_merge       all states into one, in any order (serialize and deserialize carry them between
 * processes) kqlc_state_seal        the state does not change from now on; threads may share it
 *   kqlc_state_finish      the rows of a result as an ArrowArrayStream, which outlives the state
 *   kqlc_state_destroy, kqlc_kernel_destroy
 *
 * Phases: a join needs its right side before its left side begins. Inputs say in which phase they are read
 * (describe). At the end of a phase its states are merged into one; kqlc_state_end_phase ends the phase for
 * that one, and kqlc_state_create_next makes further states for the next phase from it. The last phase ends
 * with seal or finish. A rule without joins has one phase, and nothing of this to do.
 *
 * Order: a batch carries the position of its first row, its rows follow one by one. Positions must grow from
 * batch to batch of one state, and no two batches of one input may overlap. Results are in the order of
 * positions, so they do not depend on how rows were spread over states. Positions stay below 2^56.
 *
 * Errors: every call returns a status; the text is kqlc_state_error (or the buffer given to
 * kqlc_kernel_create). A call that is refused (USAGE, FORMAT, UNSUPPORTED) changes nothing; what goes wrong
 * while rows are computed (a limit, a cancel, a failed assertion) stays, and later calls return it again.
 * Nothing here throws or ends the process, whatever bytes it is given; addresses have to be good, and buffers
 * as long as Arrow's format says.
 *
 * Threads: a kernel may be used by any number of threads, a state that is not sealed by one at a time.
 */
#ifndef KQLC_KERNEL_ABI_H
#define KQLC_KERNEL_ABI_H

#include <stddef.h>
#include <stdint.h>

#include "arrow_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KQLC_KERNEL_ABI_VERSION 1

/* The code of one rule, exported by its object file. The members belong to the runtime. */
struct KqlcKernelCode {
  uint32_t abi_version;
  uint32_t num_functions;
  const unsigned char* image;
  uint64_t image_size;
  void (*const* functions)(void);
};

struct KqlcKernel;
struct KqlcState;

enum KqlcStatus {
  KQLC_OK = 0,
  KQLC_DONE = 1,        /* consume: fine, and further batches cannot change what this state gives */
  KQLC_USAGE = 2,       /* a call out of order, a wrong number, a failed assertion of the rule */
  KQLC_FORMAT = 3,      /* bytes, a schema or an array that are not what they should be */
  KQLC_UNSUPPORTED = 4, /* another version, or an Arrow type that is not read */
  KQLC_LIMIT = 5,       /* memory */
  KQLC_CANCELLED = 6,
  KQLC_INTERNAL = 7
};

/* Units in which datetime and timespan are returned. */
enum KqlcTimeUnit { KQLC_NANOSECONDS = 0, KQLC_MICROSECONDS = 1, KQLC_MILLISECONDS = 2, KQLC_SECONDS = 3 };

/* Zeroed means: the clock, no limit, nanoseconds. */
struct KqlcOptions {
  uint64_t size;         /* sizeof(struct KqlcOptions) of the caller */
  int64_t now;           /* query time: ticks of 100 ns since 0001-01-01 UTC; 0: the clock */
  uint64_t memory_limit; /* bytes that all states of the kernel together may keep; 0: no limit */
  int32_t time_unit;     /* enum KqlcTimeUnit */
};

struct KqlcColumn {
  const char* name;
  const char* type; /* KQL's name: "string", "long", ... */
};

/* A predicate over one string column with constants, for a scan that decides such predicates for several
 * kernels. */
struct KqlcAtom {
  uint32_t column;      /* place in the input's columns */
  const char* op;       /* KQL's spelling: "has", "!contains", ... */
  const char* operands; /* the constants, as a JSON array */
};

struct KqlcInput {
  const char* table;
  const struct KqlcColumn* columns; /* those that the kernel reads */
  uint32_t num_columns;
  const struct KqlcAtom* atoms;
  uint32_t num_atoms;
  uint32_t phase;      /* inputs of a lower phase have to end before those of a higher one begin */
  int32_t needs_order; /* positions must grow from batch to batch of a state */
};

struct KqlcResult {
  const struct KqlcColumn* columns;
  uint32_t num_columns;
};

struct KqlcDescription {
  uint64_t size; /* sizeof(struct KqlcDescription) of the runtime */
  const char* rule;
  const struct KqlcInput* inputs;
  uint32_t num_inputs;
  uint32_t num_phases;
  const struct KqlcResult* results;
  uint32_t num_results;
  int32_t streams; /* the rows of a part of the input are part of the result */
};

/* Opens the code of a rule. `options` may be NULL. On failure *kernel is NULL and `error` (may be NULL)
 * receives the text, cut to error_size bytes with its zero. UNSUPPORTED: built for another version of this
 * runtime. */
enum KqlcStatus kqlc_kernel_create(const struct KqlcKernelCode* code, const struct KqlcOptions* options,
                                   struct KqlcKernel** kernel, char* error, size_t error_size);
/* What the kernel reads and gives; lives as long as the kernel. */
const struct KqlcDescription* kqlc_kernel_describe(const struct KqlcKernel* kernel);
/* Ends all work soon, from any thread: consume, seal and finish return CANCELLED from now on. */
void kqlc_kernel_cancel(struct KqlcKernel* kernel);
/* States may outlive the kernel; it goes when the last of them does. */
void kqlc_kernel_destroy(struct KqlcKernel* kernel);

enum KqlcStatus kqlc_state_create(const struct KqlcKernel* kernel, struct KqlcState** state);
/* Fixes the schema of the batches of an input: a struct ("+s") whose fields are found by name; a field that
 * is missing reads as null, or "" for strings. `schema` is only read. May be called again for batches of
 * another schema. */
enum KqlcStatus kqlc_state_bind_input(struct KqlcState* state, uint32_t input,
                                      const struct ArrowSchema* schema);
/* Takes the rows of a batch. `atoms` may be NULL; else it has a pointer for each atom of the input, NULL or a
 * bitmap (64-bit words, row r is bit r % 64 of word r / 64) of the rows for which the atom holds. `batch` is
 * only read. */
enum KqlcStatus kqlc_state_consume(struct KqlcState* state, uint32_t input, const struct ArrowArray* batch,
                                   uint64_t position, const uint64_t* const* atoms);
enum KqlcStatus kqlc_state_end_input(struct KqlcState* state, uint32_t input);
/* Values that did not fit the type of their column; they read as null. */
uint64_t kqlc_state_unconverted(const struct KqlcState* state);
/* Moves everything of `from` into `into`; both are of the same kernel and not sealed. `from` is empty
 * afterwards. */
enum KqlcStatus kqlc_state_merge(struct KqlcState* into, struct KqlcState* from);
/* Returns the state as bytes that another process with the same kernel can read; free them with
 * kqlc_bytes_free. Only in the first phase: UNSUPPORTED later. */
enum KqlcStatus kqlc_state_serialize(struct KqlcState* state, uint8_t** bytes, uint64_t* size);
void kqlc_bytes_free(uint8_t* bytes);
/* Makes a state from such bytes; they are verified. */
enum KqlcStatus kqlc_state_deserialize(const struct KqlcKernel* kernel, const uint8_t* bytes, uint64_t size,
                                       struct KqlcState** state, char* error, size_t error_size);
/* Ends a phase for the state into which all states of it were merged. Not for the last phase. */
enum KqlcStatus kqlc_state_end_phase(struct KqlcState* state);
/* Makes a further state for the phase in which `merged` is by kqlc_state_end_phase; it shares what the phases
 * before have made. */
enum KqlcStatus kqlc_state_create_next(struct KqlcState* merged, struct KqlcState** state);
enum KqlcStatus kqlc_state_seal(struct KqlcState* state);
/* Gives the rows of a result; seals the state when that was not done. The stream's errors (a datetime that
 * does not fit the unit) come from its own get_last_error. */
enum KqlcStatus kqlc_state_finish(struct KqlcState* state, uint32_t result, struct ArrowArrayStream* stream);
/* The text of the last error of this state, or "". Valid until the next call with this state. */
const char* kqlc_state_error(const struct KqlcState* state);
void kqlc_state_destroy(struct KqlcState* state);

#ifdef __cplusplus
}
#endif

#endif /* KQLC_KERNEL_ABI_H */
