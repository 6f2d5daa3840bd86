// SPDX-License-Identifier: Apache-2.0
//
// Mappings that outlast the query that made them. In: a listed file. Out: it as memory. The idea: to map the
// pages of a file and to take the mapping down again costs a process that answers many queries over the same
// files up to a fifth of its time; so the mapping of a file that did not change is used again.
#pragma once

#include <memory>

#include "runtime/archive/archive.h"
#include "runtime/archive/mapped_file.h"

namespace kqlc::archive {

// The file as memory; that of before where it is the file that was listed and was so then. Kept are 128
// mappings of a quarter of the machine's memory together, those of files that are gone or changed no longer
// than until another one is kept. Returns nullptr for a file that cannot be mapped. Threads may ask at the
// same time.
std::shared_ptr<const MappedFile> map_file(const File& file);

}  // namespace kqlc::archive
