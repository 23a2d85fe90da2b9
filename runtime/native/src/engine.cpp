#include "engine.hpp"

#include <algorithm>
#include <cmath>
#include <future>

#include "error.hpp"
#include "files.hpp"
#include "limits.hpp"
#include "memory.hpp"
#include "self_test.hpp"
#include "utf8.hpp"

namespace bitfit {
namespace {

constexpr std::size_t cache_bytes = 16 << 20;
constexpr std::size_t piece_windows = 1024, piece_characters = 1 << 18;

std::string lower(std::string digits) {
  std::transform(digits.begin(), digits.end(), digits.begin(), [](char digit) {
    return digit >= 'A' && digit <= 'F' ? static_cast<char>(digit + 'a' - 'A') : digit;
  });
  return digits;
}

void check_digest(std::string_view data, const std::string& where, const char* sha256) {
  if (sha256 == nullptr) return;
  const std::string expected = lower(sha256), found = digest(data);
  if (expected == found) return;
  fail(BITFIT_PACK_DIGEST, where + " is not the pack that was asked for: expected SHA-256 " + expected.substr(0, 12) +
                               "…, found " + found.substr(0, 12) + "…; get it again");
}

Tokenizer read_tokenizer(const std::string& path) {
  const Bytes text = read_file(path, limits::tokenizer_bytes, BITFIT_BASE_FORMAT);
  return Tokenizer(parse_tokenizer(view(text), path));
}

}  // namespace

// Hashing, the tokenizer and ONNX Runtime's loading overlap.
Engine::Engine(const std::string& folder, const bitfit_options& options) : base_(Base::open(folder)) {
  const bool verify = options.verify != 0;
  base_.check_graph(verify);
  auto tokenizer = std::async(std::launch::async, [&] { return read_tokenizer(base_.path(tokenizer_file)); });
  auto verified = std::async(std::launch::async, [&] {
    std::vector<std::string> names;
    for (const auto& [name, digest] : base_.manifest.files) {
      if (verify && name != model_file) names.push_back(name);
    }
    base_.verify(names);
  });
  std::optional<Session> session;
  try {
    session = Session::of_file(base_.path(model_file), options.threads);
  } catch (const Error&) {
    verified.get();  // that a file was altered tells more than that it cannot be loaded
    throw;
  }
  verified.get();
  base_.check_weights(session->metadata(weights_digest));
  tokenizer_ = tokenizer.get();
  trim_memory();
  runner_.emplace(base_, std::move(*session));
  cache_.emplace(base_, cache_bytes);
  if (options.self_test == BITFIT_TEST_QUICK) quick_test(base_, *runner_);
  if (options.self_test == BITFIT_TEST_FULL) full_test(base_, *runner_);
}

void Engine::install(const std::string& task, std::string_view data, const std::string& where, const char* sha256) {
  if (task.empty() || !is_utf8(task) || count_characters(task) > limits::task_name_characters) {
    fail(BITFIT_INPUT, "a task name should have 1 to " + std::to_string(limits::task_name_characters) +
                           " characters, found " + in_quotes(task));
  }
  check_digest(data, where, sha256);
  Pack parsed = parse_pack(data, where);
  parsed.canary.reset();
  const auto pack = std::make_shared<const InstalledPack>(std::move(parsed));
  cache_->get(pack);  // decoded once, to check that it can be
  const std::lock_guard<std::mutex> lock(installing_);
  auto changed = std::make_shared<Packs>(*packs_);
  PackPointer& place = (*changed)[task];
  const PackPointer before = std::exchange(place, pack);
  packs_ = std::move(changed);
  cache_->drop(before);
}

void Engine::remove(const std::string& task) {
  const std::lock_guard<std::mutex> lock(installing_);
  const PackPointer before = find(*packs_, task);
  auto changed = std::make_shared<Packs>(*packs_);
  changed->erase(task);
  packs_ = std::move(changed);
  cache_->drop(before);
}

std::shared_ptr<const Engine::Packs> Engine::packs() const {
  const std::lock_guard<std::mutex> lock(installing_);
  return packs_;
}

PackPointer Engine::find(const Packs& packs, const std::string& task) const {
  const auto found = packs.find(task);
  if (found != packs.end()) return found->second;
  std::string known;
  std::size_t shown = 0;
  for (const auto& [name, pack] : packs) {
    if (++shown <= 8) known += (known.empty() ? "" : ", ") + name;
  }
  fail(BITFIT_UNKNOWN_TASK, "task " + in_quotes(task) + " is not installed (installed: " +
                                (known.empty() ? "none" : known) + "); install its pack first");
}

Engine::Asked Engine::ask(const Row& row, const PackPointer& pack, const std::string& output, bool pooled) {
  Asked asked{pack, pack ? cache_->get(pack) : nullptr, decode_utf8(row.text), std::nullopt, {}, output, pooled};
  if (row.pair) asked.pair = decode_utf8(*row.pair);
  const Limit limit = pack ? Limit::of(pack->pack.info) : Limit{base_.manifest.max_length};
  asked.tokens = tokenizer_->tokenize(asked.text, asked.pair ? &*asked.pair : nullptr, limit);
  return asked;
}

// Run the windows of all rows, and join those of each.
std::vector<Result> Engine::run(const std::vector<Asked>& asked) const {
  std::vector<TokenizedText> windows;
  for (const Asked& one : asked) {
    for (std::size_t index = 0; index < one.tokens.size(); ++index) windows.push_back(one.tokens.window(index));
  }
  std::vector<Request> requests;
  for (const Asked& one : asked) {
    const bool head = one.output == logits_output || one.output == token_logits_output;
    const std::size_t labels = head ? one.pack->pack.info.labels.size() : 0;
    for (std::size_t index = 0; index < one.tokens.size(); ++index) {
      requests.push_back({&windows[requests.size()], one.decoded, labels, one.output, one.pooled});
    }
  }
  std::vector<Result> parts = runner_->run(requests), found;
  auto part = parts.begin();
  for (const Asked& one : asked) {
    std::vector<Values> values, pooled;
    for (std::size_t index = 0; index < one.tokens.size(); ++index, ++part) {
      values.push_back(std::move(part->values));
      pooled.push_back({1, part->pooled.size(), std::move(part->pooled)});
    }
    static const PackInfo bare;
    const PackInfo& info = one.pack ? one.pack->pack.info : bare;
    Result joined{join_windows(one.tokens, values, one.output, info), {}};
    if (one.pooled) joined.pooled = join_windows(one.tokens, pooled, pooled_output, info).numbers;
    found.push_back(std::move(joined));
  }
  return found;
}

Answer Engine::answer(const Asked& asked, Result found) const {
  const PackInfo& info = asked.pack->pack.info;
  const std::vector<float>& numbers = found.values.numbers;
  if (!std::all_of(numbers.begin(), numbers.end(), [](float number) { return std::isfinite(number); })) {
    fail(BITFIT_PACK_FORMAT, "pack " + in_quotes(info.task) +
                                 " gives a number that is not finite, for its values are too large for the base; "
                                 "install an earlier pack or train it again");
  }
  const bool second = info.type->kind == BITFIT_SPAN && asked.pair;
  return make_answer({&info, &asked.decoded->transitions, &asked.decoded->centres, &asked.tokens.text,
                      second ? std::u32string_view(*asked.pair) : std::u32string_view(asked.text),
                      asked.pair.has_value(), &tokenizer_->table(), std::move(found.values), std::move(found.pooled)});
}

template <typename Ask, typename Finish>
std::vector<RowAnswer> Engine::in_pieces(const std::vector<Row>& rows, Ask ask_one, Finish finish) {
  std::vector<RowAnswer> answers;
  std::vector<Asked> piece;
  std::size_t windows = 0, characters = 0;
  const auto flush = [&] {
    std::vector<Result> results = run(piece);
    for (std::size_t index = 0; index < piece.size(); ++index) {
      answers.push_back({piece[index].pack, finish(piece[index], std::move(results[index]))});
    }
    piece.clear();
    windows = characters = 0;
  };
  for (const Row& row : rows) {
    piece.push_back(ask_one(row));
    windows += piece.back().tokens.size();
    characters += row.text.size() + (row.pair ? row.pair->size() : 0);
    if (windows >= piece_windows || characters >= piece_characters) flush();
  }
  if (!piece.empty()) flush();
  return answers;
}

std::vector<RowAnswer> Engine::predict(const std::vector<Row>& rows) {
  const auto installed = packs();
  for (const Row& row : rows) {  // before anything runs
    if (!row.task) fail(BITFIT_INPUT, "a row has no task; name the installed pack that answers it");
    find(*installed, *row.task);
  }
  const auto ask_one = [&](const Row& row) {
    const PackPointer pack = find(*installed, *row.task);
    const auto& decisions = pack->pack.info.decisions;
    return ask(row, pack, pack->pack.info.type->output,
               decisions && decisions->outliers && decisions->outliers->of_pooled);
  };
  return in_pieces(rows, ask_one, [&](const Asked& asked, Result found) { return answer(asked, std::move(found)); });
}

std::vector<RowAnswer> Engine::outputs(const std::vector<Row>& rows, bitfit_output output) {
  const auto installed = packs();
  const auto pack_of = [&](const Row& row) { return row.task ? find(*installed, *row.task) : nullptr; };
  for (const Row& row : rows) {
    const PackPointer pack = pack_of(row);
    if (output == BITFIT_LOGITS && !(pack && pack->pack.info.type->has_head())) {
      fail(BITFIT_INPUT, "a row has no head, so no logits; ask for pooled vectors or hidden states");
    }
  }
  const auto ask_one = [&](const Row& row) {
    const PackPointer pack = pack_of(row);
    const char* name = output == BITFIT_POOLED   ? pooled_output
                       : output == BITFIT_HIDDEN ? hidden_output
                                                 : pack->pack.info.type->output;
    return ask(row, pack, name, false);
  };
  return in_pieces(rows, ask_one, [](const Asked& asked, Result found) {
    Answer answer;
    answer.type = asked.pack ? asked.pack->pack.info.type->kind : BITFIT_EMBEDDING;
    answer.truncated = asked.tokens.text.truncated();
    answer.values = std::move(found.values);
    return answer;
  });
}

std::string Engine::kernels() const { return kernel_fingerprint(base_, *runner_); }

}  // namespace bitfit
