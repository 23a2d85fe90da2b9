#include "tokenizer.hpp"

#include "text_head.hpp"

namespace bitfit {

WindowedText Tokenizer::tokenize(std::u32string_view text, const std::u32string* pair, const Limit& limit) const {
  const LayoutParts& layout = pair == nullptr ? file_.single : file_.pair;
  const std::size_t most = limit.most(layout);
  const SideTokens first = encode(text, most), second = pair == nullptr ? SideTokens{} : encode(*pair, most);
  return cut_windows(layout, first, second, limit);
}

// Tokenize a text, or so much of it as holds one token more than there is room for.
SideTokens Tokenizer::encode(std::u32string_view text, std::size_t room) const {
  unsigned attempt = 0;
  Head head = head_of(text, room, attempt, table());
  std::vector<Token> tokens = file_.model.tokens(text.substr(0, head.size));
  while (!head.last && !surely_holds(tokens.size(), room)) {
    head = head_of(text, room, ++attempt, table());
    tokens = file_.model.tokens(text.substr(0, head.size));
  }
  if (tokens.size() > room + 1) tokens.resize(room + 1);
  return {std::move(tokens), !head.whole};
}

}  // namespace bitfit
