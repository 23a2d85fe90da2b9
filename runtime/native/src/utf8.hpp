// UTF-8: texts as code points, and where each of them begins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitfit {

inline bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// The code point at a place and its size in bytes, which is 0 where there is no valid one.
std::pair<char32_t, std::size_t> decode_one(std::string_view text, std::size_t place);

// Append a code point.
void append_utf8(std::string& text, char32_t code);

// Whether a text is valid: shortest forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// The code points of a valid text. Raises BITFIT_INPUT on another.
std::u32string decode_utf8(std::string_view text);

// Number of code points of a valid text.
std::size_t count_characters(std::string_view text);

// Byte at which each code point of a valid text begins, and its size at the end.
std::vector<std::size_t> byte_offsets(std::string_view text);

}  // namespace bitfit
