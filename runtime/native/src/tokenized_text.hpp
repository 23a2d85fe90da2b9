// A tokenized text: what is kept of it, the characters of its tokens, and its words.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer_file.hpp"
#include "words.hpp"

namespace bitfit {

// Items `start` to `stop` (exclusive).
struct Range {
  std::size_t start = 0, stop = 0;
  std::size_t size() const { return stop - start; }
};

// A token that shows, and its characters.
struct TokenSpan {
  std::size_t token;
  Characters characters;
};

// A word of a text, or several that share a token: its own token, and its characters.
struct Word {
  std::size_t token, start, end;
};

// One text, or one pair, as tokens with the model's special ones.
struct TokenizedText {
  std::vector<std::int32_t> ids;
  std::vector<std::uint8_t> types;
  std::vector<Characters> offsets;  // of special tokens 0 and 0
  std::array<Range, 2> sides;       // the tokens of the first and of the second text
  std::array<bool, 2> cut{};        // whether each has lost some

  std::size_t size() const { return ids.size(); }
  bool truncated() const { return cut[0] || cut[1]; }
  // Index and characters, without white space around them, of each token of a side; those of white space are left out.
  std::vector<TokenSpan> spans(std::u32string_view text, Side side, const CharTable& table) const;
  // The words of the first text that have a token of their own: the first that no other has.
  std::vector<Word> words(std::u32string_view text, const CharTable& table) const;
};

}  // namespace bitfit
