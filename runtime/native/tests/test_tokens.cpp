// Token ids, offsets, sides and words of the shared texts: `test_tokens VECTORS`.
#include "error.hpp"
#include "support.hpp"
#include "tokenizer_file.hpp"
#include "utf8.hpp"

using namespace bitfit_tests;

namespace {

void check_case(const json& one, const bitfit::Tokenizer& tokenizer) {
  const std::u32string text = bitfit::decode_utf8(text_of(one.at("text")));
  const bool paired = !one.at("pair").is_null();
  const std::u32string pair = paired ? bitfit::decode_utf8(text_of(one.at("pair"))) : U"";
  const auto found = tokenizer.tokenize(text, paired ? &pair : nullptr, {one.at("max_length").get<std::size_t>()}).text;
  const std::string what = one.at("tokenizer").get<std::string>() + " " + one.at("text").dump().substr(0, 120);
  check(found.ids == one.at("ids").get<std::vector<std::int32_t>>(), what + ": ids");
  check(found.types == one.at("type_ids").get<std::vector<std::uint8_t>>(), what + ": type ids");
  std::vector<std::vector<std::size_t>> offsets, words;
  for (const auto& characters : found.offsets) offsets.push_back({characters.start, characters.end});
  check(json(offsets) == one.at("offsets"), what + ": offsets");
  check(json(pairs_of({found.sides[0], found.sides[1]})) == one.at("sides"), what + ": sides");
  check(json(found.cut) == one.at("cut"), what + ": cut");
  for (const bitfit::Word& word : found.words(text, tokenizer.table()))
    words.push_back({word.token, word.start, word.end});
  check(json(words) == one.at("words"), what + ": words " + json(words).dump());
}

// A tokenizer of which the tables know too little is refused.
void check_refused(const json& one, json document) {
  document.update(one.at("replace"));
  document.at("model").update(one.at("model"));
  const std::string name = one.at("name").get<std::string>();
  try {
    bitfit::parse_tokenizer(document.dump(), name);
    check(false, name + " is refused");
  } catch (const bitfit::Error&) {
    check(true, name);
  }
}

}  // namespace

int main(int, char** arguments) {
  const json tokens = read_vectors(arguments[1], "tokens");
  for (const json& one : tokens.at("cases")) check_case(one, tokenizer_of(arguments[1], one.at("tokenizer")));
  const json uncased = json::parse(read_text(std::string(arguments[1]) + "/tokenizers/uncased.json"));
  const json unsupported = read_vectors(arguments[1], "unsupported");
  for (const json& one : unsupported.at("cases")) check_refused(one, uncased);
  return finish("tokens");
}
