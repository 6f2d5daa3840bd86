// SPDX-License-Identifier: Apache-2.0
//
// A failure of one column is kept: whoever needs another column goes on, and the file is said to break off
// here.
#include "runtime/archive/parquet_group.h"

#include <parquet/arrow/schema.h>
#include <parquet/statistics.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <thread>

#include "runtime/archive/arrow_time.h"
#include "runtime/archive/arrow_validate.h"
#include "runtime/archive/mapped_file.h"

namespace kqlc::archive {
namespace {

// Row groups with more are read in parts.
constexpr int64_t kMostRows = int64_t{1} << 22;
// Unpacked bytes of the requested columns: of a group whose columns are all made, and of one of which only
// what is asked for is.
constexpr int64_t kMostBytes = int64_t{1} << 28, kMostLateBytes = int64_t{1} << 30;

// So many that a quarter of the memory is enough for such a group on each core.
int64_t most_late_bytes() {
  static const int64_t most = [] {
    const uint64_t cores = std::max(1u, std::thread::hardware_concurrency());
    const auto share = static_cast<int64_t>(MappedFile::most_kept_bytes() / cores);
    return std::clamp(share, kMostBytes, kMostLateBytes);
  }();
  return most;
}

void add_leaves(const parquet::arrow::SchemaField& field, std::vector<int>* leaves) {
  if (field.column_index >= 0) leaves->push_back(field.column_index);
  for (auto& child : field.children) add_leaves(child, leaves);
}

arrow::Result<std::shared_ptr<arrow::Array>> one_array(const arrow::Table& table) {
  if (table.num_columns() != 1) return arrow::Status::Invalid("a column is not one");
  const arrow::ChunkedArray& column = *table.column(0);
  std::shared_ptr<arrow::Array> array;
  if (column.num_chunks() == 1) {
    array = column.chunk(0);
  } else {
    ARROW_ASSIGN_OR_RAISE(array, arrow::Concatenate(column.chunks()));
  }
  return validate_array(array);
}

template <class Physical>
const parquet::TypedStatistics<Physical>* typed(const parquet::Statistics& known) {
  return known.physical_type() == Physical::type_num
             ? static_cast<const parquet::TypedStatistics<Physical>*>(&known)
             : nullptr;
}

// Of a column of whole numbers or times.
std::optional<PageColumn::Bounds> find_bounds(const ChunkStatistics& statistics, const ParquetField& field) {
  const auto known = statistics.columns.find(field.request->name);
  if (known == statistics.columns.end()) return std::nullopt;
  const ColumnStatistics& column = known->second;
  if (column.bounded != Type::Long && column.bounded != Type::DateTime) return std::nullopt;
  return PageColumn::Bounds{column.least, column.greatest};
}

void set_bounds(Type type, int64_t least, int64_t greatest, ColumnStatistics* column) {
  column->bounded = type;
  column->least = least;
  column->greatest = greatest;
}

// The forms of pages have it that numbers are signed and of the requested type. Of reals writers leave NaN
// out; where one did not, nothing is known.
void read_bounds(const parquet::Statistics& known, const ParquetField& field, ColumnStatistics* column) {
  int64_t least = 0, greatest = 0;
  if (auto* longs = typed<parquet::Int64Type>(known)) {
    const bool is_time = field.pages.form == PageForm::Time;
    if (!is_time) return set_bounds(Type::Long, longs->min(), longs->max(), column);
    if (datetime_ticks(longs->min(), field.pages.ticks, &least) &&
        datetime_ticks(longs->max(), field.pages.ticks, &greatest))
      set_bounds(Type::DateTime, least, greatest, column);
  } else if (auto* ints = typed<parquet::Int32Type>(known)) {
    set_bounds(Type::Long, ints->min(), ints->max(), column);
  } else if (auto* bools = typed<parquet::BooleanType>(known)) {
    set_bounds(Type::Bool, bools->min(), bools->max(), column);
  } else if (auto* reals = typed<parquet::DoubleType>(known)) {
    if (!std::isnan(reals->min()) && !std::isnan(reals->max()))
      set_bounds(Type::Real, real_order(reals->min()), real_order(reals->max()), column);
  }
}

}  // namespace

std::vector<ParquetField> find_fields(const parquet::arrow::FileReader& reader, const ScanRequest& request) {
  std::vector<ParquetField> fields;
  for (const ColumnRequest& column : request.columns) {
    ParquetField& found = fields.emplace_back(ParquetField{&column, {}, {}});
    for (auto& field : reader.manifest().schema_fields) {
      if (field.field->name() != column.name) continue;
      add_leaves(field, &found.leaves);
      if (!field.is_leaf()) continue;
      found.pages =
          page_field(*reader.manifest().descr->Column(field.column_index), *field.field->type(), column.type);
    }
  }
  return fields;
}

ChunkStatistics group_statistics(const parquet::RowGroupMetaData& group,
                                 const std::vector<ParquetField>& fields) {
  ChunkStatistics out;
  out.rows = static_cast<uint64_t>(group.num_rows());
  for (const ParquetField& field : fields) {
    if (field.leaves.empty()) continue;
    ColumnStatistics& column = out.columns[field.request->name];
    if (field.pages.form == PageForm::Other) continue;
    auto known = group.ColumnChunk(field.leaves[0])->statistics();
    if (!known) continue;
    if (known->HasNullCount()) column.nulls = static_cast<uint64_t>(known->null_count());
    if (known->HasMinMax()) read_bounds(*known, field, &column);
  }
  return out;
}

bool fits_in_memory(const parquet::RowGroupMetaData& group, const std::vector<ParquetField>& fields,
                    bool late) {
  const int64_t most = late ? most_late_bytes() : kMostBytes;
  int64_t bytes = 0;
  for (const ParquetField& field : fields)
    for (int leaf : field.leaves) {
      const int64_t own = group.ColumnChunk(leaf)->total_uncompressed_size();
      if (own < 0 || own > most - bytes) return false;
      bytes += own;
    }
  return group.num_rows() >= 0 && group.num_rows() <= kMostRows;
}

RowGroup::RowGroup(arrow::io::RandomAccessFile& file, parquet::arrow::FileReader& reader, int number,
                   const std::vector<ParquetField>& fields, uint64_t position,
                   const ChunkStatistics& statistics, Worker& worker)
    : file_(file),
      reader_(reader),
      number_(number),
      fields_(fields),
      group_(reader.parquet_reader()->RowGroup(number)),
      num_rows_(group_->metadata()->num_rows()),
      position_(position),
      statistics_(statistics),
      worker_(worker),
      pages_(fields.size()),
      whole_(fields.size()),
      failed_(fields.size()) {
  for (size_t i = 0; i < fields.size(); ++i) {
    Column& column = columns_.emplace_back();
    column.type = fields[i].request->type;
    if (fields[i].pages.form == PageForm::Other || fields[i].leaves.size() != 1) continue;
    const int leaf = fields[i].leaves[0];
    if (!has_plain_pages(*group_->metadata()->ColumnChunk(leaf))) continue;
    pages_[i] = std::make_unique<PageColumn>(*fields[i].request, fields[i].pages, leaf, num_rows_, position,
                                             find_bounds(statistics, fields[i]), worker);
  }
}

bool RowGroup::load(size_t column, const uint64_t* selection) {
  if (failed_[column]) return false;
  arrow::Status status;
  try {
    status = read_column(column, selection);
  } catch (const std::exception& thrown) {
    status = arrow::Status::Invalid("row group ", number_, ": ", thrown.what());
  }
  if (status.ok()) return true;
  note_failure(column, std::move(status));
  return false;
}

bool RowGroup::find_range(size_t column, int64_t* least, int64_t* greatest) {
  auto known = statistics_.columns.find(fields_[column].request->name);
  if (known == statistics_.columns.end() || !known->second.has_times()) return false;
  *least = known->second.least;
  *greatest = known->second.greatest;
  return true;
}

// A column whose dictionary is damaged has failed for good.
bool RowGroup::find_values(size_t column, Column* values, int64_t* size) {
  if (failed_[column] || !pages_[column]) return false;
  try {
    return pages_[column]->find_values(file_, *group_, values, size);
  } catch (const std::exception& thrown) {
    note_failure(column, arrow::Status::Invalid("row group ", number_, ": ", thrown.what()));
    return false;
  }
}

bool RowGroup::find_rows(size_t column, const uint64_t* selection, const TextFilter& filter, uint64_t* rows) {
  if (failed_[column] || !pages_[column]) return false;
  try {
    if (!pages_[column]->find_rows(file_, *group_, selection, filter, rows)) return false;
  } catch (const std::exception& thrown) {
    note_failure(column, arrow::Status::Invalid("row group ", number_, ": ", thrown.what()));
    return false;
  }
  columns_[column] = pages_[column]->column();
  return true;
}

void RowGroup::note_failure(size_t column, arrow::Status status) {
  failed_[column] = 1;
  if (!failure_) failure_ = std::move(status);
}

bool RowGroup::load_all(const uint64_t* selection) {
  for (size_t i = 0; i < fields_.size(); ++i)
    if (!load(i, selection)) return false;
  return true;
}

arrow::Status RowGroup::read_column(size_t column, const uint64_t* selection) {
  if (fields_[column].leaves.empty()) return arrow::Status::OK();
  if (!pages_[column]) return read_whole(column);
  pages_[column]->load(file_, *group_, selection);
  columns_[column] = pages_[column]->column();
  return arrow::Status::OK();
}

arrow::Status RowGroup::read_whole(size_t column) {
  if (whole_[column]) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto table, reader_.ReadRowGroup(number_, fields_[column].leaves));
  ARROW_ASSIGN_OR_RAISE(whole_[column], one_array(*table));
  if (whole_[column]->length() != num_rows_)
    return arrow::Status::Invalid("row group ", number_, ": a column has another number of rows");
  columns_[column] = make_column(*whole_[column], *fields_[column].request, position_, worker_);
  return arrow::Status::OK();
}

}  // namespace kqlc::archive
