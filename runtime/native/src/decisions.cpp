#include "decisions.hpp"

#include <algorithm>

#include "limits.hpp"

namespace bitfit {
namespace {

double within(const Fields& fields, const char* name, double least, double most) {
  const double value = fields.number(name);
  if (value < least || value > most) {
    fields.blame().fail(std::string(name) + " should be " + std::to_string(least) + " to " + std::to_string(most) +
                        ", found " + std::to_string(value));
  }
  return value;
}

double parse_acceptance(const Fields& fields) {
  for (const char* name : {"max_error", "coverage"}) within(fields, name, 0, 1);
  return within(fields, "threshold", 0, 1);
}

Outliers parse_outliers(const Fields& fields) {
  within(fields, "false_alarms", 0, 1);
  const bool of_pooled = fields.choice("space", {logits_output, pooled_output}) == pooled_output;
  return {fields.number("threshold"), of_pooled, within(fields, "weight", 0, 1e6)};
}

std::vector<double> parse_thresholds(const Fields& fields, std::size_t labels) {
  std::vector<double> found = fields.numbers("thresholds");
  const bool shares = std::all_of(found.begin(), found.end(), [](double share) { return share >= 0 && share <= 1; });
  if (found.size() != labels || !shares) {
    fields.blame().fail("thresholds should be " + std::to_string(labels) + " numbers from 0 to 1");
  }
  return found;
}

}  // namespace

int Decisions::accepts(double probability, std::optional<double> outlier) const {
  if (outliers && outlier && *outlier > outliers->threshold) return 0;
  return acceptance ? probability >= *acceptance : -1;
}

Decisions parse_decisions(const Fields& fields, const TaskType& type, std::size_t labels) {
  if (type.decides.empty()) fields.blame().fail(std::string("type ") + type.name + " has no decisions");
  for (const char* name : {"temperature", "thresholds", "acceptance", "outliers"}) {
    const bool known = std::find(type.decides.begin(), type.decides.end(), name) != type.decides.end();
    if (fields.has(name) && !known) fields.blame().fail(std::string("type ") + type.name + " has no " + name);
  }
  const std::int64_t rows = fields.integer("rows");
  if (rows < 1 || rows > limits::largest) fields.blame().fail("decisions are fitted on at least 1 row");
  Decisions found;
  found.temperature = within(fields, "temperature", 1e-3, 1e3);
  if (fields.has("thresholds")) found.thresholds = parse_thresholds(fields, labels);
  if (fields.has("acceptance")) found.acceptance = parse_acceptance(fields.nested("acceptance"));
  if (fields.has("outliers")) found.outliers = parse_outliers(fields.nested("outliers"));
  return found;
}

}  // namespace bitfit
