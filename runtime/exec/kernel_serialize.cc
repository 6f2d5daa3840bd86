// SPDX-License-Identifier: Apache-2.0
//
// A state as bytes: a header with the identity of the kernel's image and a checksum, then what each sink
// gathered, then the state's error.
#include <xxhash.h>

#include <cstring>
#include <utility>

#include "runtime/aggregates/state.h"
#include "runtime/exec/kernel.h"

namespace kqlc::exec {

namespace {

constexpr char kStateMagic[8] = {'k', 'q', 'l', 'c', 's', 't', 'a', 't'};
constexpr uint32_t kStateVersion = 1;

struct StateHeader {
  char magic[8];
  uint32_t version;
  uint32_t reserved;
  uint64_t kernel;    // identity of the image
  uint64_t checksum;  // of what follows
};

}  // namespace

std::string Kernel::serialize(const State& state) const {
  KQLC_CHECK(!state.sealed_ && state.phase_ == 0, "serialize after the end of a phase");
  Writer writer;
  for (const Sink& sink : state.sinks_) sink.save(writer);
  writer.put(static_cast<uint8_t>(state.error_.has_value()));
  if (state.error_) {
    writer.put(static_cast<uint32_t>(state.error_->code));
    writer.put_text(Str(std::string_view(state.error_->message)));
  }
  StateHeader header{};
  std::memcpy(header.magic, kStateMagic, sizeof kStateMagic);
  header.version = kStateVersion;
  header.kernel = identity_;
  header.checksum = XXH3_64bits(writer.bytes.data(), writer.bytes.size());
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + writer.bytes;
}

Result<std::shared_ptr<State>> Kernel::deserialize(std::string_view bytes) const {
  auto damaged = [](const char* how) {
    return Error{ErrorCode::Format, std::string("the saved state ") + how};
  };
  StateHeader header;
  if (bytes.size() < sizeof header) return damaged("is too short");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.magic, kStateMagic, sizeof kStateMagic) != 0 || header.version != kStateVersion)
    return damaged("is none of this version");
  if (header.kernel != identity_) return damaged("is that of another kernel");
  bytes.remove_prefix(sizeof header);
  if (XXH3_64bits(bytes.data(), bytes.size()) != header.checksum) return damaged("is damaged");
  std::shared_ptr<State> state = create_state();
  Reader reader(bytes);
  for (Sink& sink : state->sinks_)
    if (!sink.load(state->run_.context, reader)) return damaged("contradicts itself");
  uint8_t failed = 0;
  uint32_t code = 0;
  Str message;
  if (!reader.get(failed) || failed > 1) return damaged("contradicts itself");
  if (failed) {
    if (!reader.get(code) || code > static_cast<uint32_t>(ErrorCode::Internal) || !reader.get_text(message))
      return damaged("contradicts itself");
    state->fail(static_cast<ErrorCode>(code), std::string(message.view()));
  }
  if (reader.left()) return damaged("is too long");
  state->scratch_.reset();
  account(*state);
  return state;
}

}  // namespace kqlc::exec
