#include "text_head.hpp"

#include <algorithm>

namespace bitfit {
namespace {

constexpr std::size_t longest_word = 1000;  // characters
constexpr std::size_t exact = 100000;       // characters; up to here a text has words of any length
constexpr std::size_t margin = 32;          // tokens at the end of a head, which the rest of the text may change
constexpr std::size_t first_size = 8;       // characters a token; more are tried where they do not do
constexpr std::size_t growth = 8;

// Where a word of more than `longest_word` characters begins, `end` where none does.
std::size_t endless_word(std::u32string_view text, std::size_t end, const CharTable& table) {
  std::size_t begin = 0;
  for (std::size_t place = 0; place < end; ++place) {
    const Kind kind = table.kind(text[place]);
    if (kind != Kind::letter && kind != Kind::accent && kind != Kind::hidden) begin = place + 1;
    if (place + 1 - begin > longest_word) return begin;
  }
  return end;
}

// Where the last white space before `size` begins, if it is near; otherwise `size`.
std::size_t boundary(std::u32string_view text, std::size_t size, const CharTable& table) {
  const std::size_t near = size > longest_word + 1 ? size - longest_word - 1 : 0;
  const auto is_space = [&](std::size_t place) { return table.kind(text[place]) == Kind::space; };
  std::size_t place = size;
  while (place > near && !is_space(place - 1)) --place;
  while (place > near && is_space(place - 1)) --place;
  return place > near ? place : size;
}

}  // namespace

Head head_of(std::u32string_view text, std::size_t tokens, unsigned attempt, const CharTable& table) {
  std::size_t size = first_size * (tokens + margin);
  for (unsigned time = 0; time < attempt && size < text.size(); ++time) size *= growth;
  if (text.size() <= size) return {text.size(), true, true};
  const std::size_t most = std::max((tokens + 1) * (longest_word + 1), exact);
  if (text.size() > exact) {
    const std::size_t end = std::min(size, most), word = endless_word(text, end, table);
    if (word < end) return {word + longest_word, false, true};
  }
  if (size >= most) return {most, false, true};
  return {boundary(text, size, table), false, false};
}

bool surely_holds(std::size_t tokens, std::size_t kept) { return tokens > kept + margin; }

}  // namespace bitfit
