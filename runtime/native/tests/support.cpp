#include "support.hpp"

#include <cstdlib>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "utf8.hpp"

namespace bitfit_tests {
namespace {

constexpr int most_shown = 10;
int passes = 0, failures = 0;

}  // namespace

void check(bool passed, const std::string& what) {
  if (passed) {
    ++passes;
  } else if (++failures <= most_shown) {
    std::cerr << "failed: " << what << '\n';
  }
}

int finish(const char* name) {
  std::cout << name << ": " << passes << " of " << passes + failures << " checks passed\n";
  return failures == 0 && passes > 0 ? 0 : 1;
}

json read_vectors(const std::string& folder, const std::string& name) {
  const char* here = name == "packs" ? std::getenv("BITFIT_PACK_VECTORS") : nullptr;  // those of this machine
  const std::string path = here != nullptr ? here : folder + "/" + name + ".json.gz";
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot read " + path);
  std::string text(1 << 16, '\0'), whole;
  for (int got = 0; (got = gzread(file, text.data(), static_cast<unsigned>(text.size()))) > 0;)
    whole.append(text, 0, static_cast<std::size_t>(got));
  gzclose(file);
  return json::parse(whole);
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string text_of(const json& text) {
  if (text.is_string()) return text.get<std::string>();
  std::string found;
  for (const json& part : text.at("repeat")) {
    for (int time = part.at(1).get<int>(); time > 0; --time) found += part.at(0).get<std::string>();
  }
  return found;
}

const bitfit::Tokenizer& tokenizer_of(const std::string& folder, const std::string& name) {
  static std::map<std::string, bitfit::Tokenizer> known;
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  const std::string path = folder + "/tokenizers/" + name + ".json";
  return known.emplace(name, bitfit::Tokenizer(bitfit::parse_tokenizer(read_text(path), path))).first->second;
}

std::vector<float> floats_of(const json& numbers) {
  std::vector<float> found;
  for (const json& number : numbers) found.push_back(static_cast<float>(number.get<double>()));
  return found;
}

std::vector<std::vector<std::size_t>> pairs_of(const std::vector<bitfit::Range>& ranges) {
  std::vector<std::vector<std::size_t>> found;
  for (const bitfit::Range& range : ranges) found.push_back({range.start, range.stop});
  return found;
}

bitfit::Windows windows_of(const json& windows) {
  return {windows.at("join"), windows.at("overlap"), windows.at("max_windows")};
}

bitfit::PackInfo info_of(const json& pack) {
  bitfit::PackInfo info;
  const auto& types = bitfit::task_types();
  info.type =
      &*std::find_if(types.begin(), types.end(), [&](const auto& type) { return pack.at("task_type") == type.name; });
  info.labels = pack.value("labels", std::vector<std::string>());
  info.max_length = pack.value("max_length", std::size_t{0});
  if (!pack.value("first_version", false)) info.tokenizer = "";
  if (pack.contains("windows") && !pack.at("windows").is_null()) info.windows = windows_of(pack.at("windows"));
  if (pack.contains("words")) info.words_by_mean = pack.at("words") == "mean";
  if (pack.contains("transitions")) {
    info.transitions = pack.at("transitions") == "legal" ? bitfit::Transitions::legal : bitfit::Transitions::learned;
  }
  if (pack.contains("decisions") && !pack.at("decisions").is_null()) {
    const bitfit::Blame blame{BITFIT_PACK_FORMAT, "vectors", "look at them"};
    info.decisions = bitfit::parse_decisions({pack.at("decisions"), blame}, *info.type, info.labels.size());
  }
  return info;
}

bool is_close(double found, double expected, double tolerance) {
  return std::fabs(found - expected) <= tolerance * std::max(1.0, std::fabs(expected));
}

namespace {

void check_pieces(const bitfit::Answer& found, const json& expected, const std::u32string& text, double tolerance,
                  const std::string& what) {
  const bool entities = expected.contains("entities");
  const json wanted = entities ? expected.at("entities") : json::array({expected});
  check(found.pieces.size() == wanted.size(), what + ": pieces " + std::to_string(found.pieces.size()));
  for (std::size_t index = 0; index < std::min(found.pieces.size(), wanted.size()); ++index) {
    const bitfit::Piece& piece = found.pieces[index];
    const json& one = wanted[index];
    std::string own;
    for (std::size_t place = piece.characters.start; place < piece.characters.end; ++place)
      bitfit::append_utf8(own, text[place]);
    const bool same = piece.characters.start == one.at("start") && piece.characters.end == one.at("end") &&
                      own == one.at("text") && (!entities || found.names[*piece.name] == one.at("label"));
    check(same, what + ": piece " + own + " for " + one.dump());
    check(is_close(piece.probability, one.at("probability"), tolerance), what + ": probability of " + own);
  }
}

void check_optional(const json& expected, const char* name, bool present, double found, double tolerance,
                    const std::string& what) {
  if (!expected.contains(name)) return;
  const json& one = expected.at(name);
  const double wanted = one.is_boolean() ? one.get<bool>() : one.is_null() ? 0 : one.get<double>();
  check(one.is_null() != present && (!present || is_close(found, wanted, tolerance)),
        what + ": " + name + " should be " + one.dump());
}

}  // namespace

void check_answer(const bitfit::Answer& found, const json& expected, const std::vector<std::string>& labels,
                  const std::u32string& text, double tolerance, const std::string& what) {
  check(found.truncated == expected.at("truncated").get<bool>(), what + ": truncated");
  check_optional(expected, "accepted", found.accepted >= 0, found.accepted, tolerance, what);
  check_optional(expected, "outlier", found.outlier.has_value(), found.outlier.value_or(0), tolerance, what);
  if (expected.contains("label")) check(labels.at(found.best) == expected.at("label"), what + ": label");
  if (expected.contains("probabilities")) {
    const json& wanted = expected.at("probabilities");
    check(found.probabilities.size() == wanted.size(), what + ": number of probabilities");
    for (std::size_t index = 0; index < labels.size(); ++index) {
      const json& one = wanted.is_object() ? wanted.at(labels[index]) : wanted.at(index);
      check(is_close(found.probabilities.at(index), one, tolerance), what + ": probability of " + labels[index]);
    }
  }
  if (expected.contains("chosen")) {
    json chosen = json::array();
    for (std::size_t index = 0; index < labels.size(); ++index) {
      if (found.chosen.at(index) != 0) chosen.push_back(labels[index]);
    }
    check(chosen == expected.at("chosen"), what + ": chosen " + chosen.dump());
  }
  if (expected.contains("value")) check(is_close(found.value, expected.at("value"), tolerance), what + ": value");
  if (expected.contains("vector")) {
    check(found.values.numbers.size() == expected.at("vector").size(), what + ": size of the vector");
    for (std::size_t index = 0; index < found.values.numbers.size(); ++index) {
      const auto wanted = static_cast<float>(expected.at("vector").at(index).get<double>());
      check(found.values.numbers[index] == wanted, what + ": vector");
    }
  }
  if (expected.contains("entities") || expected.contains("start")) check_pieces(found, expected, text, tolerance, what);
}

}  // namespace bitfit_tests
