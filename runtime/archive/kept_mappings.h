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

// The file as memory: the kept mapping where there is one and the file is still as it was listed. At most 128
// mappings are kept, with a quarter of the descriptors that the process may have and of the machine's memory,
// and those of files that are gone or changed until the file is asked for or others are kept. Returns
// nullptr for a file that cannot be mapped. Threads may ask at the same time.
std::shared_ptr<const MappedFile> map_file(const File& file);

}  // namespace kqlc::archive
