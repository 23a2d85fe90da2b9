#include "outliers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitfit {
namespace {

// Temperatures at which logits are compared: of texts that are sure of a class, more differ at a higher one.
constexpr double softened = 2, flattened = 4;
constexpr double least = 1e-9;  // of 1 - p

std::vector<double> at_length_one(std::vector<double> values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  const double length = std::sqrt(squares);
  const bool usable = length > 0 && std::isfinite(length);
  for (double& value : values) value = usable ? value / length : 0;
  return values;
}

// What logits say of all labels: the root of their softmax, flattened, less its mean, at length 1.
std::vector<double> direction_of_logits(const std::vector<float>& logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> found;
  double sum = 0;
  for (const float logit : logits) {
    found.push_back(std::exp((double{logit} - double{largest}) / (2 * flattened)));
    sum += found.back();
  }
  for (double& value : found) value -= sum / static_cast<double>(found.size());
  return at_length_one(std::move(found));
}

double nearest(const std::vector<float>& centres, const std::vector<double>& direction) {
  double found = -std::numeric_limits<double>::infinity();
  for (std::size_t start = 0; start + direction.size() <= centres.size(); start += direction.size()) {
    double product = 0;
    for (std::size_t index = 0; index < direction.size(); ++index)
      product += double{centres[start + index]} * direction[index];
    found = std::max(found, product);
  }
  return found;
}

// The logarithm of 1 - p of the likeliest label, at a raised temperature.
double unsureness(const std::vector<float>& logits, double temperature) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp((double{logit} - double{largest}) / (softened * temperature));
  return std::log(std::max(1 - 1 / sum, least));
}

}  // namespace

double outlier_score(const Decisions& decisions, const std::vector<float>& centres, const std::vector<float>& logits,
                     const std::vector<float>& pooled) {
  const Outliers& outliers = *decisions.outliers;
  if (outliers.of_pooled) return -nearest(centres, at_length_one({pooled.begin(), pooled.end()}));
  return unsureness(logits, decisions.temperature) - outliers.weight * nearest(centres, direction_of_logits(logits));
}

}  // namespace bitfit
