// Task types: what each asks of the graph and of a pack.
#pragma once

#include <string>
#include <vector>

#include "bitfit.h"
#include "limits.hpp"

namespace bitfit {

enum class Searched { first, second, longer };

struct TaskType {
  bitfit_task_type kind;
  const char* name;
  const char* output;  // of the graph
  std::int64_t fewest_labels, most_labels;
  std::vector<std::string> joins;    // rules for the windows of a long text
  Searched searched;                 // of a pair, the side that is cut into windows
  std::vector<std::string> decides;  // fields of `decisions`

  bool has_head() const { return kind != BITFIT_EMBEDDING; }
  bool reads_tokens() const { return kind == BITFIT_TOKEN_CLASSIFICATION || kind == BITFIT_SPAN; }
};

inline const std::vector<TaskType>& task_types() {
  static const std::vector<TaskType> types{
      {BITFIT_CLASSIFICATION,
       "classification",
       logits_output,
       2,
       limits::labels,
       {"mean", "maximum", "noisy-or"},
       Searched::longer,
       {"temperature", "acceptance", "outliers"}},
      {BITFIT_MULTI_LABEL,
       "multi-label",
       logits_output,
       1,
       limits::labels,
       {"mean", "maximum", "noisy-or"},
       Searched::longer,
       {"temperature", "thresholds"}},
      {BITFIT_REGRESSION, "regression", logits_output, 1, 1, {"mean", "maximum"}, Searched::longer, {}},
      {BITFIT_TOKEN_CLASSIFICATION,
       "token-classification",
       token_logits_output,
       2,
       limits::labels,
       {"offsets"},
       Searched::first,
       {}},
      {BITFIT_SPAN, "span", token_logits_output, 2, 2, {"offsets"}, Searched::second, {"temperature", "acceptance"}},
      {BITFIT_EMBEDDING, "embedding", pooled_output, 0, 0, {"mean"}, Searched::longer, {}},
  };
  return types;
}

}  // namespace bitfit
