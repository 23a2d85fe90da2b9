// `tokenizer.json`: read, and refused where this library would tokenize in another way than Python.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wordpiece.hpp"

namespace bitfit {

enum class Side { first, second };

// What stands around one text, or around a pair: special tokens, and the texts themselves.
struct LayoutPart {
  std::int32_t id;
  std::uint8_t type;
  std::optional<Side> side;  // none of a special token
};
using LayoutParts = std::vector<LayoutPart>;

struct TokenizerFile {
  WordPiece model;
  LayoutParts single, pair;
};

// Raises BITFIT_BASE_FORMAT, or BITFIT_UNSUPPORTED where another tokenizer is asked for.
TokenizerFile parse_tokenizer(std::string_view text, const std::string& where);

}  // namespace bitfit
