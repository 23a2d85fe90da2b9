#include "probes.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "session.hpp"

namespace bitfit {
namespace {

// An ONNX graph: y = MatMulInteger(a, b) with a = uint8 [[255, 255]] and b = int8 [[127], [127]]. Only ONNX Runtime
// knows which kernels it takes on this processor, and it has no means to build graphs; so here is one as bytes.
const char product_bytes[] =
    "\x08\x08:T\n\x18\n\x01"
    "a\n\x01"
    "b\x12\x01y\"\rMatMulInteger\x12\x05probe"
    "*\r\x08\x01\x08\x02\x10\x02"
    "B\x01"
    "aJ\x02\xff\xff*\r\x08\x02\x08\x01\x10\x03"
    "B\x01"
    "bJ\x02\x7f\x7f"
    "b\x13\n\x01y\x12\x0e\n\x0c\x08\x06\x12\x08\n\x02\x08\x01\n\x02\x08\x01"
    "B\x04\n\x00\x10\r";
constexpr std::int32_t exact_product = 2 * 255 * 127;  // an int16 ends at 32,767

// An ONNX graph: y = Softmax(x), over the last axis of two.
const char softmax_bytes[] =
    "\x08\x08::\n\x0f\n\x01x\x12\x01y\"\x07Softmax\x12\x05probe"
    "Z\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x00\n\x00"
    "b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x00\n\x00"
    "B\x04\n\x00\x10\r";
constexpr std::size_t widest = 32;

// Rows of 1 to 32 scores, then padding.
std::vector<float> scores_of(std::size_t width, const std::vector<float>& drawn) {
  std::vector<float> found(width * width, std::numeric_limits<float>::lowest());
  for (std::size_t row = 0; row < width; ++row) {
    std::copy_n(drawn.begin() + static_cast<std::ptrdiff_t>(row * widest), row + 1,
                found.begin() + static_cast<std::ptrdiff_t>(row * width));
  }
  return found;
}

// Whether the probabilities of these rows depend on the width.
bool differs(const Session& session, std::size_t width, const std::vector<float>& drawn, const float* expected) {
  const std::vector<float> scores = scores_of(width, drawn);
  const auto size = static_cast<std::int64_t>(width);
  const Output found = session.run({float_feed("x", {size, size}, scores)}, {"y"}).front();
  for (std::size_t row = 0; row < width; ++row) {
    if (std::memcmp(found.floats() + row * width, expected + row * widest, width * sizeof(float)) != 0) return true;
  }
  return false;
}

std::size_t measure_multiple() {
  const Session session = Session::of_bytes({softmax_bytes, sizeof softmax_bytes - 1});
  std::mt19937 generator(0);
  std::normal_distribution<float> normal(0, 2);
  std::vector<float> drawn(widest * widest);
  for (float& score : drawn) score = normal(generator);
  const std::vector<float> scores = scores_of(widest, drawn);
  const Output expected = session.run({float_feed("x", {widest, widest}, scores)}, {"y"}).front();
  std::size_t multiple = 1;
  for (std::size_t width = 1; width < widest; ++width) {
    while (width % multiple == 0 && differs(session, width, drawn, expected.floats())) multiple *= 2;
  }
  return multiple;
}

bool measure_products() {
  const Output found = Session::of_bytes({product_bytes, sizeof product_bytes - 1}).run({}, {"y"}).front();
  return *static_cast<const std::int32_t*>(found.data()) != exact_product;
}

}  // namespace

bool products_saturate() {
  static const bool found = measure_products();
  return found;
}

std::size_t padding_multiple() {
  static const std::size_t found = measure_multiple();
  return found;
}

std::size_t Padding::width(std::size_t length) const {
  return std::min((length + multiple - 1) / multiple * multiple, max_length);
}

bool Padding::fits(std::size_t length, std::size_t other) const {
  return other % multiple == 0 || other == width(length);
}

}  // namespace bitfit
