// SPDX-License-Identifier: Apache-2.0
//
// Mappings that are kept: of a file as it is, of no file that changed just now, and of one that is gone no
// longer than until the next is kept.
#include "runtime/archive/kept_mappings.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/engines/files.h"

namespace kqlc::archive {
namespace {

constexpr const char *kOld = "{\"a\":1}\n", *kNew = "{\"a\":2}\n";

File listed(const std::string& path) { return detect_file(path, {}).value(); }

std::string text_of(const MappedFile& file) { return {file.data(), file.size()}; }

void wait_until_settled() { std::this_thread::sleep_for(std::chrono::milliseconds(2100)); }

TEST(KeptMappings, AreThoseOfFilesAsTheyAre) {
  engines::TemporaryFolder folder;
  const std::string path = folder.path() + "/T_CL.json", fresh = folder.path() + "/fresh.json";
  std::ofstream(path) << kOld;
  wait_until_settled();
  const File file = listed(path);
  std::weak_ptr<const MappedFile> kept = map_file(file);
  ASSERT_FALSE(kept.expired());
  EXPECT_EQ(map_file(file), kept.lock());
  EXPECT_EQ(map_file(listed(path)), kept.lock());
  std::ofstream(fresh) << kOld;
  const std::weak_ptr<const MappedFile> given_back = map_file(listed(fresh));
  EXPECT_TRUE(given_back.expired());

  // Written over in place, with its old size and time of the last write.
  struct stat before;
  ASSERT_EQ(stat(path.c_str(), &before), 0);
  std::fstream(path, std::ios::binary | std::ios::in | std::ios::out) << kNew;
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  for (const File& now : {file, listed(path)}) {
    const auto mapped = map_file(now);
    EXPECT_NE(mapped, kept.lock());
    EXPECT_EQ(text_of(*mapped), kNew);
  }
  wait_until_settled();
  const auto again = map_file(listed(path));
  EXPECT_TRUE(kept.expired());
  EXPECT_EQ(map_file(listed(path)), again);
}

TEST(KeptMappings, OfFilesThatAreGoneOrTornAreGivenBack) {
  engines::TemporaryFolder folder;
  const std::string gone = folder.path() + "/gone.json", torn = folder.path() + "/torn.json",
                    other = folder.path() + "/other.json";
  for (const std::string& path : {gone, torn, other}) std::ofstream(path) << kOld;
  wait_until_settled();
  const File torn_file = listed(torn);
  const std::weak_ptr<const MappedFile> first = map_file(listed(gone)), second = map_file(torn_file);
  ASSERT_FALSE(first.expired() || second.expired());
  std::filesystem::remove(gone);
  std::filesystem::resize_file(torn, 3);
  EXPECT_NE(map_file(torn_file), second.lock());
  EXPECT_FALSE(map_file(listed(other))->torn());
  EXPECT_TRUE(first.expired());
  EXPECT_TRUE(second.expired());
}

// What a process listed once is not there any more, but it goes on to ask for it.
TEST(KeptMappings, OfAReplacedFileIsGivenBackWhenItIsAskedFor) {
  engines::TemporaryFolder folder;
  const std::string path = folder.path() + "/T_CL.json", other = folder.path() + "/other.json";
  for (const std::string& each : {path, other}) std::ofstream(each) << kOld;
  wait_until_settled();
  const File file = listed(path);
  const std::weak_ptr<const MappedFile> kept = map_file(file);
  ASSERT_FALSE(kept.expired());
  std::filesystem::rename(other, path);
  EXPECT_EQ(text_of(*map_file(file)), kOld);
  EXPECT_TRUE(kept.expired());
}

TEST(KeptMappings, LeaveDescriptorsToOthers) {
  engines::TemporaryFolder folder;
  std::vector<std::string> paths;
  for (int i = 0; i < 40; ++i) {
    paths.push_back(folder.path() + "/" + std::to_string(i) + ".json");
    std::ofstream(paths.back()) << kOld;
  }
  wait_until_settled();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{80, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  size_t num_kept = 0;
  std::vector<std::weak_ptr<const MappedFile>> mapped;
  for (const std::string& path : paths) mapped.push_back(map_file(listed(path)));
  for (const auto& each : mapped) num_kept += !each.expired();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_GT(num_kept, 0u);
  EXPECT_LE(num_kept, 20u);
}

}  // namespace
}  // namespace kqlc::archive
