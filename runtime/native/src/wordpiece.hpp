// WordPiece: from a text to the ids of its tokens and the characters that each stands for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "char_table.hpp"

namespace bitfit {

// A token: its id, and the code points of the text that it stands for.
struct Token {
  std::int32_t id;
  std::uint32_t start, end;
};

struct AddedToken {
  std::u32string content;
  std::int32_t id;
};

// What a `tokenizer.json` says of its model.
struct Vocabulary {
  std::unordered_map<std::string, std::int32_t> ids;
  std::int32_t unknown = 0;
  std::string inside;             // what stands before tokens within a word
  std::size_t longest_word = 0;   // in characters
  std::size_t longest_token = 0;  // in bytes
  std::vector<AddedToken> added;  // the longest first
};

class WordPiece {
 public:
  WordPiece(Vocabulary vocabulary, const CharTable& table);

  // The tokens of a text, without special ones around it.
  std::vector<Token> tokens(std::u32string_view text) const;
  const CharTable& table() const { return *table_; }

 private:
  // A character of the normalized text and the one it was; of a removed one only the place in the order is left.
  struct Part {
    char32_t code;
    std::uint32_t origin;
    bool removed, alone, added;
    std::uint32_t combining;
  };

  const AddedToken* added_at(std::u32string_view text, std::size_t place) const;
  void append_piece(std::u32string_view text, std::size_t start, std::size_t end, std::vector<Token>& into) const;
  std::vector<Part> normalized(std::u32string_view text, std::size_t start, std::size_t end) const;
  void append_changed(char32_t code, std::uint32_t origin, std::vector<Part>& into) const;
  static void order_marks(std::vector<Part>& parts, std::size_t begin);
  void append_word(const Part* word, std::size_t size, std::vector<Token>& into) const;

  Vocabulary vocabulary_;
  const CharTable* table_;
};

}  // namespace bitfit
