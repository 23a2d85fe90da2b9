#include "transitions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitfit {
namespace {

constexpr double least = -120;  // log-probability of a word's tag, below which nothing is told apart

bool may_follow(const std::string& label, const std::string* before) {
  if (label.compare(0, 2, "I-") != 0) return true;
  return before != nullptr && (*before == label || *before == "B-" + label.substr(2));
}

void normalize(double* row, std::size_t count) {
  double sum = 0;
  for (std::size_t index = 0; index < count; ++index) sum += row[index];
  for (std::size_t index = 0; index < count; ++index) row[index] /= sum;
}

}  // namespace

Matrix log_probabilities(const Matrix& logits) {
  Matrix found = logits;
  for (std::size_t word = 0; word < found.rows(); ++word) {
    double* row = found.row(word);
    const double largest = *std::max_element(row, row + found.columns);
    double sum = 0;
    for (std::size_t index = 0; index < found.columns; ++index) sum += std::exp(row[index] -= largest);
    for (std::size_t index = 0; index < found.columns; ++index) row[index] -= std::log(sum);
  }
  return found;
}

Matrix chain_scores(const std::vector<std::string>& labels, const std::vector<float>& learned) {
  const std::size_t count = labels.size();
  Matrix found{count, {learned.begin(), learned.end()}};
  for (std::size_t before = 0; before <= count; ++before) {
    for (std::size_t label = 0; label < count; ++label) {
      if (may_follow(labels[label], before < count ? &labels[before] : nullptr)) continue;
      found.row(before)[label] = -std::numeric_limits<double>::infinity();
    }
  }
  return found;
}

std::vector<std::size_t> likeliest_tags(const Matrix& words, const Matrix& scores) {
  const std::size_t count = words.rows(), labels = words.columns;
  std::vector<std::vector<std::size_t>> before(count, std::vector<std::size_t>(labels, 0));
  std::vector<double> best(labels), next(labels);
  for (std::size_t label = 0; label < labels; ++label) best[label] = words.row(0)[label] + scores.row(labels)[label];
  for (std::size_t word = 1; word < count; ++word) {
    for (std::size_t label = 0; label < labels; ++label) {
      double reached = -std::numeric_limits<double>::infinity();
      for (std::size_t from = 0; from < labels; ++from) {
        const double tried = scores.row(from)[label] + best[from];
        if (from > 0 && !(tried > reached)) continue;
        reached = tried;
        before[word][label] = from;
      }
      next[label] = reached + words.row(word)[label];
    }
    best.swap(next);
  }
  std::vector<std::size_t> path(count);
  path.back() = static_cast<std::size_t>(std::max_element(best.begin(), best.end()) - best.begin());
  for (std::size_t word = count - 1; word > 0; --word) path[word - 1] = before[word][path[word]];
  return path;
}

Matrix tag_probabilities(const Matrix& words, const Matrix& scores) {
  const std::size_t count = words.rows(), labels = words.columns;
  Matrix chances = words, factors = scores, ahead = words, behind = words;
  for (double& number : chances.numbers) number = std::exp(std::max(number, least));
  for (double& number : factors.numbers) number = std::exp(number);
  for (std::size_t label = 0; label < labels; ++label)
    ahead.row(0)[label] = chances.row(0)[label] * factors.row(labels)[label];
  for (std::size_t word = 1; word < count; ++word) {
    for (std::size_t label = 0; label < labels; ++label) {
      double sum = 0;
      for (std::size_t from = 0; from < labels; ++from) sum += ahead.row(word - 1)[from] * factors.row(from)[label];
      ahead.row(word)[label] = sum * chances.row(word)[label];
    }
    normalize(ahead.row(word), labels);
  }
  std::fill_n(behind.row(count - 1), labels, 1.0);
  for (std::size_t word = count - 1; word-- > 0;) {
    for (std::size_t label = 0; label < labels; ++label) {
      double sum = 0;
      for (std::size_t to = 0; to < labels; ++to)
        sum += factors.row(label)[to] * (behind.row(word + 1)[to] * chances.row(word + 1)[to]);
      behind.row(word)[label] = sum;
    }
    normalize(behind.row(word), labels);
  }
  for (std::size_t word = 0; word < count; ++word) {
    for (std::size_t label = 0; label < labels; ++label) ahead.row(word)[label] *= behind.row(word)[label];
    normalize(ahead.row(word), labels);
  }
  return ahead;
}

}  // namespace bitfit
