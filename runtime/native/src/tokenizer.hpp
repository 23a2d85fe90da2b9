// Tokenization: from texts to windows of token ids, as the base's model expects them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "windows.hpp"

namespace bitfit {

class Tokenizer {
 public:
  explicit Tokenizer(TokenizerFile file) : file_(std::move(file)) {}

  // Tokenize a text, or a pair, in windows, to its own limit.
  WindowedText tokenize(std::u32string_view text, const std::u32string* pair, const Limit& limit) const;
  const CharTable& table() const { return file_.model.table(); }
  const WordPiece& model() const { return file_.model; }

 private:
  SideTokens encode(std::u32string_view text, std::size_t room) const;

  TokenizerFile file_;
};

}  // namespace bitfit
