// SPDX-License-Identifier: Apache-2.0
//
// What every subcommand sets up before its work. In: Options. Out: schemas, the tables of --data and the
// query time; and how an Error becomes a message and an exit code.
#pragma once

#include <memory>

#include "cli/compile.h"
#include "cli/options.h"
#include "cli/tables.h"

namespace kqlc::cli {

struct Session {
  std::unique_ptr<plan::Schemas> schemas;
  Tables tables;
  int64_t now = 0;  // query time, ticks
};

// Errors: schemas or data that cannot be read, a wrong --now.
Result<Session> open_session(const Options& options);

// The exit code that stands for an error.
Exit exit_of(const Error& error);
// Says the error on stderr and returns its exit code.
int fail(const Error& error);
// The exit code of two things done: a mistake outweighs a limit, a limit what is not supported, anything
// success.
Exit worse(Exit a, Exit b);

}  // namespace kqlc::cli
