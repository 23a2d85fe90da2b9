// Packs: one task's biases and head, as they are stored.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "decisions.hpp"
#include "manifest.hpp"
#include "safetensors.hpp"
#include "task_types.hpp"

namespace bitfit {

// How a text of more tokens than fit is answered.
struct Windows {
  std::string join;
  std::size_t overlap;
  std::size_t max_windows;
};

enum class Transitions { none, legal, learned };

struct PackInfo {
  std::string base, base_name, task;
  const TaskType* type = nullptr;
  std::vector<std::string> labels;
  std::string pooling;
  std::size_t max_length = 0;
  std::vector<std::string> terms;
  std::string encoding;
  std::optional<std::string> tokenizer;
  std::int64_t from_layer = 0;
  std::optional<Windows> windows;
  Transitions transitions = Transitions::none;
  bool words_by_mean = false;
  std::optional<Decisions> decisions;

  // The biases of the base that the pack holds, in the base's order.
  std::vector<BiasSpec> biases(const Manifest& manifest) const;
};

struct Canary {
  std::vector<std::pair<std::string, std::optional<std::string>>> texts;
  std::string kernels;
  std::vector<float> expected;
};

struct Pack {
  PackInfo info;
  std::map<std::string, Stored> tensors;
  std::optional<Canary> canary;
};

// Read a pack from bytes. Raises BITFIT_PACK_FORMAT on anything that is not a whole, finite pack of a known schema.
Pack parse_pack(std::string_view data, const std::string& where);

}  // namespace bitfit
