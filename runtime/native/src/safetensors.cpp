#include "safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "error.hpp"
#include "limits.hpp"

namespace bitfit {
namespace {

constexpr std::size_t length_bytes = 8;

struct Place {
  std::size_t begin, end;
  std::string name;
  Dtype dtype;
};

float from_float16(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1Fu, fraction = half & 0x3FFu;
  std::uint32_t bits = 0;
  if (exponent == 0x1F) {
    bits = sign | 0x7F800000u | (fraction << 13);
  } else if (exponent != 0) {
    bits = sign | ((exponent + 112) << 23) | (fraction << 13);
  } else {
    const float small = static_cast<float>(fraction) * 0x1p-24f;  // subnormal, and exact in float32
    std::memcpy(&bits, &small, sizeof bits);
    bits |= sign;
  }
  float found = 0;
  std::memcpy(&found, &bits, sizeof found);
  return found;
}

std::size_t header_size(std::string_view data, const Blame& blame) {
  if (data.size() < length_bytes) blame.fail("it is truncated");
  std::uint64_t length = 0;
  for (std::size_t index = length_bytes; index-- > 0;) length = (length << 8) | static_cast<unsigned char>(data[index]);
  if (length > limits::metadata_bytes) {
    blame.fail("its header has " + std::to_string(length) + " bytes, at most " +
               std::to_string(limits::metadata_bytes) + " are accepted");
  }
  if (length > data.size() - length_bytes) blame.fail("it is truncated");
  return static_cast<std::size_t>(length);
}

Place place_of(const std::string& name, const Json& value, std::size_t room, const Blame& blame) {
  const Fields fields(value, blame.inside(name));
  const std::string dtype = fields.choice("dtype", {"U8", "F16", "F32"});
  const std::vector<std::int64_t> shape = fields.integers("shape"), offsets = fields.integers("data_offsets");
  if (shape.size() != 1)
    fields.blame().fail("it should be a vector, found " + std::to_string(shape.size()) + " dimensions");
  const Dtype kind = dtype == "U8" ? Dtype::uint8 : dtype == "F16" ? Dtype::float16 : Dtype::float32;
  const bool ordered = offsets.size() == 2 && offsets[0] >= 0 && offsets[1] >= offsets[0];
  if (!ordered || static_cast<std::uint64_t>(offsets[1]) > room) fields.blame().fail("its place is not in the file");
  const std::uint64_t bytes = static_cast<std::uint64_t>(offsets[1] - offsets[0]);
  if (shape[0] < 0 || bytes % size_of(kind) != 0 || static_cast<std::uint64_t>(shape[0]) != bytes / size_of(kind)) {
    fields.blame().fail("its shape and its place do not agree");
  }
  return {static_cast<std::size_t>(offsets[0]), static_cast<std::size_t>(offsets[1]), name, kind};
}

}  // namespace

const char* name_of(Dtype dtype) {
  return dtype == Dtype::uint8 ? "uint8" : dtype == Dtype::float16 ? "float16" : "float32";
}

std::vector<float> Stored::floats() const {
  std::vector<float> found(size());
  for (std::size_t index = 0; index < found.size(); ++index) {
    const std::uint8_t* number = bytes.data() + index * size_of(dtype);
    if (dtype == Dtype::float16) {
      found[index] = from_float16(static_cast<std::uint16_t>(number[0] | (number[1] << 8)));
    } else if (dtype == Dtype::float32) {
      std::memcpy(&found[index], number, sizeof(float));
    } else {
      found[index] = number[0];
    }
  }
  return found;
}

Safetensors parse_safetensors(std::string_view data, const Blame& blame) {
  const std::size_t length = header_size(data, blame);
  const std::string_view header = data.substr(length_bytes, length), body = data.substr(length_bytes + length);
  if (header.empty() || header.front() != '{') blame.fail("its header is not an object");
  const Json document = parse_json(header, blame);
  const Fields fields(document, blame);
  Safetensors found;
  std::vector<Place> places;
  for (const auto& [name, value] : document.items()) {
    if (name == "__metadata__") {
      found.metadata = fields.string_map("__metadata__");
    } else {
      places.push_back(place_of(name, value, body.size(), blame));
    }
  }
  const auto earlier = [](const Place& one, const Place& two) {
    return std::pair{one.begin, one.end} < std::pair{two.begin, two.end};
  };
  std::sort(places.begin(), places.end(), earlier);
  std::size_t end = 0;
  for (const Place& place : places) {
    if (place.begin != end) blame.fail("its tensors overlap or leave gaps");
    end = place.end;
  }
  if (end != body.size()) blame.fail("its tensors do not fill the file");
  for (const Place& place : places) {
    const std::string_view part = body.substr(place.begin, place.end - place.begin);
    found.tensors[place.name] = {place.dtype, {part.begin(), part.end()}};
  }
  return found;
}

}  // namespace bitfit
