// The manifest `bitfit.json`: what a base says about itself.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bitfit {

struct BiasSpec {
  std::string name;
  std::size_t size;
  std::string term;
  std::int64_t layer;

  // Whether it acts below encoder layer `from`: on what the layer receives.
  bool below(std::int64_t from) const { return layer >= 0 ? layer < from : term != "final" && term != "pooler"; }
};

struct SelfTest {
  std::vector<std::int64_t> input_ids;
  double amplitude;
  double tolerance;
  std::vector<std::vector<double>> pooled;
};

struct Manifest {
  std::string name;
  std::string precision;
  std::string pooling;
  std::size_t max_length;
  std::size_t hidden_size;
  std::int64_t pad_token_id;
  std::vector<std::string> inputs;
  std::map<std::string, std::string> files;
  std::vector<BiasSpec> biases;
  std::vector<std::int64_t> branches;
  bool static_activations = false;
  SelfTest self_test;

  std::int64_t layers() const;
  std::string digest() const;            // the base's identity
  std::string tokenizer_digest() const;  // the other half of it
};

// Parse and check the text of a manifest. Raises BITFIT_BASE_FORMAT.
Manifest parse_manifest(std::string_view text, const std::string& where);

}  // namespace bitfit
