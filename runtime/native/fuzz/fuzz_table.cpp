// Tables of characters: any bytes, and any content that inflates; what is read of one is a character.
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "char_table.hpp"
#include "error.hpp"

namespace {

// A table with this content.
std::string with_content(std::string_view content) {
  std::string found = "BITFITWP";
  found += {1, 1, 0, 0};
  for (unsigned shift = 0; shift < 32; shift += 8) found.push_back(static_cast<char>(content.size() >> shift));
  z_stream state{};
  deflateInit2(&state, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  std::string stream(deflateBound(&state, content.size()), '\0');
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  state.avail_in = static_cast<uInt>(content.size());
  state.next_out = reinterpret_cast<Bytef*>(stream.data());
  state.avail_out = static_cast<uInt>(stream.size());
  deflate(&state, Z_FINISH);
  stream.resize(stream.size() - state.avail_out);
  deflateEnd(&state);
  return found + stream;
}

void read(std::string_view data) {
  try {
    const bitfit::CharTable table(data);
    for (char32_t code = 0; code <= 0x10FFFF; code += 4093) {
      for (const char32_t other : table.change(code).codes) {
        if (other > 0x10FFFF) std::abort();
      }
      table.kind(code);
      table.combining_class(code);
    }
  } catch (const bitfit::Error& error) {
    if (error.status() != BITFIT_BASE_FORMAT) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view whole(reinterpret_cast<const char*>(data), size);
  read(whole);
  read(with_content(whole));
  return 0;
}
