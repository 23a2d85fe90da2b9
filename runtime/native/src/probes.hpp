// Probes: what this machine's kernels do, measured once a process.
#pragma once

#include <cstddef>

namespace bitfit {

// Whether integer products saturate: x86 without VNNI adds products of uint8 and int8 by pairs in int16.
bool products_saturate();

// The least multiple for widths at which a row's bits do not depend on its padding: 1, 2, 4 … 32.
std::size_t padding_multiple();

// Widths are multiples of `multiple`, except that none is above `max_length`, both in tokens.
struct Padding {
  std::size_t multiple, max_length;

  // The least width for a row of so many tokens: the one that it has alone.
  std::size_t width(std::size_t length) const;
  // Whether a row has the same bits at another row's least width as alone.
  bool fits(std::size_t length, std::size_t width) const;
};

}  // namespace bitfit
