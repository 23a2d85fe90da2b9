// Windows of a long text: overlapping slices of its tokens, each with the special tokens around it.
#pragma once

#include <array>
#include <vector>

#include "pack.hpp"
#include "tokenized_text.hpp"

namespace bitfit {

// The tokens of one text, one more than are kept if there are as many. `cut`: of its head.
struct SideTokens {
  std::vector<Token> tokens;
  bool cut = false;
};

// How much of a text is read: so many windows of `max_length` tokens, special ones included.
struct Limit {
  std::size_t max_length;
  std::size_t overlap = 0;
  std::size_t max_windows = 1;
  Searched searched = Searched::longer;

  static Limit of(const PackInfo& info);
  // How many tokens of a text, or of both of a pair, a window has among the special ones.
  std::size_t room(const LayoutParts& layout) const;
  // How many tokens all windows hold of a text at most.
  std::size_t most(const LayoutParts& layout) const;
  // Cut tokens into windows: all but the last are full, and that ends with the text.
  std::vector<Range> slices(std::size_t length, std::size_t room) const;

 private:
  std::size_t step(std::size_t room) const;
};

// One text, or one pair, in windows: `text` is all that they hold, as one, and `slices` are the tokens of its `side`
// that each has; every other token is in all windows.
struct WindowedText {
  TokenizedText text;
  std::size_t side = 0;
  std::vector<Range> slices;

  std::size_t size() const { return slices.size(); }
  TokenizedText window(std::size_t index) const;
  // Where in `text` each token of a window is.
  std::vector<std::size_t> positions(std::size_t index) const;
  // For each token of `text` the window in which it is farthest from an edge, of several the first.
  std::vector<std::size_t> speakers() const;
};

// Cut both sides as a limit says.
WindowedText cut_windows(const LayoutParts& layout, const SideTokens& first, const SideTokens& second,
                         const Limit& limit);

}  // namespace bitfit
