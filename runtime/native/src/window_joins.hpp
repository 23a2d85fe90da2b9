// Joins of windows: from what the graph gave for each window of a text to what it is taken to have given for the text.
#pragma once

#include <string>
#include <vector>

#include "windows.hpp"

namespace bitfit {

// An output of the graph for one row, without padding.
struct Values {
  std::size_t rows = 0, columns = 0;
  std::vector<float> numbers;
};

// The output of a text whose windows gave `parts`; of a single window, that of the window. All is computed in float64,
// in the order of the windows, and rounded to float32 once.
Values join_windows(const WindowedText& text, const std::vector<Values>& parts, const std::string& output,
                    const PackInfo& info);

}  // namespace bitfit
