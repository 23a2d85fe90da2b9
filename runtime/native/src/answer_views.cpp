#include "answer_views.hpp"

#include "utf8.hpp"

namespace bitfit {

AnswerViews::AnswerViews(std::vector<RowAnswer> answers, const std::vector<Row>& rows) : answers_(std::move(answers)) {
  pieces_.reserve(answers_.size());
  views_.reserve(answers_.size());
  for (std::size_t row = 0; row < answers_.size(); ++row) views_.push_back(view_of(answers_[row], rows[row]));
}

bitfit_answer AnswerViews::view_of(const RowAnswer& own, const Row& row) {
  const Answer& answer = own.answer;
  pieces_.emplace_back();
  if (!answer.pieces.empty()) {
    const bool second = answer.type == BITFIT_SPAN && row.pair;
    const std::vector<std::size_t> bytes = byte_offsets(second ? *row.pair : row.text);
    for (const Piece& piece : answer.pieces) {
      const Characters characters = piece.characters;
      pieces_.back().push_back({piece.name ? answer.names[*piece.name].c_str() : nullptr, bytes[characters.start],
                                bytes[characters.end], characters.start, characters.end, piece.probability});
    }
  }
  bitfit_answer found{};
  found.type = answer.type;
  found.truncated = answer.truncated;
  found.accepted = answer.accepted;
  found.has_outlier = answer.outlier.has_value();
  found.outlier = answer.outlier.value_or(0);
  found.label_count = own.pack ? own.pack->labels.size() : 0;
  found.labels = own.pack ? own.pack->labels.data() : nullptr;
  found.probabilities = answer.probabilities.empty() ? nullptr : answer.probabilities.data();
  found.best = answer.best;
  found.chosen = answer.chosen.empty() ? nullptr : answer.chosen.data();
  found.value = answer.value;
  found.piece_count = pieces_.back().size();
  found.pieces = pieces_.back().data();
  found.rows = answer.values.rows;
  found.columns = answer.values.columns;
  found.values = answer.values.numbers.empty() ? nullptr : answer.values.numbers.data();
  return found;
}

}  // namespace bitfit
