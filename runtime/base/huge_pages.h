// SPDX-License-Identifier: Apache-2.0
//
// HugePages: an allocator for vectors that may become large and are read here and there. Blocks of some
// megabytes lie in huge pages where the system has them: a fault each 2 MiB instead of each 4 KiB, and few
// misses of the table of pages. Elements that are made without a value (resize) stay as the memory was:
// whoever makes them fills them in.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace kqlc {

template <class T>
struct HugePages {
  using value_type = T;
  HugePages() = default;
  template <class U>
  HugePages(const HugePages<U>&) noexcept {}  // NOLINT(google-explicit-constructor)

  // Throws std::bad_alloc where there is no memory.
  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    if (bytes < kFrom) return static_cast<T*>(::operator new(bytes));
    const size_t whole = (bytes + kPage - 1) & ~(kPage - 1);
    void* block = ::operator new(whole, std::align_val_t{kPage});
    madvise(block, whole, MADV_HUGEPAGE);
    return static_cast<T*>(block);
  }
  void deallocate(T* block, size_t count) noexcept {
    if (count * sizeof(T) < kFrom)
      ::operator delete(block);
    else
      ::operator delete(block, std::align_val_t{kPage});
  }

  // std::allocator_traits makes elements with this where they get no value.
  template <class U>
  void construct(U*) noexcept {
    static_assert(std::is_trivially_copyable_v<U>, "its life begins when it is filled in");
  }
  template <class U, class... Args>
  void construct(U* place, Args&&... args) {
    ::new (static_cast<void*>(place)) U(std::forward<Args>(args)...);
  }
  bool operator==(const HugePages&) const = default;

 private:
  static constexpr size_t kPage = size_t{1} << 21, kFrom = kPage;
};

template <class T>
using LargeVector = std::vector<T, HugePages<T>>;

}  // namespace kqlc
