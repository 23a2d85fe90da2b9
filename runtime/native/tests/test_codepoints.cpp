// What every character becomes, and its kind, by digests of blocks: `test_codepoints VECTORS`.
#include "files.hpp"
#include "support.hpp"
#include "utf8.hpp"

using namespace bitfit_tests;

namespace {

constexpr char32_t codes = 0x110000;
constexpr std::size_t digits = 8;

bool is_surrogate(char32_t code) { return code >= 0xD800 && code <= 0xDFFF; }

void append(std::string& data, std::int32_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    data.push_back(static_cast<char>(static_cast<std::uint32_t>(number) >> shift));
}

char letter_of(bitfit::Kind kind) {
  switch (kind) {
    case bitfit::Kind::hidden:
      return '-';
    case bitfit::Kind::letter:
      return 'w';
    case bitfit::Kind::alone:
      return 'c';
    case bitfit::Kind::space:
      return ' ';
    case bitfit::Kind::accent:
      return 'm';
    default:
      return '.';
  }
}

// Compare the digest of each block of code points with the vectors', `data_of` giving what is hashed of one.
template <typename DataOf>
void check_blocks(const std::string& expected, char32_t block, const std::string& what, DataOf data_of) {
  for (char32_t first = 0; first < codes; first += block) {
    std::string data;
    for (char32_t code = first; code < first + block; ++code) {
      if (!is_surrogate(code)) data += data_of(code);
    }
    const std::string found = bitfit::digest(data).substr(0, digits);
    check(found == expected.substr(first / block * digits, digits),
          what + " of the block from " + std::to_string(first));
  }
}

}  // namespace

int main(int, char** arguments) {
  const json vectors = read_vectors(arguments[1], "codepoints");
  const char32_t block = vectors.at("block").get<std::uint32_t>();
  for (const auto& [name, expected] : vectors.at("tokenizers").items()) {
    const bitfit::Tokenizer& tokenizer = tokenizer_of(arguments[1], name);
    check_blocks(expected, block, name, [&](char32_t code) {
      std::string data;
      for (const bitfit::Token& token : tokenizer.model().tokens(std::u32string{U'a', code, U'b'})) {
        append(data, token.id);
        append(data, static_cast<std::int32_t>(token.start));
        append(data, static_cast<std::int32_t>(token.end));
      }
      append(data, -1);
      return data;
    });
  }
  for (const bitfit::CharTable* table : {&bitfit::uncased_table(), &bitfit::cased_table()}) {
    check_blocks(vectors.at("kinds"), block, "kinds",
                 [&](char32_t code) { return std::string(1, letter_of(table->kind(code))); });
  }
  return finish("codepoints");
}
