#include "tokenized_text.hpp"

namespace bitfit {

std::vector<TokenSpan> TokenizedText::spans(std::u32string_view text, Side side, const CharTable& table) const {
  const Words words(text, table);
  const Range tokens = sides[static_cast<std::size_t>(side)];
  std::vector<TokenSpan> found;
  for (std::size_t token = tokens.start; token < tokens.stop; ++token) {
    const Characters shown = words.visible(offsets[token]);
    if (shown.start < shown.end) found.push_back({token, words.with_accents(shown)});
  }
  return found;
}

std::vector<Word> TokenizedText::words(std::u32string_view text, const CharTable& table) const {
  const std::vector<TokenSpan> own = spans(text, Side::first, table);
  if (own.empty()) return {};
  const Words splitter(text, table);
  std::vector<Word> found;
  std::vector<std::size_t> counts;
  std::size_t free = 0, taken = 0;  // the first token that is free, and where the last that is taken ends
  for (const Characters word : splitter.split(0, splitter.rest_of_word(own.back().characters.end))) {
    while (free < own.size() && own[free].characters.end <= word.start) ++free;
    if (free < own.size() && own[free].characters.start < word.end) {
      found.push_back({own[free].token, word.start, word.end});
      counts.push_back(1);
      taken = own[free].characters.end;
      ++free;
    } else if (!found.empty() && word.start < taken) {
      found.back().end = word.end;
      ++counts.back();
    }
  }
  for (std::size_t index = 0; index < found.size(); ++index) {
    if (counts[index] == 1) continue;
    const Characters piece = splitter.without_marks({found[index].start, found[index].end});
    found[index].start = piece.start;
    found[index].end = piece.end;
  }
  return found;
}

}  // namespace bitfit
