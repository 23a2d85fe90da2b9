// Answers: from what the graph gave for a row to what its task's type makes of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pack.hpp"
#include "tokenized_text.hpp"
#include "window_joins.hpp"

namespace bitfit {

// A piece of a text: an entity with the index of its label in `Answer::names`, or the answer of a span task.
struct Piece {
  std::optional<std::size_t> name;
  Characters characters;
  double probability;
};

struct Answer {
  bitfit_task_type type = BITFIT_CLASSIFICATION;
  bool truncated = false;
  int accepted = -1;
  std::optional<double> outlier;
  std::vector<double> probabilities;
  std::vector<std::uint8_t> chosen;
  std::size_t best = 0;
  double value = 0;
  std::vector<std::string> names;  // of entities, without B- and I-
  std::vector<Piece> pieces;
  Values values;
};

// What was found for a row. `text` is the one that pieces are found in: of a span task's pair the second.
struct Found {
  const PackInfo* info;
  const std::vector<float>* transitions;  // [labels + 1, labels], empty where words are decided alone
  const std::vector<float>* centres;      // at length 1, empty without outliers
  const TokenizedText* tokens;
  std::u32string_view text;
  bool paired;
  const CharTable* table;
  Values values;              // the output that the task's type reads, windows joined
  std::vector<float> pooled;  // where outliers ask for it
};

Answer make_answer(Found found);

}  // namespace bitfit
