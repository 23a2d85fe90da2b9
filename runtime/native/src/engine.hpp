// The engine: one session, any number of tasks.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "answers.hpp"
#include "pack_cache.hpp"
#include "runner.hpp"
#include "tokenizer.hpp"

namespace bitfit {

struct Row {
  std::optional<std::string> task;
  std::string_view text;
  std::optional<std::string_view> pair;
};

// An answer with the pack that gave it, null for the bare base.
struct RowAnswer {
  PackPointer pack;
  Answer answer;
};

class Engine {
 public:
  Engine(const std::string& folder, const bitfit_options& options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void install(const std::string& task, std::string_view data, const std::string& where, const char* sha256);
  void remove(const std::string& task);
  void check_canary(std::string_view data);
  std::vector<RowAnswer> predict(const std::vector<Row>& rows);
  std::vector<RowAnswer> outputs(const std::vector<Row>& rows, bitfit_output output);
  std::string kernels() const;

 private:
  using Packs = std::map<std::string, PackPointer>;
  // A row of a call, tokenized.
  struct Asked {
    PackPointer pack;
    std::shared_ptr<const DecodedPack> decoded;
    std::u32string text;
    std::optional<std::u32string> pair;
    WindowedText tokens;
    std::string output;
    bool pooled;
  };

  std::shared_ptr<const Packs> packs() const;
  PackPointer find(const Packs& packs, const std::string& task) const;
  Asked ask(const Row& row, const PackPointer& pack, const std::string& output, bool pooled);
  std::vector<Result> run(const std::vector<Asked>& asked) const;
  std::vector<float> canary_answers(const PackPointer& pack, const Canary& canary);
  Answer answer(const Asked& asked, Result found) const;
  // Run rows in pieces, so that a long list takes no more memory than its answers do.
  template <typename Ask, typename Finish>
  std::vector<RowAnswer> in_pieces(const std::vector<Row>& rows, Ask ask, Finish finish);

  Base base_;
  std::optional<Tokenizer> tokenizer_;
  std::optional<Runner> runner_;
  std::optional<PackCache> cache_;
  std::shared_ptr<const Packs> packs_ = std::make_shared<const Packs>();
  mutable std::mutex installing_;
};

}  // namespace bitfit
