#include "runner.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "error.hpp"
#include "feeds.hpp"
#include "limits.hpp"

namespace bitfit {
namespace {

constexpr std::size_t most_rows = 32, most_tokens = 512;  // of a batch, padded tokens; a single row may have more
constexpr std::size_t small_head_bytes = 256 << 10, most_head_bytes = 8 << 20, class_growth = 4;

// Heads are padded to the largest of their batch; each class allows four times more than the one before.
std::size_t head_class(std::size_t labels, std::size_t hidden) {
  std::size_t found = 0;
  for (std::size_t most = small_head_bytes; labels * hidden * sizeof(float) > most; most *= class_growth) ++found;
  return found;
}

// A row's part of an output, without padding.
Values own_part(const Output& output, std::size_t row, const Request& request, const std::string& name) {
  const std::size_t last = static_cast<std::size_t>(output.shape().back());
  const std::size_t columns = name == logits_output || name == token_logits_output ? request.labels : last;
  const std::size_t size = output.size() / static_cast<std::size_t>(output.shape().front());
  const std::size_t rows = output.shape().size() == 3 ? request.tokens->size() : 1;
  Values found{rows, columns, {}};
  found.numbers.reserve(rows * columns);
  for (std::size_t index = 0; index < rows; ++index) {
    const float* from = output.floats() + row * size + index * last;
    found.numbers.insert(found.numbers.end(), from, from + columns);
  }
  return found;
}

}  // namespace

Runner::Runner(const Base& base, Session session)
    : base_(&base), session_(std::move(session)), padding_{padding_multiple(), base.manifest.max_length} {
  const std::set<std::string> known = session_.inputs();
  std::vector<std::string> needed = base.manifest.inputs;
  for (const BiasSpec& spec : base.manifest.biases) needed.push_back(spec.name);
  needed.insert(needed.end(), {head_weight, head_bias});
  for (const std::string& name : needed) {
    if (known.count(name) != 0) continue;
    fail(BITFIT_BASE_FORMAT, "the graph of " + base.manifest.name + " has no input " + in_quotes(name) +
                                 ", without which packs cannot answer; export the base again");
  }
  spares_token_logits_ = known.count(tokens_read) != 0;
}

std::vector<Result> Runner::run(const std::vector<Request>& requests) const {
  std::vector<Result> found(requests.size());
  for (const Batch& batch : plan(requests)) run_batch(requests, batch, found);
  return found;
}

std::vector<Runner::Batch> Runner::plan(const std::vector<Request>& requests) const {
  const std::size_t hidden = base_->manifest.hidden_size;
  Batch order(requests.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto class_of = [&](std::size_t index) { return head_class(requests[index].labels, hidden); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t one, std::size_t two) {
    const std::size_t first = class_of(one), second = class_of(two);
    return first != second ? first < second : requests[one].tokens->size() > requests[two].tokens->size();
  });
  std::vector<Batch> found;
  std::size_t width = 0, most_labels = 0;
  for (const std::size_t index : order) {
    const std::size_t length = requests[index].tokens->size(), labels = std::max(most_labels, requests[index].labels);
    const std::size_t rows = found.empty() ? 0 : found.back().size() + 1;
    const bool together = rows > 0 && rows <= most_rows && rows * width <= most_tokens &&
                          padding_.fits(length, width) && rows * labels * hidden * sizeof(float) <= most_head_bytes &&
                          class_of(found.back().front()) == class_of(index);
    if (!together) {
      found.emplace_back();
      width = padding_.width(length);
    }
    most_labels = together ? labels : requests[index].labels;
    found.back().push_back(index);
  }
  return found;
}

void Runner::run_batch(const std::vector<Request>& requests, const Batch& batch, std::vector<Result>& into) const {
  std::vector<const TokenizedText*> texts;
  std::vector<const DecodedPack*> packs;
  std::vector<std::size_t> labels;
  std::set<std::string> wanted;
  for (const std::size_t index : batch) {
    const Request& request = requests[index];
    texts.push_back(request.tokens);
    packs.push_back(request.pack.get());
    labels.push_back(request.labels);
    wanted.insert(request.output);
    if (request.pooled) wanted.insert(pooled_output);
  }
  Feeds feeds(*base_);
  feeds.add_tokens(texts, padding_.width(texts.front()->size()));
  feeds.add_packs(packs, labels);
  if (spares_token_logits_ && wanted.count(token_logits_output) == 0) feeds.add_integers(tokens_read, {1}, {0});
  std::vector<const char*> names;
  for (const std::string& name : wanted) names.push_back(name.c_str());
  const std::vector<Output> outputs = session_.run(feeds.all(), names);
  const auto output_of = [&](const std::string& name) -> const Output& {
    return outputs[static_cast<std::size_t>(std::distance(wanted.begin(), wanted.find(name)))];
  };
  for (std::size_t row = 0; row < batch.size(); ++row) {
    const Request& request = requests[batch[row]];
    into[batch[row]].values = own_part(output_of(request.output), row, request, request.output);
    if (request.pooled)
      into[batch[row]].pooled = own_part(output_of(pooled_output), row, request, pooled_output).numbers;
  }
}

}  // namespace bitfit
