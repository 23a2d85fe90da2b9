// Errors: a status for programs, and one line for people.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "bitfit.h"

namespace bitfit {

class Error : public std::runtime_error {
 public:
  Error(bitfit_status status, std::string_view message);
  bitfit_status status() const noexcept { return status_; }

 private:
  bitfit_status status_;
};

// Raise an error; `message` says what was expected, what was found and what to do next.
[[noreturn]] void fail(bitfit_status status, std::string_view message);

// A message that may quote a file that nobody vouches for: in one line, of bounded length, without anything that
// could forge lines of a log or steer a terminal.
std::string printable(std::string_view message);

// A text as a message quotes it.
std::string in_quotes(std::string_view text);

}  // namespace bitfit
