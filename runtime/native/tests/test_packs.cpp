// Packs of every task type and encoding: decoded to the same bits, and answered by the engine: `test_packs VECTORS`.
#include <cstring>

#include "engine.hpp"
#include "error.hpp"
#include "files.hpp"
#include "self_test.hpp"
#include "support.hpp"
#include "utf8.hpp"

using namespace bitfit_tests;

namespace {

// Logits as vectors have them, or the vector of an embedding.
std::vector<bitfit::RowAnswer> run(bitfit::Engine& engine, const bitfit::PackInfo& info, const bitfit::Row& row) {
  return engine.outputs({row}, info.type->has_head() ? BITFIT_LOGITS : BITFIT_POOLED);
}

std::string digest_of(const std::vector<float>& numbers) {
  return bitfit::digest({reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)});
}

void check_tensors(const json& expected, const bitfit::Pack& pack, const bitfit::Base& base, const std::string& what) {
  const bitfit::DecodedPack decoded = bitfit::decode(pack, base.manifest, base.defaults);
  std::vector<float> biases;
  for (const bitfit::BiasSpec& spec : pack.info.biases(base.manifest)) {
    biases.insert(biases.end(), decoded.biases.at(spec.name).begin(), decoded.biases.at(spec.name).end());
  }
  if (expected.contains("biases")) check(digest_of(biases) == expected.at("biases"), what + ": biases");
  if (expected.contains("head.weight"))
    check(digest_of(decoded.head_weight) == expected.at("head.weight"), what + ": head.weight");
  if (expected.contains("head.bias"))
    check(digest_of(decoded.head_bias) == expected.at("head.bias"), what + ": head.bias");
  if (expected.contains("transitions"))
    check(digest_of(decoded.transitions) == expected.at("transitions"), what + ": transitions");
  if (!expected.contains("outlier.centres")) return;
  std::size_t place = 0;
  for (const json& row : expected.at("outlier.centres")) {
    for (const json& number : row)
      check(is_close(double{decoded.centres.at(place++)}, number, 1e-6), what + ": centres");
  }
}

class Comparison {
 public:
  Comparison(const std::string& folder, const json& vectors)
      : folder_(folder),
        engine_(folder + "/base", BITFIT_OPTIONS),
        base_(bitfit::Base::open(folder + "/base")),
        same_kernels_(engine_.kernels() == vectors.at("kernels")),
        bound_(vectors.at("bound")) {}

  void check_pack(const json& one) {
    const std::string name = one.at("name"), path = folder_ + "/" + one.at("file").get<std::string>(),
                      data = read_text(path);
    const bitfit::Pack pack = bitfit::parse_pack(data, path);
    check_tensors(one.at("tensors"), pack, base_, name);
    check(pack.canary.has_value() == one.at("canary").get<bool>(), name + ": canary");
    engine_.check_canary(data);
    engine_.install(name, data, path, one.at("sha256").get<std::string>().c_str());
    double squares = 0, whole = 0;
    for (const json& row : one.at("rows")) check_row(row, pack.info, name, squares, whole);
    check(std::sqrt(squares) <= bound_ * std::sqrt(whole), name + ": distance of all rows");
  }

  // Numbers that are not finite are no answer.
  void check_overflowing() {
    const std::string path = folder_ + "/overflowing.safetensors";
    engine_.install("overflowing", read_text(path), path, nullptr);
    bitfit_status status = BITFIT_OK;
    try {
      engine_.predict({{"overflowing", "Where is the lamp?", std::nullopt}});
    } catch (const bitfit::Error& error) {
      status = error.status();
    }
    check(status == BITFIT_PACK_FORMAT, "overflowing: refused as a pack that is not finite");
  }

  bool same_kernels() const { return same_kernels_; }

 private:
  void check_row(const json& row, const bitfit::PackInfo& info, const std::string& name, double& squares,
                 double& whole) {
    const std::string text = text_of(row.at("text")), pair = row.at("pair").is_null() ? "" : text_of(row.at("pair"));
    bitfit::Row own{name, text, std::nullopt};
    if (!row.at("pair").is_null()) own.pair = pair;
    const std::vector<float> found = run(engine_, info, own).front().answer.values.numbers,
                             expected = floats_of(row.at("values"));
    check(found.size() == expected.size(), name + ": number of values");
    if (found.size() != expected.size()) return;
    const double off = bitfit::distance(found.data(), expected.data(), found.size()),
                 size = bitfit::length(expected.data(), found.size());
    squares += off * off;
    whole += size * size;
    if (!same_kernels_) return;
    check(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) == 0,
          name + ": bits of " + text.substr(0, 60));
    const std::u32string searched = bitfit::decode_utf8(info.type->kind == BITFIT_SPAN && own.pair ? pair : text);
    check_answer(engine_.predict({own}).front().answer, row.at("answer"), info.labels, searched, 1e-9,
                 name + " " + text.substr(0, 60));
  }

  std::string folder_;
  bitfit::Engine engine_;
  bitfit::Base base_;
  bool same_kernels_;
  double bound_;
};

}  // namespace

int main(int, char** arguments) {
  const json vectors = read_vectors(arguments[1], "packs");
  Comparison comparison(arguments[1], vectors);
  for (const json& one : vectors.at("cases")) comparison.check_pack(one);
  comparison.check_overflowing();
  return finish(comparison.same_kernels() ? "packs, to the bit" : "packs, on other kernels");
}
