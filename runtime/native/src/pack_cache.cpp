#include "pack_cache.hpp"

#include <algorithm>

#include "error.hpp"

namespace bitfit {

InstalledPack::InstalledPack(Pack parsed) : pack(std::move(parsed)) {
  for (const std::string& label : pack.info.labels) {
    if (label.find('\0') != std::string::npos) {
      fail(BITFIT_UNSUPPORTED,
           "pack " + in_quotes(pack.info.task) + " has a label with a zero in it, where C ends a string; rename it");
    }
    labels.push_back(label.c_str());
  }
}

std::shared_ptr<const DecodedPack> PackCache::get(const PackPointer& pack) {
  const auto is_it = [&](const Entry& entry) { return entry.pack == pack; };
  {
    const std::lock_guard<std::mutex> lock(changing_);
    const auto found = std::find_if(used_.begin(), used_.end(), is_it);
    if (found != used_.end()) {
      used_.splice(used_.end(), used_, found);
      return used_.back().decoded;
    }
  }
  auto decoded = std::make_shared<const DecodedPack>(decode(pack->pack, base_->manifest, base_->defaults));
  const std::lock_guard<std::mutex> lock(changing_);
  if (decoded->bytes() > limit_ || std::any_of(used_.begin(), used_.end(), is_it)) return decoded;
  while (bytes_ + decoded->bytes() > limit_) {
    bytes_ -= used_.front().decoded->bytes();
    used_.pop_front();
  }
  used_.push_back({pack, decoded});
  bytes_ += decoded->bytes();
  return decoded;
}

void PackCache::drop(const PackPointer& pack) {
  const std::lock_guard<std::mutex> lock(changing_);
  const auto found = std::find_if(used_.begin(), used_.end(), [&](const Entry& entry) { return entry.pack == pack; });
  if (found == used_.end()) return;
  bytes_ -= found->decoded->bytes();
  used_.erase(found);
}

}  // namespace bitfit
