#include "self_test.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "error.hpp"
#include "files.hpp"
#include "limits.hpp"

namespace bitfit {
namespace {

// Large enough that even a key bias shows, which softmax cancels except for the rounding that large scores bring;
// static activations round small effects away.
constexpr float effect_amplitude = 0x1p20F, static_effect_amplitude = 0x1p24F;
constexpr std::size_t fingerprint_digits = 16;
// Of a fingerprint: registers of 4, 8 and 16 numbers are filled, and something is left over of each. Kernels that agree
// on fewer numbers may sum many in another order.
constexpr std::size_t many_tokens = 61, many_labels = 19;

// The default bias with the delta amplitude · (−1)^(i + j) at its element j, as bias number i.
std::vector<float> moved(const Base& base, std::size_t number, float amplitude) {
  std::vector<float> bias = base.defaults.at(base.manifest.biases[number].name);
  for (std::size_t element = 0; element < bias.size(); ++element) {
    bias[element] = bias[element] + ((number + element) % 2 == 0 ? amplitude : -amplitude);
  }
  return bias;
}

class TestRun {
 public:
  TestRun(const Base& base, const Runner& runner, std::size_t rows, const std::vector<std::int64_t>& ids)
      : base_(&base), runner_(&runner), rows_(rows) {
    const std::size_t width = runner.padding().width(ids.size());
    const std::vector<std::int64_t> shape{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)};
    for (const std::string& name : base.manifest.inputs) {
      std::vector<std::int64_t> numbers(rows * width, name == input_ids ? base.manifest.pad_token_id : 0);
      for (std::size_t place = 0; place < rows * width; ++place) {
        const std::size_t token = place % width;
        if (token < ids.size() && name != token_type_ids) numbers[place] = name == input_ids ? ids[token] : 1;
      }
      integers_.push_back(std::move(numbers));
      feeds_.push_back(integer_feed(name, shape, integers_.back()));
    }
  }

  void add(const std::string& name, std::vector<std::int64_t> shape, std::vector<float> numbers) {
    floats_.push_back(std::move(numbers));
    feeds_.push_back(float_feed(name, std::move(shape), floats_.back()));
  }

  // Feed each bias for each row: `bias_of(number, row)`.
  template <typename BiasOf>
  void add_biases(BiasOf bias_of) {
    for (std::size_t number = 0; number < base_->manifest.biases.size(); ++number) {
      const BiasSpec& spec = base_->manifest.biases[number];
      std::vector<float> stacked;
      for (std::size_t row = 0; row < rows_; ++row) {
        const std::vector<float> bias = bias_of(number, row);
        stacked.insert(stacked.end(), bias.begin(), bias.end());
      }
      add(spec.name, {static_cast<std::int64_t>(rows_), 1, static_cast<std::int64_t>(spec.size)}, std::move(stacked));
    }
  }

  std::vector<Output> run(const std::vector<const char*>& outputs) const {
    try {
      return runner_->session().run(feeds_, outputs);
    } catch (const Error& error) {
      fail(BITFIT_SELF_TEST, base_->manifest.name + ": " + error.what());
    }
  }

 private:
  const Base* base_;
  const Runner* runner_;
  std::size_t rows_;
  std::vector<Feed> feeds_;
  std::list<std::vector<float>> floats_;
  std::list<std::vector<std::int64_t>> integers_;
};

// Two rows of a text: one with default biases, one with all of them moved.
TestRun golden_run(const Base& base, const Runner& runner, const std::vector<std::int64_t>& ids) {
  const auto amplitude = static_cast<float>(base.manifest.self_test.amplitude);
  TestRun test(base, runner, 2, ids);
  test.add_biases([&](std::size_t number, std::size_t row) {
    return row == 0 ? base.defaults.at(base.manifest.biases[number].name) : moved(base, number, amplitude);
  });
  return test;
}

}  // namespace

void quick_test(const Base& base, const Runner& runner) {
  const SelfTest& test = base.manifest.self_test;
  const Output pooled = golden_run(base, runner, test.input_ids).run({pooled_output}).front();
  for (std::size_t row = 0; row < 2; ++row) {
    const std::vector<float> expected(test.pooled[row].begin(), test.pooled[row].end());
    const float* found = pooled.floats() + row * expected.size();
    const double off = distance(found, expected.data(), expected.size()) / length(expected.data(), expected.size());
    if (off <= test.tolerance) continue;
    fail(BITFIT_SELF_TEST,
         base.manifest.name + ": with " + (row == 0 ? "default" : "changed") + " biases the answer is " +
             std::to_string(off) + " off the exported one, at most " + std::to_string(test.tolerance) +
             " is accepted; this build of onnxruntime ignores the graph's bias inputs, or its kernels "
             "saturate: use another version or provider");
  }
}

void full_test(const Base& base, const Runner& runner) {
  quick_test(base, runner);
  const float amplitude = base.manifest.static_activations ? static_effect_amplitude : effect_amplitude;
  const std::size_t biases = base.manifest.biases.size(), hidden = base.manifest.hidden_size;
  TestRun test(base, runner, biases + 1, base.manifest.self_test.input_ids);
  test.add_biases([&](std::size_t number, std::size_t row) {
    return row == number ? moved(base, number, amplitude) : base.defaults.at(base.manifest.biases[number].name);
  });
  const Output pooled = test.run({pooled_output}).front();
  for (std::size_t number = 0; number < biases; ++number) {
    const float *own = pooled.floats() + number * hidden, *plain = pooled.floats() + biases * hidden;
    if (std::memcmp(own, plain, hidden * sizeof(float)) != 0) continue;
    fail(BITFIT_SELF_TEST, base.manifest.name + ": onnxruntime " + runtime_version() + " ignores the bias input " +
                               base.manifest.biases[number].name + "; use another version or provider");
  }
}

std::string kernel_fingerprint(const Base& base, const Runner& runner) {
  const std::size_t hidden = base.manifest.hidden_size;
  const std::vector<std::int64_t>& ids = base.manifest.self_test.input_ids;
  std::vector<std::int64_t> many(std::min(many_tokens, base.manifest.max_length));
  for (std::size_t place = 0; place < many.size(); ++place) many[place] = ids[place % ids.size()];
  std::vector<float> head(hidden * many_labels);
  for (std::size_t at = 0; at < head.size(); ++at) {
    const std::size_t place = 5 * (at / many_labels) + 3 * (at % many_labels);
    head[at] = (static_cast<float>(place % 7) - 3) / 4;
  }
  std::string hashed;
  const auto append = [&](const float* numbers, std::size_t count) {
    hashed.append(reinterpret_cast<const char*>(numbers), count * sizeof(float));
  };
  for (const std::vector<std::int64_t>& text : {ids, many}) {
    TestRun test = golden_run(base, runner, text);
    test.add(head_weight, {1, static_cast<std::int64_t>(hidden), many_labels}, head);
    const std::vector<Output> outputs = test.run({pooled_output, logits_output, token_logits_output});
    append(outputs[0].floats(), outputs[0].size());
    append(outputs[1].floats(), outputs[1].size());
    const std::size_t row = outputs[2].size() / 2;
    for (std::size_t number = 0; number < 2; ++number) {
      append(outputs[2].floats() + number * row, text.size() * many_labels);
    }
  }
  const std::size_t multiple = runner.padding().multiple;
  if (multiple != 1) hashed += {static_cast<char>(multiple), 0, 0, 0};
  return digest(hashed).substr(0, fingerprint_digits);
}

double distance(const float* found, const float* expected, std::size_t size) {
  double squares = 0;
  for (std::size_t index = 0; index < size; ++index) {
    const double difference = double{found[index]} - double{expected[index]};
    squares += difference * difference;
  }
  return std::sqrt(squares);
}

double length(const float* vector, std::size_t size) {
  double squares = 0;
  for (std::size_t index = 0; index < size; ++index) squares += double{vector[index]} * double{vector[index]};
  return std::sqrt(squares);
}

}  // namespace bitfit
