#include "files.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "error.hpp"

namespace bitfit {
namespace {

constexpr std::size_t block = 1 << 16;

struct File {
  explicit File(const std::string& path, bitfit_status status) : number(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat found {};
    if (number < 0 || ::fstat(number, &found) != 0 || !S_ISREG(found.st_mode)) {
      const std::string reason = number < 0 ? std::strerror(errno) : "it is not a file";
      if (number >= 0) ::close(number);
      fail(status, "cannot read " + path + " (" + reason + "); check the path and its permissions");
    }
    size = static_cast<std::size_t>(found.st_size);
  }
  ~File() { ::close(number); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Read up to `most` bytes; fewer only at the end of the file.
  std::size_t read(void* into, std::size_t most, const std::string& path, bitfit_status status) const {
    std::size_t done = 0;
    while (done < most) {
      const ssize_t got = ::read(number, static_cast<char*>(into) + done, most - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail(status, "cannot read " + path + " (" + std::strerror(errno) + "); check the disk");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  int number;
  std::size_t size = 0;
};

class Sha256 {
 public:
  Sha256() : state_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (!state_ || EVP_DigestInit_ex(state_.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
  }
  void update(const void* data, std::size_t size) { EVP_DigestUpdate(state_.get(), data, size); }
  std::string hexadecimal() {
    unsigned char found[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(state_.get(), found, &size);
    std::string text;
    for (unsigned index = 0; index < size; ++index) {
      text += "0123456789abcdef"[found[index] >> 4];
      text += "0123456789abcdef"[found[index] & 15];
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> state_;
};

}  // namespace

bool is_file(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
}

std::size_t file_size(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? static_cast<std::size_t>(found.st_size) : 0;
}

Bytes read_file(const std::string& path, std::size_t limit, bitfit_status status) {
  const File file(path, status);
  if (file.size > limit) {
    fail(status, path + " is larger than " + std::to_string(limit) + " bytes, which no reader takes; get it again");
  }
  Bytes found(file.size);
  found.resize(file.read(found.data(), found.size(), path, status));
  return found;
}

MappedFile::MappedFile(const std::string& path, bitfit_status status) {
  const File file(path, status);
  if (file.size == 0) fail(status, path + " is empty; copy or export the base again");
  void* data = ::mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.number, 0);
  if (data == MAP_FAILED) fail(status, "cannot map " + path + " (" + std::strerror(errno) + ")");
  data_ = static_cast<const char*>(data);
  size_ = file.size;
}

MappedFile::~MappedFile() { ::munmap(const_cast<char*>(data_), size_); }

std::string digest(std::string_view data) {
  Sha256 hash;
  hash.update(data.data(), data.size());
  return hash.hexadecimal();
}

std::string file_digest(const std::string& path, bitfit_status status) {
  const File file(path, status);
  Sha256 hash;
  Bytes part(block);
  while (const std::size_t got = file.read(part.data(), part.size(), path, status)) hash.update(part.data(), got);
  return hash.hexadecimal();
}

}  // namespace bitfit
