// Running requests: which rows run together, what a batch feeds to the graph, and each row's part of what comes back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base.hpp"
#include "probes.hpp"
#include "session.hpp"
#include "window_joins.hpp"

namespace bitfit {

// One row of a call, or one window of it. A null pack is the bare base; `labels` are 0 where no head is asked for.
struct Request {
  const TokenizedText* tokens;
  std::shared_ptr<const DecodedPack> pack;
  std::size_t labels;
  std::string output;
  bool pooled = false;  // wanted besides
};

struct Result {
  Values values;
  std::vector<float> pooled;
};

class Runner {
 public:
  Runner(const Base& base, Session session);

  // Run every request and return its output, without padding, in their order. A row's bits are those that it has alone.
  std::vector<Result> run(const std::vector<Request>& requests) const;
  const Session& session() const { return session_; }
  const Padding& padding() const { return padding_; }

 private:
  using Batch = std::vector<std::size_t>;  // of requests, the longest first

  std::vector<Batch> plan(const std::vector<Request>& requests) const;
  void run_batch(const std::vector<Request>& requests, const Batch& batch, std::vector<Result>& into) const;

  const Base* base_;
  Session session_;
  Padding padding_;
  bool spares_token_logits_;
};

}  // namespace bitfit
