#include "token_answers.hpp"

#include <algorithm>
#include <cmath>

#include "transitions.hpp"

namespace bitfit {
namespace {

constexpr std::size_t longest_span = 48;  // tokens
const std::string outside = "O";

struct Tag {
  std::size_t label;
  double probability;
};

// Logits of words: their first token's, or the mean over those up to the next word.
Matrix word_logits(const Found& found, const std::vector<Word>& words) {
  const std::size_t labels = found.values.columns, stop = found.tokens->sides[0].stop;
  Matrix logits{labels, std::vector<double>(words.size() * labels, 0)};
  for (std::size_t word = 0; word < words.size(); ++word) {
    const std::size_t first = words[word].token;
    const std::size_t next = word + 1 < words.size() ? words[word + 1].token : stop;
    const std::size_t count = found.info->words_by_mean ? next - first : 1;
    for (std::size_t label = 0; label < labels; ++label) {
      double sum = 0;
      for (std::size_t token = first; token < first + count; ++token)
        sum += double{found.values.numbers[token * labels + label]};
      logits.row(word)[label] = sum / static_cast<double>(count);
    }
  }
  return logits;
}

// The tag of each word and its probability, over all paths where the pack has transitions.
std::vector<Tag> tags_of(const Found& found, const std::vector<Word>& words) {
  if (words.empty()) return {};
  const Matrix logits = word_logits(found, words);
  std::vector<Tag> tags;
  if (found.transitions->empty()) {
    for (std::size_t word = 0; word < words.size(); ++word) {
      const auto chances = softmax({logits.row(word), logits.row(word) + logits.columns}, 1);
      const auto best = std::max_element(chances.begin(), chances.end());
      tags.push_back({static_cast<std::size_t>(best - chances.begin()), *best});
    }
    return tags;
  }
  const Matrix alone = log_probabilities(logits), scores = chain_scores(found.info->labels, *found.transitions);
  const std::vector<std::size_t> path = likeliest_tags(alone, scores);
  const Matrix chances = tag_probabilities(alone, scores);
  for (std::size_t word = 0; word < path.size(); ++word) tags.push_back({path[word], chances.row(word)[path[word]]});
  return tags;
}

std::string name_of_tag(const std::string& tag) {
  return tag.compare(0, 2, "B-") == 0 || tag.compare(0, 2, "I-") == 0 ? tag.substr(2) : tag;
}

std::size_t index_of(std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  names.push_back(name);
  return names.size() - 1;
}

}  // namespace

std::vector<double> softmax(std::vector<double> logits, double temperature) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (double& number : logits) sum += number = std::exp((number - largest) / temperature);
  for (double& number : logits) number /= sum;
  return logits;
}

void find_entities(const Found& found, Answer& into) {
  // Version 0.1.0, whose packs name no tokenizer, found no words there, in training neither.
  if (!found.info->tokenizer && found.paired && !found.tokens->cut[1]) return;
  const std::vector<Word> words = found.tokens->words(found.text, *found.table);
  const std::vector<Tag> tags = tags_of(found, words);
  std::vector<std::size_t> counts;
  std::optional<std::string> previous;
  for (std::size_t word = 0; word < words.size(); ++word) {
    const std::string& tag = found.info->labels[tags[word].label];
    if (tag == outside) {
      previous.reset();
      continue;
    }
    const std::string name = name_of_tag(tag);
    if (tag.compare(0, 2, "I-") == 0 && previous == name && !into.pieces.empty()) {
      into.pieces.back().characters.end = words[word].end;
      into.pieces.back().probability += tags[word].probability;
      ++counts.back();
    } else {
      into.pieces.push_back({index_of(into.names, name), {words[word].start, words[word].end}, tags[word].probability});
      counts.push_back(1);
    }
    previous = name;
  }
  for (std::size_t index = 0; index < counts.size(); ++index)
    into.pieces[index].probability /= static_cast<double>(counts[index]);
}

void find_span(const Found& found, Answer& into) {
  const Side side = found.paired ? Side::second : Side::first;
  const std::vector<TokenSpan> spans = found.tokens->spans(found.text, side, *found.table);
  const auto& decisions = found.info->decisions;
  Piece best{std::nullopt, {0, 0}, 0};
  if (!spans.empty()) {
    std::vector<double> starts, ends;
    for (const TokenSpan& span : spans) {
      starts.push_back(double{found.values.numbers[span.token * 2]});
      ends.push_back(double{found.values.numbers[span.token * 2 + 1]});
    }
    const double temperature = decisions ? decisions->temperature : 1;
    starts = softmax(std::move(starts), temperature);
    ends = softmax(std::move(ends), temperature);
    std::size_t first = 0, last = 0;
    best.probability = -1;
    for (std::size_t start = 0; start < spans.size(); ++start) {
      for (std::size_t end = start; end < std::min(start + longest_span, spans.size()); ++end) {
        if (starts[start] * ends[end] <= best.probability) continue;
        best.probability = starts[start] * ends[end];
        first = start;
        last = end;
      }
    }
    const Words words(found.text, *found.table);
    best.characters = {words.own_characters(spans[first].characters).start,
                       words.own_characters(spans[last].characters).end};
  }
  if (decisions) into.accepted = decisions->accepts(best.probability, std::nullopt);
  into.pieces.push_back(best);
}

}  // namespace bitfit
