// Heads of long texts: as much of a text as surely holds the tokens that are kept of it.
#pragma once

#include <string_view>

#include "char_table.hpp"

namespace bitfit {

// The beginning of a text, of `size` characters, or `whole`; `last` says that no longer one will be tried.
struct Head {
  std::size_t size;
  bool whole, last;
};

// The head to tokenize where `tokens` are kept, larger with each attempt from 0. It ends before white space where that
// is near. Of a very long text only so much is looked at as so many words can take, and nothing behind an endless word.
Head head_of(std::u32string_view text, std::size_t tokens, unsigned attempt, const CharTable& table);

// Whether a head of so many tokens surely holds one more than are kept.
bool surely_holds(std::size_t tokens, std::size_t kept);

}  // namespace bitfit
