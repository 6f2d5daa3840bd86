// SPDX-License-Identifier: Apache-2.0
//
// Setting up: schemas first, since they say which words of a path are tables; then the data, whose files add
// the tables that no schema knows; then the query time, which may come from the data.
#include "cli/session.h"

#include "cli/say.h"
#include "cli/standard_input.h"

namespace kqlc::cli {

Result<Session> open_session(const Options& options) {
  Session session;
  session.schemas = std::make_unique<plan::Schemas>();
  KQLC_TRY_ASSIGN(*session.schemas, load_schemas());
  KQLC_TRY_ASSIGN(session.tables, Tables::open(options, *session.schemas));
  KQLC_TRY_ASSIGN(session.now, query_time(options, session.tables));
  return session;
}

Exit exit_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::Limit:
      return kLimit;
    case ErrorCode::Internal:
      return kInternal;
    case ErrorCode::Unsupported:
      return kUnsupported;
    case ErrorCode::Cancelled:
      return kInterrupted;
    default:
      return kUsage;
  }
}

int fail(const Error& error) {
  say("kqlc: {}\n", name_standard_input(error.message));
  return exit_of(error);
}

Exit worse(Exit a, Exit b) {
  auto rank = [](Exit code) {
    switch (code) {
      case kDone:
        return 0;
      case kUnsupported:
        return 1;
      case kLimit:
        return 2;
      case kBadData:
        return 3;
      case kUsage:
        return 4;
      case kInternal:
        return 5;
      case kInterrupted:
        return 6;
    }
    return 5;
  };
  return rank(a) >= rank(b) ? a : b;
}

}  // namespace kqlc::cli
