// SPDX-License-Identifier: Apache-2.0
//
// Rows become an Arrow stream. In: the rows of a result. Out: an ArrowArrayStream over copies of them, in
// batches. Types: bool, int32, int64, double, utf8; datetime as timestamp[UTC] and timespan as duration of
// the wanted unit; decimal as decimal128 with as many places as the values need; guid as 16 bytes (extension
// arrow.uuid); dynamic as utf8 holding JSON (extension arrow.json). A value that does not fit its type ends
// the stream with an error that names it.
#pragma once

#include <memory>

#include "runtime/exec/arrow_abi.h"
#include "runtime/exec/kernel.h"

namespace kqlc::exec {

enum class TimeUnit : uint8_t { Nanoseconds, Microseconds, Milliseconds, Seconds };

// Fills `out`, which holds the rows until it is released.
void export_rows(std::shared_ptr<const Rows> rows, TimeUnit unit, ArrowArrayStream* out);

}  // namespace kqlc::exec
