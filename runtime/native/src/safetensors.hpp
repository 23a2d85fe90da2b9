// Safetensors files: named tensors in one block of bytes, every bound checked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "json_fields.hpp"

namespace bitfit {

enum class Dtype { uint8, float16, float32 };

constexpr std::size_t size_of(Dtype dtype) { return dtype == Dtype::uint8 ? 1 : dtype == Dtype::float16 ? 2 : 4; }
const char* name_of(Dtype dtype);

// A vector, as bytes of its own.
struct Stored {
  Dtype dtype = Dtype::uint8;
  std::vector<std::uint8_t> bytes;

  std::size_t size() const { return bytes.size() / size_of(dtype); }
  // The numbers as float32; those of float16 are converted exactly.
  std::vector<float> floats() const;
};

struct Safetensors {
  std::map<std::string, Stored> tensors;
  std::map<std::string, std::string> metadata;
};

// Read a whole file whose tensors are vectors of the dtypes above. Blames what is anything else.
Safetensors parse_safetensors(std::string_view data, const Blame& blame);

}  // namespace bitfit
