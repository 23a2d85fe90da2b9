#include "answers.hpp"

#include <algorithm>
#include <cmath>

#include "outliers.hpp"
#include "token_answers.hpp"

namespace bitfit {
namespace {

constexpr double neutral = 0.5;  // a label's threshold unless the pack has another

double temperature_of(const PackInfo& info) { return info.decisions ? info.decisions->temperature : 1; }

void classify(const Found& found, Answer& into) {
  const std::vector<float>& logits = found.values.numbers;
  into.probabilities = softmax({logits.begin(), logits.end()}, temperature_of(*found.info));
  const auto best = std::max_element(into.probabilities.begin(), into.probabilities.end());
  into.best = static_cast<std::size_t>(best - into.probabilities.begin());
  if (!found.info->decisions) return;
  const Decisions& decisions = *found.info->decisions;
  if (decisions.outliers) into.outlier = outlier_score(decisions, *found.centres, logits, found.pooled);
  into.accepted = decisions.accepts(*best, into.outlier);
}

void choose_labels(const Found& found, Answer& into) {
  const auto& decisions = found.info->decisions;
  for (std::size_t label = 0; label < found.values.numbers.size(); ++label) {
    const double logit = double{found.values.numbers[label]} / temperature_of(*found.info);
    into.probabilities.push_back(1 / (1 + std::exp(-logit)));
    const double threshold = decisions && decisions->thresholds ? (*decisions->thresholds)[label] : neutral;
    into.chosen.push_back(into.probabilities.back() >= threshold);
  }
}

}  // namespace

Answer make_answer(Found found) {
  Answer answer;
  answer.type = found.info->type->kind;
  answer.truncated = found.tokens->truncated();
  switch (answer.type) {
    case BITFIT_CLASSIFICATION:
      classify(found, answer);
      break;
    case BITFIT_MULTI_LABEL:
      choose_labels(found, answer);
      break;
    case BITFIT_REGRESSION:
      answer.value = double{found.values.numbers.at(0)};
      break;
    case BITFIT_TOKEN_CLASSIFICATION:
      find_entities(found, answer);
      break;
    case BITFIT_SPAN:
      find_span(found, answer);
      break;
    case BITFIT_EMBEDDING:
      answer.values = std::move(found.values);
      break;
  }
  return answer;
}

}  // namespace bitfit
