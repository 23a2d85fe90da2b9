#include "feeds.hpp"

#include <algorithm>

#include "limits.hpp"

namespace bitfit {
namespace {

std::int64_t signed_size(std::size_t size) { return static_cast<std::int64_t>(size); }

bool all_same(const std::vector<const DecodedPack*>& packs) {
  return std::all_of(packs.begin(), packs.end(), [&](const DecodedPack* pack) { return pack == packs[0]; });
}

}  // namespace

void Feeds::add_tokens(const std::vector<const TokenizedText*>& texts, std::size_t width) {
  const std::vector<std::int64_t> shape{signed_size(texts.size()), signed_size(width)};
  for (const std::string& name : base_->manifest.inputs) {
    const bool ids = name == input_ids, types = name == token_type_ids;
    std::vector<std::int64_t> numbers(texts.size() * width, ids ? base_->manifest.pad_token_id : 0);
    for (std::size_t row = 0; row < texts.size(); ++row) {
      for (std::size_t token = 0; token < texts[row]->size(); ++token) {
        numbers[row * width + token] = ids ? texts[row]->ids[token] : types ? texts[row]->types[token] : 1;
      }
    }
    add_integers(name.c_str(), shape, std::move(numbers));
  }
}

void Feeds::add_packs(const std::vector<const DecodedPack*>& packs, const std::vector<std::size_t>& labels) {
  for (const BiasSpec& spec : base_->manifest.biases) add_bias(spec, packs);
  add_heads(packs, labels);
}

void Feeds::add_bias(const BiasSpec& spec, const std::vector<const DecodedPack*>& packs) {
  const auto own_of = [&](const DecodedPack* pack) -> const std::vector<float>* {
    if (pack == nullptr) return nullptr;
    const auto found = pack->biases.find(spec.name);
    return found == pack->biases.end() ? nullptr : &found->second;
  };
  const auto size = signed_size(spec.size);
  if (all_same(packs)) {
    if (const auto* own = own_of(packs[0])) feeds_.push_back(float_feed(spec.name, {1, 1, size}, *own));
    return;
  }
  if (std::all_of(packs.begin(), packs.end(), [&](const DecodedPack* pack) { return own_of(pack) == nullptr; })) return;
  std::vector<float> stacked;
  stacked.reserve(packs.size() * spec.size);
  for (const DecodedPack* pack : packs) {
    const auto* own = own_of(pack);
    const std::vector<float>& bias = own == nullptr ? base_->defaults.at(spec.name) : *own;
    stacked.insert(stacked.end(), bias.begin(), bias.end());
  }
  add_floats(spec.name, {signed_size(packs.size()), 1, size}, std::move(stacked));
}

void Feeds::add_heads(const std::vector<const DecodedPack*>& packs, const std::vector<std::size_t>& labels) {
  const std::size_t hidden = base_->manifest.hidden_size, most = *std::max_element(labels.begin(), labels.end());
  if (most == 0) return;
  const auto width = signed_size(hidden), count = signed_size(most);
  const bool one =
      all_same(packs) && std::all_of(labels.begin(), labels.end(), [&](std::size_t own) { return own == most; });
  if (one) {
    feeds_.push_back(float_feed(head_weight, {1, width, count}, packs[0]->head_weight));
    feeds_.push_back(float_feed(head_bias, {1, 1, count}, packs[0]->head_bias));
    return;
  }
  std::vector<float> weights(packs.size() * hidden * most, 0), biases(packs.size() * most, 0);
  for (std::size_t row = 0; row < packs.size(); ++row) {
    const std::size_t own = labels[row];
    if (own == 0) continue;
    for (std::size_t index = 0; index < hidden; ++index) {
      std::copy_n(packs[row]->head_weight.data() + index * own, own, weights.data() + (row * hidden + index) * most);
    }
    std::copy_n(packs[row]->head_bias.data(), own, biases.data() + row * most);
  }
  const auto rows = signed_size(packs.size());
  add_floats(head_weight, {rows, width, count}, std::move(weights));
  add_floats(head_bias, {rows, 1, count}, std::move(biases));
}

void Feeds::add_integers(const char* name, std::vector<std::int64_t> shape, std::vector<std::int64_t> numbers) {
  integers_.push_back(std::move(numbers));
  feeds_.push_back(integer_feed(name, std::move(shape), integers_.back()));
}

void Feeds::add_floats(const std::string& name, std::vector<std::int64_t> shape, std::vector<float> numbers) {
  floats_.push_back(std::move(numbers));
  feeds_.push_back(float_feed(name, std::move(shape), floats_.back()));
}

}  // namespace bitfit
