// SPDX-License-Identifier: Apache-2.0
//
// Runs jobs, each on the wanted engine. In: jobs, the tables of an archive. Out: their rows. Jobs that have a
// native kernel share one pass over each table; a job that has none runs on the reference executor, which
// gives the same rows.
#pragma once

#include "cli/job.h"
#include "cli/options.h"
#include "cli/tables.h"

namespace kqlc::cli {

// Fills rows, error and partial of each job. Errors: those of the archive; Limit; Unsupported when
// --engine=jit or object was asked for and there is no native form.
// With a `profile` what it takes is charged to it and to the jobs' own.
void run_jobs(std::vector<Job>& jobs, Tables& tables, const Options& options, Profile* profile = nullptr);

}  // namespace kqlc::cli
