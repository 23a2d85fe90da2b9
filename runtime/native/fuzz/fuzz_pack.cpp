// Packs of any bytes: refused in one line, or decoded for the base of the vectors.
#include <cstdint>
#include <cstdlib>

#include "base.hpp"
#include "error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bitfit::Base base = bitfit::Base::open(BITFIT_FUZZ_BASE);
  try {
    const bitfit::Pack pack = bitfit::parse_pack({reinterpret_cast<const char*>(data), size}, "pack");
    bitfit::decode(pack, base.manifest, base.defaults);
  } catch (const bitfit::Error& error) {
    if (error.status() != BITFIT_PACK_FORMAT && error.status() != BITFIT_PACK_MISMATCH) std::abort();
  }
  return 0;
}
