#include "utf8.hpp"

#include <algorithm>

#include "error.hpp"

namespace bitfit {

std::pair<char32_t, std::size_t> decode_one(std::string_view text, std::size_t place) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const char32_t first = byte(place);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || place + size > text.size()) return {0, 0};
  char32_t code = first & (0xFFu >> (size + 1));
  for (std::size_t index = 1; index < size; ++index) {
    if (!is_continuation(text[place + index])) return {0, 0};
    code = (code << 6) | (byte(place + index) & 0x3Fu);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool valid = code >= least[size] && code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF);
  return valid ? std::pair{code, size} : std::pair{char32_t{0}, std::size_t{0}};
}

void append_utf8(std::string& text, char32_t code) {
  const auto add = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0 | (code >> 6));
  } else if (code < 0x10000) {
    add(0xE0 | (code >> 12));
    add(0x80 | ((code >> 6) & 0x3F));
  } else {
    add(0xF0 | (code >> 18));
    add(0x80 | ((code >> 12) & 0x3F));
    add(0x80 | ((code >> 6) & 0x3F));
  }
  add(0x80 | (code & 0x3F));
}

bool is_utf8(std::string_view text) {
  for (std::size_t place = 0; place < text.size();) {
    const std::size_t size = decode_one(text, place).second;
    if (size == 0) return false;
    place += size;
  }
  return true;
}

std::u32string decode_utf8(std::string_view text) {
  std::u32string found;
  found.reserve(text.size());
  for (std::size_t place = 0; place < text.size();) {
    const auto [code, size] = decode_one(text, place);
    if (size == 0) {
      fail(BITFIT_INPUT, "a text is not valid UTF-8 at byte " + std::to_string(place) + "; pass valid UTF-8");
    }
    found.push_back(code);
    place += size;
  }
  return found;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !is_continuation(byte); }));
}

std::vector<std::size_t> byte_offsets(std::string_view text) {
  std::vector<std::size_t> found;
  found.reserve(text.size() + 1);
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (!is_continuation(text[place])) found.push_back(place);
  }
  found.push_back(text.size());
  return found;
}

}  // namespace bitfit
