#include "pack_encoding.hpp"

#include <zlib.h>

#include <algorithm>
#include <cmath>

#include "error.hpp"
#include "limits.hpp"

namespace bitfit {
namespace {

// Numbers of all groups, end to end. A coded number is code × scale, rounded to float32.
std::vector<float> decode_groups(const Pack& pack, const std::string& name, const std::vector<std::size_t>& sizes,
                                 const Blame& blame) {
  const Stored& stored = pack.tensors.at(name);
  std::size_t size = 0;
  for (const std::size_t one : sizes) size += one;
  if (!is_coded(pack.info.encoding)) {
    if (stored.size() != size) {
      blame.fail(name + " should have " + std::to_string(size) + " elements for this base, found " +
                 std::to_string(stored.size()));
    }
    return stored.floats();
  }
  const std::vector<float> scales = pack.tensors.at(name + ".scale").floats();
  if (scales.size() != sizes.size()) {
    blame.fail(name + ".scale should have " + std::to_string(sizes.size()) + " elements, found " +
               std::to_string(scales.size()));
  }
  const std::vector<std::int8_t> codes = inflate_codes(stored.bytes, size, blame.inside(name));
  std::vector<float> found(size);
  std::size_t place = 0;
  for (std::size_t group = 0; group < sizes.size(); ++group) {
    for (std::size_t index = 0; index < sizes[group]; ++index, ++place) {
      found[place] = static_cast<float>(codes[place]) * scales[group];
    }
  }
  return found;
}

void check_finite(const std::vector<float>& numbers, const char* name, const Blame& blame) {
  const bool finite = std::all_of(numbers.begin(), numbers.end(), [](float number) { return std::isfinite(number); });
  if (!finite) blame.fail(std::string(name) + " holds a value that is not finite");
}

void check_base(const PackInfo& info, const Manifest& base, const std::string& where) {
  const auto mismatch = [&](const std::string& problem) {
    fail(BITFIT_PACK_MISMATCH, where + " " + problem + "; train it on this base, or load the other one");
  };
  if (info.base != base.digest()) {
    mismatch("was made for base " + info.base_name + " (" + info.base.substr(0, 19) + "…), this base is " + base.name +
             " (" + base.digest().substr(0, 19) + "…)");
  }
  if (info.tokenizer && *info.tokenizer != base.tokenizer_digest()) {
    mismatch("was made with another tokenizer (" + info.tokenizer->substr(0, 19) + "…) than that of base " + base.name);
  }
  if (info.pooling != base.pooling) mismatch("pools by " + info.pooling + ", the base by " + base.pooling);
  if (info.max_length > base.max_length) {
    mismatch("takes " + std::to_string(info.max_length) + " tokens, the base at most " +
             std::to_string(base.max_length));
  }
  if (info.from_layer > base.layers()) {
    mismatch("begins at layer " + std::to_string(info.from_layer) + ", the base has " + std::to_string(base.layers()));
  }
}

void check_terms(const PackInfo& info, const Manifest& base, const Blame& blame) {
  for (const std::string& term : info.terms) {
    const bool known =
        std::any_of(base.biases.begin(), base.biases.end(), [&](const BiasSpec& spec) { return spec.term == term; });
    if (!known) blame.fail("it holds bias term " + in_quotes(term) + ", which the base lacks");
  }
}

void decode_biases(const Pack& pack, const Manifest& base, const Defaults& defaults, const Blame& blame,
                   DecodedPack& into) {
  const std::vector<BiasSpec> specs = pack.info.biases(base);
  if (specs.empty()) return;
  std::vector<std::size_t> sizes;
  for (const BiasSpec& spec : specs) sizes.push_back(spec.size);
  const std::vector<float> deltas = decode_groups(pack, "biases", sizes, blame);
  auto delta = deltas.begin();
  for (const BiasSpec& spec : specs) {
    std::vector<float> bias = defaults.at(spec.name);
    for (float& number : bias) number = *delta++ + number;
    check_finite(bias, "biases", blame);
    into.biases[spec.name] = std::move(bias);
  }
}

void decode_head(const Pack& pack, std::size_t hidden, const Blame& blame, DecodedPack& into) {
  const std::size_t labels = pack.info.labels.size();
  const std::vector<float> weight = decode_groups(pack, head_weight, std::vector<std::size_t>(labels, hidden), blame);
  check_finite(weight, head_weight, blame);
  into.head_weight.resize(weight.size());
  for (std::size_t label = 0; label < labels; ++label) {
    for (std::size_t index = 0; index < hidden; ++index) {
      into.head_weight[index * labels + label] = weight[label * hidden + index];
    }
  }
  into.head_bias = pack.tensors.at(head_bias).floats();
}

// Class centres: codes at length 1, in float32; one without any code is 0.
std::vector<float> decode_centres(const Pack& pack, std::size_t hidden, const Blame& blame) {
  const std::size_t labels = pack.info.labels.size(),
                    width = pack.info.decisions->outliers->of_pooled ? hidden : labels;
  if (width > limits::centre_codes / labels) {
    blame.fail("it has " + std::to_string(labels) + " class centres of " + std::to_string(width) +
               " numbers, at most " + std::to_string(limits::centre_codes) + " codes are accepted");
  }
  const auto codes =
      inflate_codes(pack.tensors.at("outlier.centres").bytes, labels * width, blame.inside("outlier.centres"));
  std::vector<float> found(codes.size());
  for (std::size_t label = 0; label < labels; ++label) {
    std::int64_t squares = 0;
    for (std::size_t index = 0; index < width; ++index)
      squares += codes[label * width + index] * codes[label * width + index];
    const float length = squares > 0 ? std::sqrt(static_cast<float>(squares)) : 1.0F;
    for (std::size_t index = 0; index < width; ++index) {
      found[label * width + index] = static_cast<float>(codes[label * width + index]) / length;
    }
  }
  return found;
}

}  // namespace

std::size_t DecodedPack::bytes() const {
  std::size_t numbers = head_weight.size() + head_bias.size() + centres.size() + transitions.size();
  for (const auto& [name, bias] : biases) numbers += bias.size();
  return numbers * sizeof(float);
}

bool is_coded(const std::string& encoding) { return encoding.compare(0, 3, "int") == 0; }

DecodedPack decode(const Pack& pack, const Manifest& base, const Defaults& defaults) {
  const PackInfo& info = pack.info;
  const std::string where = "pack " + in_quotes(info.task);
  const Blame blame{BITFIT_PACK_FORMAT, where, "train it again"};
  check_base(info, base, where);
  check_terms(info, base, blame);
  DecodedPack found;
  decode_biases(pack, base, defaults, blame, found);
  if (info.type->has_head()) decode_head(pack, base.hidden_size, blame, found);
  if (info.decisions && info.decisions->outliers) found.centres = decode_centres(pack, base.hidden_size, blame);
  const std::size_t labels = info.labels.size();
  if (info.transitions == Transitions::legal) found.transitions.assign((labels + 1) * labels, 0);
  if (info.transitions == Transitions::learned) found.transitions = pack.tensors.at("transitions").floats();
  return found;
}

std::vector<std::int8_t> inflate_codes(const std::vector<std::uint8_t>& stream, std::size_t size, const Blame& blame) {
  std::vector<std::int8_t> found(size + 1);  // one more than expected, to notice a longer stream
  z_stream state{};
  if (inflateInit2(&state, -15) != Z_OK) throw std::bad_alloc();
  state.next_in = const_cast<std::uint8_t*>(stream.data());
  state.avail_in = static_cast<uInt>(stream.size());
  state.next_out = reinterpret_cast<std::uint8_t*>(found.data());
  state.avail_out = static_cast<uInt>(found.size());
  const int result = inflate(&state, Z_FINISH);
  const bool whole = result == Z_STREAM_END && state.avail_in == 0 && state.avail_out == 1;
  inflateEnd(&state);
  if (!whole) blame.fail("it should inflate to " + std::to_string(size) + " codes for this base, found another stream");
  found.resize(size);
  return found;
}

}  // namespace bitfit
