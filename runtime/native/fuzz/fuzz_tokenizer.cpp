// Tokenizers and texts of any bytes. What comes before the first zero is a `tokenizer.json`, if it is not empty; the
// rest is a text for it, or for the tokenizer of the vectors.
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "error.hpp"
#include "tokenizer.hpp"
#include "utf8.hpp"

namespace {

bitfit::Tokenizer known_tokenizer() {
  std::ostringstream text;
  text << std::ifstream(BITFIT_FUZZ_BASE "/tokenizer.json").rdbuf();
  return bitfit::Tokenizer(bitfit::parse_tokenizer(text.str(), "tokenizer.json"));
}

// Every token and every word stands for characters of the text.
void tokenize(const bitfit::Tokenizer& tokenizer, const std::u32string& text) {
  const auto found = tokenizer.tokenize(text, &text, {16, 4, 3, bitfit::Searched::longer});
  for (const bitfit::Characters& characters : found.text.offsets) {
    if (characters.start > characters.end || characters.end > text.size()) std::abort();
  }
  for (const bitfit::Word& word : found.text.words(text, tokenizer.table())) {
    if (word.start >= word.end || word.end > text.size() || word.token >= found.text.size()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bitfit::Tokenizer known = known_tokenizer();
  const std::string_view whole(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(whole.find('\0'), whole.size());
  const std::string_view rest = whole.substr(std::min(end + 1, size));
  try {
    const std::u32string text = bitfit::decode_utf8(end > 0 && rest.empty() ? whole : rest);
    tokenize(known, text);
    tokenize(bitfit::Tokenizer(bitfit::parse_tokenizer(whole.substr(0, end), "tokenizer.json")), text);
  } catch (const bitfit::Error& error) {
    const bitfit_status status = error.status();
    if (status != BITFIT_BASE_FORMAT && status != BITFIT_UNSUPPORTED && status != BITFIT_INPUT) std::abort();
  }
  return 0;
}
