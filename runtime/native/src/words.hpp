// Words of a text: split by the text alone, the same way whatever the tokenizer.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "char_table.hpp"

namespace bitfit {

// Code points `start` to `end` (exclusive) of a text.
struct Characters {
  std::size_t start, end;
};

// A text with what is known of its characters.
class Words {
 public:
  Words(std::u32string_view text, const CharTable& table) : text_(text), table_(&table) {}

  // The words of characters `start` to `end`, in order, without invisible characters at their edges.
  std::vector<Characters> split(std::size_t start, std::size_t end) const;
  // Where the word ends that character `start` - 1 is in, so that a text can be cut there.
  std::size_t rest_of_word(std::size_t start) const;
  // Characters without white space and invisible ones around them.
  Characters visible(Characters piece) const;
  // Characters and the accents on the last, which a tokenizer may have taken off.
  Characters with_accents(Characters piece) const;
  // What a token stands for that covers several words: brackets, quotes and the marks of a sentence are left out.
  Characters without_marks(Characters piece) const;
  // What a token stands for: all of it, or `without_marks` where it covers several words.
  Characters own_characters(Characters piece) const;

 private:
  Kind kind(std::size_t place) const { return table_->kind(text_[place]); }
  std::size_t end_of_word(std::size_t place, std::size_t stop) const;
  bool is_initial(std::size_t start, std::size_t end) const;

  std::u32string_view text_;
  const CharTable* table_;
};

}  // namespace bitfit
