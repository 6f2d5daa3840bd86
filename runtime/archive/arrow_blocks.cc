// SPDX-License-Identifier: Apache-2.0
//
// The footer is looked at here as bytes of which nothing is believed: every place is checked before it is
// followed. What a block leads to is checked by Arrow.
#include "runtime/archive/arrow_blocks.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

namespace kqlc::archive {
namespace {

constexpr std::string_view kMagic = "ARROW1";
constexpr size_t kBlockBytes = 24;   // int64 offset, int32 metadata length, 4 unused, int64 body length
constexpr int64_t kAlignment = 8;    // of messages and their parts
constexpr size_t kBatchesField = 3;  // of the table Footer
constexpr int64_t kMostFooterBytes = int64_t{1} << 28;

// Little-endian numbers of a table of FlatBuffers.
class FlatBytes {
 public:
  FlatBytes(const uint8_t* bytes, size_t size) : bytes_(bytes), size_(size) {}

  template <class T>
  std::optional<T> get(size_t place) const {
    if (place > size_ || size_ - place < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_ + place, sizeof value);
    return value;
  }

  // The place of the vector that a field of the root table leads to; 0: it has none; nothing where it
  // contradicts itself.
  std::optional<size_t> vector_of(size_t field) const {
    const auto root = get<uint32_t>(0);
    const auto back = root ? get<int32_t>(*root) : std::nullopt;
    if (!back) return std::nullopt;
    const int64_t names = int64_t{*root} - *back;
    if (names < 0) return std::nullopt;
    const auto names_bytes = get<uint16_t>(static_cast<size_t>(names));
    const size_t entry = 2 * sizeof(uint16_t) + field * sizeof(uint16_t);
    if (!names_bytes) return std::nullopt;
    if (*names_bytes < entry + sizeof(uint16_t)) return 0;
    const auto own = get<uint16_t>(static_cast<size_t>(names) + entry);
    if (!own) return std::nullopt;
    if (*own == 0) return 0;
    const size_t place = size_t{*root} + *own;
    const auto ahead = get<uint32_t>(place);
    return ahead ? std::optional(place + *ahead) : std::nullopt;
  }

 private:
  const uint8_t* bytes_;
  size_t size_;
};

bool has_dictionary(const arrow::DataType& type) {
  return type.id() == arrow::Type::DICTIONARY ||
         std::ranges::any_of(type.fields(), [](const auto& field) { return has_dictionary(*field->type()); });
}

bool has_extension(const arrow::DataType& type) {
  return type.id() == arrow::Type::EXTENSION ||
         std::ranges::any_of(type.fields(), [](const auto& field) { return has_extension(*field->type()); });
}

// Whether a field's batches need no more than its own dictionary.
bool is_plain(const arrow::DataType& type) {
  if (has_extension(type)) return false;
  if (type.id() != arrow::Type::DICTIONARY) return !has_dictionary(type);
  const arrow::DataType& values = *static_cast<const arrow::DictionaryType&>(type).value_type();
  return !has_dictionary(values) && !has_extension(values);
}

// Enters the dictionaries of the included fields as those of all batches.
arrow::Status take_dictionaries(const arrow::Schema& schema, const std::vector<int>& included,
                                const arrow::RecordBatch& first, arrow::ipc::DictionaryMemo& memo) {
  ARROW_RETURN_NOT_OK(memo.fields().AddSchemaFields(schema));
  for (int number : included) {
    const arrow::Field& field = *schema.field(number);
    if (!is_plain(*field.type())) return arrow::Status::NotImplemented(field.name());
    if (field.type()->id() != arrow::Type::DICTIONARY) continue;
    const std::shared_ptr<arrow::Array> column = first.GetColumnByName(field.name());
    if (!column || column->type_id() != arrow::Type::DICTIONARY) return arrow::Status::Invalid(field.name());
    const auto& coded = static_cast<const arrow::DictionaryArray&>(*column);
    ARROW_ASSIGN_OR_RAISE(int64_t id, memo.fields().GetFieldId({number}));
    ARROW_RETURN_NOT_OK(memo.AddDictionaryType(id, coded.dictionary()->type()));
    ARROW_RETURN_NOT_OK(memo.AddDictionary(id, coded.data()->dictionary));
  }
  return arrow::Status::OK();
}

arrow::Result<std::vector<MessageBlock>> read_footer(arrow::io::RandomAccessFile& input) {
  constexpr int64_t kEnd = static_cast<int64_t>(kMagic.size() + sizeof(int32_t));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, input.GetSize());
  int32_t bytes = 0;
  if (size < kEnd) return arrow::Status::Invalid("the file has no footer");
  ARROW_ASSIGN_OR_RAISE(auto read, input.ReadAt(size - kEnd, sizeof bytes, &bytes));
  if (read != sizeof bytes || bytes <= 0 || bytes > kMostFooterBytes || bytes > size - kEnd)
    return arrow::Status::Invalid("the file has no footer");
  std::vector<uint8_t> footer(static_cast<size_t>(bytes));
  ARROW_ASSIGN_OR_RAISE(read, input.ReadAt(size - kEnd - bytes, bytes, footer.data()));
  if (read != bytes) return arrow::Status::Invalid("the file has no footer");
  return read_blocks(footer.data(), footer.size());
}

}  // namespace

arrow::Result<std::vector<MessageBlock>> read_blocks(const uint8_t* footer, size_t size) {
  const arrow::Status wrong = arrow::Status::Invalid("a footer contradicts itself");
  const FlatBytes bytes(footer, size);
  const auto place = bytes.vector_of(kBatchesField);
  if (!place) return wrong;
  std::vector<MessageBlock> blocks;
  if (*place == 0) return blocks;
  const auto count = bytes.get<uint32_t>(*place);
  if (!count || *count > size / kBlockBytes) return wrong;
  for (size_t i = 0; i < *count; ++i) {
    const size_t block = *place + sizeof(uint32_t) + i * kBlockBytes;
    const auto offset = bytes.get<int64_t>(block);
    const auto metadata = bytes.get<int32_t>(block + sizeof(int64_t));
    const auto body = bytes.get<int64_t>(block + 2 * sizeof(int64_t));
    if (!offset || !metadata || !body || *offset < 0 || *metadata < 0 || *body < 0) return wrong;
    if (*offset % kAlignment || *metadata % kAlignment || *body % kAlignment) return wrong;
    blocks.push_back({*offset, *metadata, *body});
  }
  return blocks;
}

std::unique_ptr<MappedBatches> MappedBatches::open(std::shared_ptr<arrow::io::RandomAccessFile> input,
                                                   std::shared_ptr<arrow::Schema> schema,
                                                   const arrow::ipc::IpcReadOptions& options,
                                                   const arrow::RecordBatch& first, int count) {
  if (!schema->is_native_endian()) return nullptr;
  std::unique_ptr<MappedBatches> out(new MappedBatches);
  auto blocks = read_footer(*input);
  if (!blocks.ok() || blocks->size() != static_cast<size_t>(count)) return nullptr;
  if (!take_dictionaries(*schema, options.included_fields, first, out->dictionaries_).ok()) return nullptr;
  out->input_ = std::move(input);
  out->schema_ = std::move(schema);
  out->options_ = options;
  out->blocks_ = std::move(*blocks);
  return out;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> MappedBatches::read(int number) const {
  const MessageBlock& block = blocks_[static_cast<size_t>(number)];
  ARROW_ASSIGN_OR_RAISE(auto message,
                        arrow::ipc::ReadMessage(block.offset, block.metadata_bytes, input_.get()));
  if (!message || message->type() != arrow::ipc::MessageType::RECORD_BATCH)
    return arrow::Status::Invalid("a block holds no record batch");
  if (message->body_length() != block.body_bytes)
    return arrow::Status::Invalid("a block has another size than its record batch");
  return arrow::ipc::ReadRecordBatch(*message, schema_, &dictionaries_, options_);
}

}  // namespace kqlc::archive
