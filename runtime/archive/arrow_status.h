// SPDX-License-Identifier: Apache-2.0
//
// What Arrow says of a failure, for a person. In: a Status that is not ok. Out: its message and, where the
// system gave one, the reason ("No space left on device").
#pragma once

#include <arrow/status.h>

#include <string>

namespace kqlc::archive {

inline std::string message_of(const arrow::Status& status) {
  return status.detail() ? status.message() + ": " + status.detail()->ToString() : status.message();
}

}  // namespace kqlc::archive
