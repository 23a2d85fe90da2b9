#include "error.hpp"

#include <cstdio>

#include "utf8.hpp"

namespace bitfit {
namespace {

constexpr std::size_t longest_message = 1000;
constexpr std::size_t longest_quote = 200;

bool is_shown(char32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD;
  const bool steers = (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202F) ||
                      (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || code == 0x61C;
  const bool unused = (code >= 0xE000 && code <= 0xF8FF) || (code >= 0xFFF0 && code <= 0xFFFB) || code >= 0xE0000;
  return !control && !steers && !unused;
}

std::string shortened(const std::string& text) {
  if (text.size() <= longest_message) return text;
  std::size_t head = longest_message / 2 - 4, tail = text.size() - head;
  while (head > 0 && is_continuation(text[head])) --head;
  while (tail < text.size() && is_continuation(text[tail])) ++tail;
  return text.substr(0, head) + " … " + text.substr(tail);
}

}  // namespace

Error::Error(bitfit_status status, std::string_view message)
    : std::runtime_error(printable(message)), status_(status) {}

void fail(bitfit_status status, std::string_view message) { throw Error(status, message); }

std::string printable(std::string_view message) {
  std::string found;
  for (std::size_t place = 0; place < message.size();) {
    const auto [code, size] = decode_one(message, place);
    if (size == 0) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(message[place])));
      found += escape;
      ++place;
    } else if (is_shown(code)) {
      found.append(message.substr(place, size));
      place += size;
    } else {
      char escape[16];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(code));
      found += escape;
      place += size;
    }
  }
  return shortened(found);
}

std::string in_quotes(std::string_view text) {
  return "'" + std::string(text.substr(0, longest_quote)) + (text.size() > longest_quote ? "…'" : "'");
}

}  // namespace bitfit
