// Answers that are pieces of a text: entities, and the span that answers a question.
#pragma once

#include <vector>

#include "answers.hpp"

namespace bitfit {

// Probabilities that sum to one.
std::vector<double> softmax(std::vector<double> logits, double temperature);

// Entities of the first text, by a BIO label for each word.
void find_entities(const Found& found, Answer& into);

// The likeliest span of the second text, or of the only one.
void find_span(const Found& found, Answer& into);

}  // namespace bitfit
