// SPDX-License-Identifier: Apache-2.0
//
// Types of bytes have the layout of those of text, so only types are exchanged, in nested ones as well.
#include "runtime/archive/arrow_validate.h"

#include <vector>

namespace kqlc::archive {
namespace {

using TypePtr = std::shared_ptr<arrow::DataType>;

TypePtr bytes_type(const TypePtr& type);

std::shared_ptr<arrow::Field> bytes_field(const std::shared_ptr<arrow::Field>& field) {
  return field->WithType(bytes_type(field->type()));
}

arrow::FieldVector bytes_fields(const arrow::DataType& type) {
  arrow::FieldVector fields;
  for (const auto& field : type.fields()) fields.push_back(bytes_field(field));
  return fields;
}

// Types that are not known here stay as they are, and so does what they consist of (bytes_data).
TypePtr bytes_type(const TypePtr& type) {
  switch (type->id()) {
    case arrow::Type::STRING:
      return arrow::binary();
    case arrow::Type::LARGE_STRING:
      return arrow::large_binary();
    case arrow::Type::STRING_VIEW:
      return arrow::binary_view();
    case arrow::Type::LIST:
      return arrow::list(bytes_field(type->field(0)));
    case arrow::Type::LARGE_LIST:
      return arrow::large_list(bytes_field(type->field(0)));
    case arrow::Type::LIST_VIEW:
      return arrow::list_view(bytes_field(type->field(0)));
    case arrow::Type::LARGE_LIST_VIEW:
      return arrow::large_list_view(bytes_field(type->field(0)));
    case arrow::Type::FIXED_SIZE_LIST:
      return arrow::fixed_size_list(bytes_field(type->field(0)),
                                    static_cast<const arrow::FixedSizeListType&>(*type).list_size());
    case arrow::Type::STRUCT:
      return arrow::struct_(bytes_fields(*type));
    case arrow::Type::DENSE_UNION:
      return arrow::dense_union(bytes_fields(*type),
                                static_cast<const arrow::UnionType&>(*type).type_codes());
    case arrow::Type::SPARSE_UNION:
      return arrow::sparse_union(bytes_fields(*type),
                                 static_cast<const arrow::UnionType&>(*type).type_codes());
    case arrow::Type::RUN_END_ENCODED: {
      const auto& runs = static_cast<const arrow::RunEndEncodedType&>(*type);
      return arrow::run_end_encoded(runs.run_end_type(), bytes_type(runs.value_type()));
    }
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(*type);
      return std::make_shared<arrow::MapType>(bytes_field(map.key_field()), bytes_field(map.item_field()),
                                              map.keys_sorted());
    }
    case arrow::Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryType&>(*type);
      return arrow::dictionary(coded.index_type(), bytes_type(coded.value_type()), coded.ordered());
    }
    case arrow::Type::EXTENSION:
      return bytes_type(static_cast<const arrow::ExtensionType&>(*type).storage_type());
    default:
      return type;
  }
}

std::shared_ptr<arrow::ArrayData> bytes_data(const arrow::ArrayData& data) {
  std::shared_ptr<arrow::ArrayData> out = data.Copy();
  out->type = bytes_type(data.type);
  if (out->type == data.type) return out;
  for (auto& child : out->child_data) child = bytes_data(*child);
  if (out->dictionary) out->dictionary = bytes_data(*out->dictionary);
  return out;
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::Array>> validate_array(const std::shared_ptr<arrow::Array>& array) {
  const arrow::Status status = array->ValidateFull();
  if (status.ok()) return array;
  std::shared_ptr<arrow::Array> bytes = arrow::MakeArray(bytes_data(*array->data()));
  if (!bytes->ValidateFull().ok()) return status;
  return bytes;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> validate_batch(
    const std::shared_ptr<arrow::RecordBatch>& batch) {
  ARROW_RETURN_NOT_OK(batch->Validate());
  std::vector<std::shared_ptr<arrow::Array>> columns;
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (int i = 0; i < batch->num_columns(); ++i) {
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), validate_array(batch->column(i)));
    fields.push_back(batch->schema()->field(i)->WithType(columns.back()->type()));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), batch->num_rows(), std::move(columns));
}

}  // namespace kqlc::archive
