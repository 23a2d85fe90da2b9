// Decisions: what held rows told of acting on a pack's answers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json_fields.hpp"
#include "task_types.hpp"

namespace bitfit {

struct Outliers {
  double threshold;
  bool of_pooled;  // whether the class centres are of pooled vectors, not of logits
  double weight;
};

struct Decisions {
  double temperature = 1;
  std::optional<std::vector<double>> thresholds;  // of each label
  std::optional<double> acceptance;               // the probability from which on an answer is accepted
  std::optional<Outliers> outliers;

  // Whether to accept an answer, as `bitfit_answer.accepted` has it.
  int accepts(double probability, std::optional<double> outlier) const;
};

// Read the field `decisions` of a pack with so many labels.
Decisions parse_decisions(const Fields& fields, const TaskType& type, std::size_t labels);

}  // namespace bitfit
