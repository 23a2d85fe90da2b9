// Outlier scores: how unlike a text is to those that a pack's classes were learned from.
#pragma once

#include <vector>

#include "decisions.hpp"

namespace bitfit {

// The score of a text with these logits and, where the centres are of pooled vectors, this one: more is less alike.
// `centres` are [labels, labels or hidden], at length 1 each.
double outlier_score(const Decisions& decisions, const std::vector<float>& centres, const std::vector<float>& logits,
                     const std::vector<float>& pooled);

}  // namespace bitfit
