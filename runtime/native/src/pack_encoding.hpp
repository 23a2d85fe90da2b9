// Pack encodings: from deltas in floats or a few bits to the biases and the head, the same bits on every platform.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "manifest.hpp"
#include "pack.hpp"

namespace bitfit {

using Defaults = std::map<std::string, std::vector<float>>;

struct DecodedPack {
  std::map<std::string, std::vector<float>> biases;  // by the graph's names
  std::vector<float> head_weight;                    // [hidden, labels]; empty without a head
  std::vector<float> head_bias;                      // [labels]
  std::vector<float> centres;                        // [labels, labels or hidden], at length 1; empty without outliers
  std::vector<float> transitions;                    // [labels + 1, labels]; empty where words are decided alone

  std::size_t bytes() const;
};

// Whether an encoding stores codes with scales.
bool is_coded(const std::string& encoding);

// Decode a pack for a base. Raises BITFIT_PACK_MISMATCH when it was made for another, and BITFIT_PACK_FORMAT when its
// tensors do not fit. Nothing larger than the base's own biases and head is allocated.
DecodedPack decode(const Pack& pack, const Manifest& base, const Defaults& defaults);

// Inflate a raw deflate stream that must give `size` bytes and end there.
std::vector<std::int8_t> inflate_codes(const std::vector<std::uint8_t>& stream, std::size_t size, const Blame& blame);

}  // namespace bitfit
