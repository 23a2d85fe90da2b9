// Files: read with a limit, mapped, and their SHA-256.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bitfit.h"

namespace bitfit {

using Bytes = std::vector<std::uint8_t>;

bool is_file(const std::string& path);
std::size_t file_size(const std::string& path);  // 0 where there is none

// Read a whole file of at most `limit` bytes; a larger one, or one that cannot be read, raises `status`.
Bytes read_file(const std::string& path, std::size_t limit, bitfit_status status);

// A file that is mapped into memory for as long as this lives.
class MappedFile {
 public:
  MappedFile(const std::string& path, bitfit_status status);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::string_view data() const { return {data_, size_}; }

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

// SHA-256 in hexadecimal, of bytes and of a file.
std::string digest(std::string_view data);
std::string file_digest(const std::string& path, bitfit_status status);

inline std::string_view view(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace bitfit
