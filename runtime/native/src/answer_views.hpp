// Answers as the plain structures of bitfit.h, which point into what this holds.
#pragma once

#include <vector>

#include "engine.hpp"

namespace bitfit {

class AnswerViews {
 public:
  AnswerViews(std::vector<RowAnswer> answers, const std::vector<Row>& rows);
  AnswerViews(const AnswerViews&) = delete;
  AnswerViews& operator=(const AnswerViews&) = delete;

  const bitfit_answer* at(std::size_t row) const { return row < views_.size() ? &views_[row] : nullptr; }

 private:
  bitfit_answer view_of(const RowAnswer& own, const Row& row);

  std::vector<RowAnswer> answers_;
  std::vector<std::vector<bitfit_piece>> pieces_;
  std::vector<bitfit_answer> views_;
};

}  // namespace bitfit
