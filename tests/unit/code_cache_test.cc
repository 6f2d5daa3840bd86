// SPDX-License-Identifier: Apache-2.0
//
// Compiled code on disk: what was kept comes back, and whatever somebody else could have put there, or an
// accident has changed, does not.
#include "codegen/code_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace kqlc::codegen {
namespace {

namespace fs = std::filesystem;

class CodeCacheTest : public testing::Test {
 protected:
  CodeCacheTest() {
    char name[] = "/tmp/kqlc_code_cache_XXXXXX";
    root_ = mkdtemp(name);
    folder_ = root_ / "cache";
    auto opened = CodeCache::open(folder_);
    EXPECT_TRUE(opened.ok());
    if (opened.ok()) cache_ = std::move(opened).value();
  }
  ~CodeCacheTest() override { fs::remove_all(root_); }

  // Keeps an object and returns its file.
  fs::path keep(const std::string& outline, const std::string& object) {
    std::vector<fs::path> before = files();
    cache_->put(code_key(outline, "O0"), object);
    for (const fs::path& file : files())
      if (std::ranges::find(before, file) == before.end()) return file;
    return {};
  }
  std::optional<std::string> get(const std::string& outline) { return cache_->get(code_key(outline, "O0")); }
  std::vector<fs::path> files() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(folder_)) out.push_back(entry.path());
    return out;
  }

  fs::path root_, folder_;
  std::unique_ptr<CodeCache> cache_;
};

TEST_F(CodeCacheTest, GivesBackWhatWasKept) {
  EXPECT_FALSE(get("a"));
  std::string object("object\0with zeros", 17);
  keep("a", object);
  EXPECT_EQ(get("a"), object);
  EXPECT_FALSE(get("b"));
  EXPECT_FALSE(cache_->get(code_key("a", "O2")));
  auto again = CodeCache::open(folder_);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again.value()->get(code_key("a", "O0")), object);
}

TEST_F(CodeCacheTest, FolderAndFilesAreTheUsersAlone) {
  fs::path file = keep("a", "object");
  EXPECT_EQ(fs::status(folder_).permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(CodeCacheTest, AnyChangedByteIsNoticed) {
  fs::path file = keep("a", "object");
  std::string good(fs::file_size(file), '\0');
  std::ifstream(file, std::ios::binary).read(good.data(), static_cast<std::streamsize>(good.size()));
  for (size_t place = 0; place < good.size(); ++place) {
    std::string bad = good;
    bad[place] = static_cast<char>(bad[place] ^ 1);
    std::ofstream(file, std::ios::binary) << bad;
    EXPECT_FALSE(get("a")) << place;
  }
  std::ofstream(file, std::ios::binary) << good;
  EXPECT_TRUE(get("a"));
}

TEST_F(CodeCacheTest, CutAndExtendedFilesAreNotUsed) {
  fs::path file = keep("a", "object");
  const auto size = fs::file_size(file);
  for (auto cut = size; cut-- > 0;) {
    fs::resize_file(file, cut);
    EXPECT_FALSE(get("a")) << cut;
  }
  fs::remove(file);
  file = keep("a", "object");
  std::ofstream(file, std::ios::binary | std::ios::app) << 'x';
  EXPECT_FALSE(get("a"));
}

TEST_F(CodeCacheTest, AFileUnderAnotherNameIsNotUsed) {
  fs::path a = keep("a", "object a"), b = keep("b", "object b");
  fs::rename(a, b);
  EXPECT_FALSE(get("b"));
}

TEST_F(CodeCacheTest, AFileThatOthersMayWriteIsNotUsed) {
  fs::path file = keep("a", "object");
  for (mode_t mode : {0620, 0602, 0622}) {
    ASSERT_EQ(chmod(file.c_str(), mode), 0);
    EXPECT_FALSE(get("a"));
  }
  ASSERT_EQ(chmod(file.c_str(), 0644), 0);
  EXPECT_TRUE(get("a"));
}

TEST_F(CodeCacheTest, LinksAndPipesAreNotUsed) {
  fs::path file = keep("a", "object"), elsewhere = root_ / "elsewhere";
  fs::create_hard_link(file, elsewhere);
  EXPECT_FALSE(get("a"));
  fs::remove(file);
  fs::create_symlink(elsewhere, file);
  EXPECT_FALSE(get("a"));
  fs::remove(file);
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  EXPECT_FALSE(get("a"));
  keep("a", "object");  // takes its place
  EXPECT_TRUE(get("a"));
  EXPECT_EQ(fs::file_size(elsewhere), fs::file_size(file));
}

TEST_F(CodeCacheTest, WhatAnotherUserOwnsIsNotUsed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  fs::path file = keep("a", "object");
  ASSERT_EQ(chown(file.c_str(), 65534, 65534), 0);
  EXPECT_FALSE(get("a"));
  ASSERT_EQ(chown(folder_.c_str(), 65534, 65534), 0);
  EXPECT_FALSE(CodeCache::open(folder_).ok());
}

TEST_F(CodeCacheTest, AFolderThatOthersMayEnterIsNotUsed) {
  for (mode_t mode : {0710, 0701, 0720, 0755, 0777}) {
    ASSERT_EQ(chmod(folder_.c_str(), mode), 0);
    EXPECT_FALSE(CodeCache::open(folder_).ok()) << mode;
  }
  ASSERT_EQ(chmod(folder_.c_str(), 0700), 0);
  EXPECT_TRUE(CodeCache::open(folder_).ok());
  fs::create_symlink(folder_, root_ / "link");
  EXPECT_FALSE(CodeCache::open(root_ / "link").ok());
  std::ofstream(root_ / "file") << "x";
  EXPECT_FALSE(CodeCache::open(root_ / "file").ok());
  EXPECT_FALSE(CodeCache::open(root_ / "file" / "below").ok());
}

// A limit on the size of files stands for a disk that is full.
TEST_F(CodeCacheTest, AFullDiskLeavesNothing) {
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small{100, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  cache_->put(code_key("a", "O0"), std::string(1000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(files().empty());
  EXPECT_FALSE(get("a"));
}

TEST_F(CodeCacheTest, AFolderThatIsGoneKeepsNothing) {
  keep("a", "object");
  fs::remove_all(folder_);
  EXPECT_FALSE(get("a"));
  cache_->put(code_key("b", "O0"), "object");
  cache_->shrink(0);
  EXPECT_FALSE(get("b"));
}

TEST_F(CodeCacheTest, ShrinksToWhatWasUsedLast) {
  for (const char* name : {"a", "b", "c"}) {
    fs::path file = keep(name, std::string(1000, 'x'));
    const timespec old[2] = {{1000 + name[0], 0}, {1000 + name[0], 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), old, 0), 0);
  }
  EXPECT_TRUE(get("a"));  // now used
  std::ofstream(folder_ / "1-1.tmp") << "half";
  const timespec old[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, (folder_ / "1-1.tmp").c_str(), old, 0), 0);
  std::ofstream(folder_ / "note.txt") << "not ours";
  cache_->shrink(1500);
  EXPECT_TRUE(get("a"));
  EXPECT_FALSE(get("b"));
  EXPECT_FALSE(get("c"));
  EXPECT_TRUE(fs::exists(folder_ / "note.txt"));
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(CodeCacheTest, ManyWritersAndReadersOfOneKey) {
  std::string object(20'000, 'x');
  std::vector<std::thread> threads;
  std::atomic<size_t> wrong{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      auto own = CodeCache::open(folder_);
      for (int round = 0; own.ok() && round < 100; ++round) {
        own.value()->put(code_key("a", "O0"), object);
        if (own.value()->get(code_key("a", "O0")) != object) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(files().size(), 1u);
}

}  // namespace
}  // namespace kqlc::codegen
