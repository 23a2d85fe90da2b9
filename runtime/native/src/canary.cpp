// Canaries: whether a pack computes here what it computed where it was published.
#include <cstring>

#include "engine.hpp"
#include "error.hpp"
#include "self_test.hpp"

namespace bitfit {

std::vector<float> Engine::canary_answers(const PackPointer& pack, const Canary& canary) {
  std::vector<Asked> asked;
  for (const auto& [text, pair] : canary.texts) {
    asked.push_back(ask({std::nullopt, text, pair}, pack, pack->pack.info.type->output, false));
  }
  std::vector<float> found;
  for (const Result& result : run(asked))
    found.insert(found.end(), result.values.numbers.begin(), result.values.numbers.end());
  return found;
}

void Engine::check_canary(std::string_view data) {
  const auto pack = std::make_shared<const InstalledPack>(parse_pack(data, "pack"));
  if (!pack->pack.canary) {
    decode(pack->pack, base_.manifest, base_.defaults);
    return;
  }
  const Canary& canary = *pack->pack.canary;
  const std::string where = "pack " + in_quotes(pack->pack.info.task);
  const std::vector<float> found = canary_answers(pack, canary);
  cache_->drop(pack);
  if (found.size() != canary.expected.size()) {
    fail(BITFIT_CANARY, where + " gives " + std::to_string(found.size()) + " numbers for its canary, expected " +
                            std::to_string(canary.expected.size()) + "; publish it again");
  }
  const std::size_t size = found.size();
  if (std::memcmp(found.data(), canary.expected.data(), size * sizeof(float)) == 0) return;
  if (canary.kernels == kernels()) {
    fail(BITFIT_CANARY,
         where + " does not answer its canary to the bit, although on the kernels that made it; publish it again");
  }
  const double off = distance(found.data(), canary.expected.data(), size);
  const double allowed = base_.manifest.self_test.tolerance * length(canary.expected.data(), size);
  if (off <= allowed) return;
  fail(BITFIT_CANARY, where + " answers its canary " + std::to_string(off) +
                          " away from what its publisher found, on other kernels at most " + std::to_string(allowed) +
                          " is accepted; publish it again, or check this machine by the full self-test");
}

}  // namespace bitfit
