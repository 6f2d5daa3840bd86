/* SPDX-License-Identifier: Apache-2.0
 *
 * A rule from an object file, used from C. In: nothing; the rows are made here, two thousand of them, as Arrow batches.
 * Out: the result of the rule as lines "account count", and the same again after one partial state has gone through
 * bytes. Two threads consume, their partial states are merged. Links with the object, libkqlc_runtime.a and the C++
 * runtime library.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rule.h" /* made by kqlc build */

enum { kRows = 1000, kBatches = 2 };

/* The columns of a batch: two strings. */
struct Events {
  int32_t image_offsets[kRows + 1], account_offsets[kRows + 1];
  char images[kRows * 16], accounts[kRows * 16];
  const void *image_buffers[3], *account_buffers[3], *top_buffers[1];
  struct ArrowArray image, account, top;
  struct ArrowArray* children[2];
};

static void keep(struct ArrowArray* array) { (void)array; }
static void keep_schema(struct ArrowSchema* schema) { (void)schema; }

static void fail(const char* what, const char* why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static void fill(struct ArrowArray* array, const void** buffers, int32_t* offsets, char* bytes) {
  buffers[0] = NULL;
  buffers[1] = offsets;
  buffers[2] = bytes;
  memset(array, 0, sizeof *array);
  array->length = kRows;
  array->n_buffers = 3;
  array->buffers = buffers;
  array->release = keep;
}

/* Every seventh process is PowerShell; accounts go round. */
static void make_events(struct Events* events, int batch) {
  int32_t image_end = 0, account_end = 0;
  for (int row = 0; row < kRows; ++row) {
    int number = batch * kRows + row;
    events->image_offsets[row] = image_end;
    events->account_offsets[row] = account_end;
    image_end += sprintf(events->images + image_end, "%s", number % 7 ? "svchost.exe" : "PowerShell.exe");
    account_end += sprintf(events->accounts + account_end, "user%d", number % 3);
  }
  events->image_offsets[kRows] = image_end;
  events->account_offsets[kRows] = account_end;
  fill(&events->image, events->image_buffers, events->image_offsets, events->images);
  fill(&events->account, events->account_buffers, events->account_offsets, events->accounts);
  memset(&events->top, 0, sizeof events->top);
  events->children[0] = &events->image;
  events->children[1] = &events->account;
  events->top_buffers[0] = NULL;
  events->top.length = kRows;
  events->top.n_buffers = 1;
  events->top.buffers = events->top_buffers;
  events->top.n_children = 2;
  events->top.children = events->children;
  events->top.release = keep;
}

struct Work {
  const struct KqlcKernel* kernel;
  struct KqlcState* state;
  int batch;
};

static void* consume(void* argument) {
  struct Work* work = argument;
  struct ArrowSchema image = {.format = "u", .name = "FileName", .flags = ARROW_FLAG_NULLABLE, .release = keep_schema};
  struct ArrowSchema account = {.format = "u", .name = "AccountName", .flags = ARROW_FLAG_NULLABLE, .release = keep_schema};
  struct ArrowSchema* fields[2] = {&image, &account};
  struct ArrowSchema schema = {.format = "+s", .name = "", .n_children = 2, .children = fields, .release = keep_schema};
  struct Events* events = malloc(sizeof *events);
  make_events(events, work->batch);
  if (kqlc_state_create(work->kernel, &work->state) != KQLC_OK) fail("create", "no state");
  if (kqlc_state_bind_input(work->state, 0, &schema) != KQLC_OK) fail("bind", kqlc_state_error(work->state));
  if (kqlc_state_consume(work->state, 0, &events->top, (uint64_t)(work->batch * kRows), NULL) != KQLC_OK)
    fail("consume", kqlc_state_error(work->state));
  if (kqlc_state_end_input(work->state, 0) != KQLC_OK) fail("end", kqlc_state_error(work->state));
  memset(events, 0xEE, sizeof *events); /* a batch is only borrowed */
  free(events);
  return NULL;
}

/* Prints and frees a result of one string and one long column. */
static void print_result(struct KqlcState* state) {
  struct ArrowArrayStream stream;
  struct ArrowArray batch;
  if (kqlc_state_finish(state, 0, &stream) != KQLC_OK) fail("finish", kqlc_state_error(state));
  for (;;) {
    if (stream.get_next(&stream, &batch) != 0) fail("stream", stream.get_last_error(&stream));
    if (!batch.release) break;
    const int32_t* offsets = batch.children[0]->buffers[1];
    const char* text = batch.children[0]->buffers[2];
    const int64_t* counts = batch.children[1]->buffers[1];
    for (int64_t row = 0; row < batch.length; ++row)
      printf("%.*s %lld\n", offsets[row + 1] - offsets[row], text + offsets[row], (long long)counts[row]);
    batch.release(&batch);
  }
  stream.release(&stream);
}

static void run(int through_bytes) {
  char error[256];
  struct KqlcKernel* kernel = NULL;
  struct KqlcOptions options = {.size = sizeof options, .now = 638000000000000000, .memory_limit = 1 << 24};
  if (kqlc_kernel_create(&kqlc_rule_rule, &options, &kernel, error, sizeof error) != KQLC_OK) fail("kernel", error);
  struct Work work[kBatches];
  pthread_t threads[kBatches];
  for (int i = 0; i < kBatches; ++i) {
    work[i] = (struct Work){kernel, NULL, i};
    if (pthread_create(&threads[i], NULL, consume, &work[i]) != 0) fail("thread", "cannot start");
  }
  for (int i = 0; i < kBatches; ++i) pthread_join(threads[i], NULL);
  if (through_bytes) {
    uint8_t* bytes = NULL;
    uint64_t size = 0;
    if (kqlc_state_serialize(work[1].state, &bytes, &size) != KQLC_OK) fail("serialize", kqlc_state_error(work[1].state));
    kqlc_state_destroy(work[1].state);
    if (kqlc_state_deserialize(kernel, bytes, size, &work[1].state, error, sizeof error) != KQLC_OK) fail("deserialize", error);
    kqlc_bytes_free(bytes);
  }
  if (kqlc_state_merge(work[0].state, work[1].state) != KQLC_OK) fail("merge", kqlc_state_error(work[0].state));
  kqlc_state_destroy(work[1].state);
  if (kqlc_state_seal(work[0].state) != KQLC_OK) fail("seal", kqlc_state_error(work[0].state));
  print_result(work[0].state);
  kqlc_state_destroy(work[0].state);
  kqlc_kernel_destroy(kernel);
}

int main(void) {
  run(0);
  run(1);
  return 0;
}
