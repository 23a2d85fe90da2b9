// Files that an ONNX graph takes weights from, read without loading the graph.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace bitfit {

// The locations of external data that a graph names. Raises BITFIT_BASE_FORMAT.
std::set<std::string> external_files(std::string_view graph, const std::string& where);

}  // namespace bitfit
