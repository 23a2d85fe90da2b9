// Answers of all task types from given outputs: `test_answers VECTORS`.
#include "support.hpp"
#include "utf8.hpp"

using namespace bitfit_tests;

namespace {

std::vector<float> optional_floats(const json& one, const char* name) {
  std::vector<float> found;
  if (!one.contains(name) || one.at(name).is_null()) return found;
  for (const json& row : one.at(name)) {
    const auto numbers = row.is_array() ? floats_of(row) : floats_of(json::array({row}));
    found.insert(found.end(), numbers.begin(), numbers.end());
  }
  return found;
}

std::vector<float> transitions_of(const json& one, const bitfit::PackInfo& info) {
  const std::size_t labels = info.labels.size();
  if (info.transitions == bitfit::Transitions::legal) return std::vector<float>((labels + 1) * labels, 0);
  return info.transitions == bitfit::Transitions::none ? std::vector<float>() : optional_floats(one, "scores");
}

void check_case(const json& one, const bitfit::Tokenizer& tokenizer) {
  const bitfit::PackInfo info = info_of(one.at("pack"));
  const std::u32string text = bitfit::decode_utf8(text_of(one.at("text")));
  const bool paired = !one.at("pair").is_null();
  const std::u32string pair = paired ? bitfit::decode_utf8(text_of(one.at("pair"))) : U"";
  const auto tokens = tokenizer.tokenize(text, paired ? &pair : nullptr, bitfit::Limit::of(info)).text;
  const std::vector<float> transitions = transitions_of(one, info), centres = optional_floats(one, "centres");
  const std::vector<std::size_t> shape = one.at("shape");
  bitfit::Values values{shape.size() == 2 ? shape[0] : 1, shape.back(), floats_of(one.at("values"))};
  const std::u32string& searched = paired && info.type->kind == BITFIT_SPAN ? pair : text;
  const bitfit::Answer found =
      bitfit::make_answer({&info, &transitions, &centres, &tokens, searched, paired, &tokenizer.table(),
                           std::move(values), optional_floats(one, "pooled")});
  const std::string what =
      std::string(info.type->name) + " " + one.at("text").dump().substr(0, 60) + one.at("pack").dump().substr(0, 200);
  check_answer(found, one.at("answer"), info.labels, searched, one.at("tolerance"), what);
}

}  // namespace

int main(int, char** arguments) {
  const std::string folder = arguments[1];
  const json answers = read_vectors(folder, "answers");
  for (const json& one : answers.at("cases")) check_case(one, tokenizer_of(folder, one.at("tokenizer")));
  return finish("answers");
}
