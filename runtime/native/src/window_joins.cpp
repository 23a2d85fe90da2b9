#include "window_joins.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitfit {
namespace {

using Doubles = std::vector<double>;
constexpr double infinity = std::numeric_limits<double>::infinity();

Doubles mean(const std::vector<Values>& parts) {
  Doubles found(parts[0].numbers.size(), 0);
  for (const Values& part : parts) {
    for (std::size_t index = 0; index < found.size(); ++index) found[index] += double{part.numbers[index]};
  }
  for (double& number : found) number /= static_cast<double>(parts.size());
  return found;
}

Doubles maximum(const std::vector<Values>& parts) {
  Doubles found(parts[0].numbers.size(), -infinity);
  for (const Values& part : parts) {
    for (std::size_t index = 0; index < found.size(); ++index)
      found[index] = std::max(found[index], double{part.numbers[index]});
  }
  return found;
}

// log(1 + exp(value)), without overflow.
double softplus(double value) { return std::max(value, 0.0) + std::log1p(std::exp(-std::fabs(value))); }

// log(p / (1 - p)), where 1 - p is the product of a label's 1 - p over the windows, each a sigmoid.
Doubles noisy_or(const std::vector<Values>& parts) {
  Doubles found = maximum(parts);
  for (std::size_t index = 0; index < found.size(); ++index) {
    double surely = 0;
    for (const Values& part : parts) surely += softplus(double{part.numbers[index]});
    found[index] = std::max(surely + std::log(-std::expm1(-surely)), found[index]);
  }
  return found;
}

// The logarithm of the softmax, that of the largest to its last digits.
Doubles log_chances(const std::vector<float>& logits) {
  const auto largest = static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  Doubles found;
  double others = 0;
  for (std::size_t index = 0; index < logits.size(); ++index) {
    found.push_back(double{logits[index]} - double{logits[largest]});
    if (index != largest) others += std::exp(found.back());
  }
  for (double& number : found) number -= std::log1p(others);
  return found;
}

// log(1 - p) for log(p).
double log_of_others(double chance) {
  return chance > -std::log(2.0) ? std::log(-std::expm1(chance)) : std::log1p(-std::exp(chance));
}

// log(p), where 1 - p is the product of a label's 1 - p over the windows, each of a softmax.
Doubles noisy_or_of_one(const std::vector<Values>& parts) {
  const std::size_t labels = parts[0].numbers.size();
  Doubles surely(labels, 0), least(labels, -infinity);
  for (const Values& part : parts) {
    const Doubles chances = log_chances(part.numbers);
    for (std::size_t index = 0; index < labels; ++index) {
      surely[index] -= log_of_others(chances[index]);
      least[index] = std::max(least[index], chances[index]);
    }
  }
  for (std::size_t index = 0; index < labels; ++index) {
    surely[index] = std::max(std::log(-std::expm1(-surely[index])), least[index]);
  }
  return surely;
}

// For each token of the whole text what the window gave that it speaks from.
Values by_offsets(const WindowedText& text, const std::vector<Values>& parts) {
  const std::vector<std::size_t> speakers = text.speakers();
  const std::size_t columns = parts[0].columns;
  Values found{speakers.size(), columns, std::vector<float>(speakers.size() * columns)};
  for (std::size_t index = 0; index < parts.size(); ++index) {
    const std::vector<std::size_t> tokens = text.positions(index);
    for (std::size_t own = 0; own < tokens.size(); ++own) {
      if (speakers[tokens[own]] != index) continue;
      const auto from = parts[index].numbers.begin() + static_cast<std::ptrdiff_t>(own * columns);
      std::copy_n(from, columns, found.numbers.begin() + static_cast<std::ptrdiff_t>(tokens[own] * columns));
    }
  }
  return found;
}

Values rounded(const Doubles& numbers) {
  constexpr double largest = std::numeric_limits<float>::max();
  Values found{1, numbers.size(), {}};
  for (const double number : numbers)
    found.numbers.push_back(static_cast<float>(std::clamp(number, -largest, largest)));
  return found;
}

}  // namespace

Values join_windows(const WindowedText& text, const std::vector<Values>& parts, const std::string& output,
                    const PackInfo& info) {
  if (parts.size() == 1) return parts[0];
  if (output == pooled_output) return rounded(mean(parts));
  if (output != logits_output) return by_offsets(text, parts);
  const std::string& rule = info.windows->join;
  if (rule == "maximum") return rounded(maximum(parts));
  if (rule == "mean") return rounded(mean(parts));
  return rounded(info.type->kind == BITFIT_CLASSIFICATION ? noisy_or_of_one(parts) : noisy_or(parts));
}

}  // namespace bitfit
