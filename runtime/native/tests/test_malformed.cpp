// Malformed packs and manifests, all of which are refused in one line: `test_malformed VECTORS`.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "bitfit.h"
#include "support.hpp"

using namespace bitfit_tests;
namespace fs = std::filesystem;

namespace {

std::string from_base64(const std::string& text) {
  static const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string found;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char letter : text) {
    if (letter == '=') break;
    bits = (bits << 6) | static_cast<std::uint32_t>(alphabet.find(letter));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    found.push_back(static_cast<char>(bits >> count));
  }
  return found;
}

std::string data_of(const json& one) {
  if (one.contains("text")) return text_of(one.at("text"));
  return from_base64(one.at("data")) + std::string(one.value("zeros", std::size_t{0}), '\0');
}

// The base of the vectors with another manifest, opened.
class OtherManifest {
 public:
  explicit OtherManifest(const std::string& base)
      : folder_(fs::temp_directory_path() / ("bitfit-malformed-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::copy(base, folder_);
  }
  ~OtherManifest() { fs::remove_all(folder_); }

  bitfit_status open(const std::string& manifest) const {
    std::ofstream(folder_ / "bitfit.json", std::ios::binary) << manifest;
    bitfit_engine* engine = nullptr;
    const bitfit_status found = bitfit_open(folder_.c_str(), nullptr, &engine);
    bitfit_close(engine);
    return found;
  }

 private:
  fs::path folder_;
};

bitfit_status status_of(const std::string& kind, const std::string& data, bitfit_engine* engine,
                        const OtherManifest& other) {
  if (kind == "manifest") return other.open(data);
  const bitfit_status installed = bitfit_install_bytes(engine, "task", data.data(), data.size(), nullptr);
  if (kind == "pack") return installed;
  check(installed == BITFIT_OK, "a pack whose canary fails can be installed");
  return bitfit_check_canary(engine, data.data(), data.size());
}

}  // namespace

int main(int, char** arguments) {
  const std::map<std::string, bitfit_status> statuses{
      {"BaseFormatError", BITFIT_BASE_FORMAT}, {"BaseIntegrityError", BITFIT_BASE_INTEGRITY},
      {"SelfTestError", BITFIT_SELF_TEST},     {"CanaryError", BITFIT_CANARY},
      {"PackFormatError", BITFIT_PACK_FORMAT}, {"PackMismatchError", BITFIT_PACK_MISMATCH}};
  const std::string base = std::string(arguments[1]) + "/base";
  const OtherManifest other(base);
  bitfit_engine* engine = nullptr;
  check(bitfit_open(base.c_str(), nullptr, &engine) == BITFIT_OK, bitfit_error());
  const json vectors = read_vectors(arguments[1], "malformed");
  for (const json& one : vectors.at("cases")) {
    const std::string data = data_of(one), name = one.at("name"), error = one.at("error");
    const bitfit_status found = status_of(one.at("of"), data, engine, other);
    check(statuses.count(error) != 0 && found == statuses.at(error),
          name + ": status " + std::to_string(found) + " for " + error + ", " + one.at("why").dump() + bitfit_error());
  }
  bitfit_close(engine);
  return finish("malformed");
}
