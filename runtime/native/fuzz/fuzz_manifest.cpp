// Manifests, and the files that graphs name, of any bytes.
#include <cstdint>
#include <cstdlib>

#include "error.hpp"
#include "graph_files.hpp"
#include "manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto refused_or_read = [&](auto read) {
    try {
      read();
    } catch (const bitfit::Error& error) {
      if (error.status() != BITFIT_BASE_FORMAT) std::abort();
    }
  };
  refused_or_read([&] { bitfit::parse_manifest(text, "bitfit.json"); });
  refused_or_read([&] { bitfit::external_files(text, "model.onnx"); });
  return 0;
}
