// What a batch feeds to the graph: tokens, biases and heads, one of each for each row or one for all.
#pragma once

#include <list>
#include <vector>

#include "base.hpp"
#include "runner.hpp"

namespace bitfit {

class Feeds {
 public:
  explicit Feeds(const Base& base) : base_(&base) {}

  // Token ids, mask and types of rows, padded on the right.
  void add_tokens(const std::vector<const TokenizedText*>& texts, std::size_t width);
  // Biases and heads; what all rows lack is left out, and is the base's.
  void add_packs(const std::vector<const DecodedPack*>& packs, const std::vector<std::size_t>& labels);
  void add_integers(const char* name, std::vector<std::int64_t> shape, std::vector<std::int64_t> numbers);
  const std::vector<Feed>& all() const { return feeds_; }

 private:
  void add_floats(const std::string& name, std::vector<std::int64_t> shape, std::vector<float> numbers);
  void add_bias(const BiasSpec& spec, const std::vector<const DecodedPack*>& packs);
  void add_heads(const std::vector<const DecodedPack*>& packs, const std::vector<std::size_t>& labels);

  const Base* base_;
  std::vector<Feed> feeds_;
  std::list<std::vector<float>> floats_;  // what feeds point to
  std::list<std::vector<std::int64_t>> integers_;
};

}  // namespace bitfit
