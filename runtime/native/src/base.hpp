// Bases on disk: a graph, its weights, biases, tokenizer and manifest in one folder.
#pragma once

#include <string>
#include <vector>

#include "manifest.hpp"
#include "pack_encoding.hpp"

namespace bitfit {

struct Base {
  std::string folder;
  Manifest manifest;
  Defaults defaults;

  // Read and check the manifest and the default biases.
  static Base open(const std::string& folder);

  std::string path(const char* name) const { return folder + "/" + name; }
  // Compare files with the manifest's digests. Raises BITFIT_BASE_INTEGRITY.
  void verify(const std::vector<std::string>& names) const;
  // Check the graph before it is opened: its digest, and that its weights are only in the file that the manifest lists.
  void check_graph(bool compare) const;
  // Compare the weights' digest in the graph's metadata, empty without one, with the manifest's.
  void check_weights(const std::string& named) const;
};

}  // namespace bitfit
