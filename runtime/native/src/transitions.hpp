// Transitions of tags: which tag may follow which, and the likeliest tags of a whole text, in a linear chain.
#pragma once

#include <string>
#include <vector>

namespace bitfit {

// Rows of numbers of the same length, end to end.
struct Matrix {
  std::size_t columns;
  std::vector<double> numbers;

  std::size_t rows() const { return columns == 0 ? 0 : numbers.size() / columns; }
  double* row(std::size_t index) { return numbers.data() + index * columns; }
  const double* row(std::size_t index) const { return numbers.data() + index * columns; }
};

// The logarithm of the softmax of each row.
Matrix log_probabilities(const Matrix& logits);

// Scores [labels + 1, labels] of a tag after another, the last row after none: minus infinity where it may not follow.
Matrix chain_scores(const std::vector<std::string>& labels, const std::vector<float>& learned);

// The path of the largest score for log-probabilities [words, labels]; of equal ones, the label before with the lowest
// index is taken.
std::vector<std::size_t> likeliest_tags(const Matrix& words, const Matrix& scores);

// How likely each word has each tag over all legal paths.
Matrix tag_probabilities(const Matrix& words, const Matrix& scores);

}  // namespace bitfit
