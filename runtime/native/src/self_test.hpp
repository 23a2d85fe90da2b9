// The self-test: when a base is loaded, this machine's kernels must honour the bias inputs.
#pragma once

#include <list>
#include <string>

#include "runner.hpp"

namespace bitfit {

// Compare `pooled` with the manifest's vectors, one row with default biases and one with deltas on all. Raises
// BITFIT_SELF_TEST where a row is farther off than the manifest's tolerance.
void quick_test(const Base& base, const Runner& runner);

// `quick_test`, then check that each bias input changes the answer.
void full_test(const Base& base, const Runner& runner);

// 16 hexadecimal digits of a hash of what this machine's kernels compute.
std::string kernel_fingerprint(const Base& base, const Runner& runner);

// L2 distance of two vectors, and the length of the second.
double distance(const float* found, const float* expected, std::size_t size);
double length(const float* vector, std::size_t size);

}  // namespace bitfit
