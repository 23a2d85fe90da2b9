// Installed packs, which stay as small as their files, and a cache of those that were decoded last.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base.hpp"

namespace bitfit {

struct InstalledPack {
  explicit InstalledPack(Pack parsed);
  InstalledPack(const InstalledPack&) = delete;
  InstalledPack& operator=(const InstalledPack&) = delete;

  Pack pack;
  std::vector<const char*> labels;
};

using PackPointer = std::shared_ptr<const InstalledPack>;

// All methods may be called from several threads. Two threads that miss the same pack at once both decode it.
class PackCache {
 public:
  PackCache(const Base& base, std::size_t limit) : base_(&base), limit_(limit) {}

  std::shared_ptr<const DecodedPack> get(const PackPointer& pack);
  // Drop a pack that was replaced or removed.
  void drop(const PackPointer& pack);

 private:
  struct Entry {
    PackPointer pack;
    std::shared_ptr<const DecodedPack> decoded;
  };

  const Base* base_;
  std::size_t limit_;
  std::size_t bytes_ = 0;
  std::mutex changing_;
  std::list<Entry> used_;  // the pack used last is at the end
};

}  // namespace bitfit
