#include "pack.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "error.hpp"
#include "limits.hpp"
#include "pack_encoding.hpp"
#include "utf8.hpp"

namespace bitfit {
namespace {

constexpr std::int64_t newest_schema = 3;
constexpr float largest_score = 20;
const char* const remedy = "get the pack again";

// Fields that came later and change answers, and the first schema that has them.
constexpr std::pair<const char*, int> later_fields[] = {
    {"from_layer", 2}, {"windows", 2}, {"decisions", 3}, {"transitions", 3}, {"words", 3}};

void check_schema(const Fields& fields) {
  const std::int64_t schema = fields.schema("bitfit-pack", newest_schema);
  for (const auto& [name, first] : later_fields) {
    if (fields.has(name) && schema < first) {
      fields.blame().fail("schema version " + std::to_string(schema) + " has no field " + in_quotes(name));
    }
  }
}

const TaskType* type_of(const Fields& fields) {
  std::vector<std::string> names;
  for (const TaskType& type : task_types()) names.emplace_back(type.name);
  const std::string chosen = fields.choice("task_type", names);
  return &*std::find_if(task_types().begin(), task_types().end(),
                        [&](const TaskType& type) { return type.name == chosen; });
}

Windows parse_windows(const Fields& fields, const PackInfo& info) {
  const std::int64_t overlap = fields.integer("overlap"), count = fields.integer("max_windows");
  const std::string join = fields.choice("join", info.type->joins);
  if (overlap < 0 || overlap > static_cast<std::int64_t>(info.max_length / 2)) {
    fields.blame().fail("windows should overlap by 0 to " + std::to_string(info.max_length / 2) + " tokens");
  }
  if (count < 1 || count > limits::windows) {
    fields.blame().fail("max_windows should be 1 to " + std::to_string(limits::windows) + ", found " +
                        std::to_string(count));
  }
  return {join, static_cast<std::size_t>(overlap), static_cast<std::size_t>(count)};
}

void check_labels(const PackInfo& info, const Blame& blame) {
  const auto count = static_cast<std::int64_t>(info.labels.size());
  const bool distinct = std::set<std::string>(info.labels.begin(), info.labels.end()).size() == info.labels.size();
  if (count < info.type->fewest_labels || count > info.type->most_labels || !distinct) {
    blame.fail(std::string("a ") + info.type->name + " task has " + std::to_string(info.type->fewest_labels) + " to " +
               std::to_string(info.type->most_labels) + " distinct labels, found " + std::to_string(count));
  }
}

// Refuse transitions where labels are no BIO tags, each of which some legal path has.
void check_tags(const PackInfo& info, const Blame& blame) {
  if (info.type->kind != BITFIT_TOKEN_CLASSIFICATION) {
    blame.fail(std::string("a ") + info.type->name + " task has no transitions and no words");
  }
  if (info.transitions == Transitions::none) return;
  if (info.labels.size() > limits::tags)
    blame.fail("transitions take at most " + std::to_string(limits::tags) + " labels");
  for (const std::string& label : info.labels) {
    const bool begins = label == "O" || label.compare(0, 2, "B-") == 0;
    const bool follows = label.compare(0, 2, "I-") == 0 &&
                         std::find(info.labels.begin(), info.labels.end(), "B-" + label.substr(2)) != info.labels.end();
    if (!begins && !follows) {
      blame.fail("transitions need the labels O, B-NAME, and I-NAME beside its B-NAME, found " + in_quotes(label));
    }
  }
}

void parse_optional(const Fields& fields, PackInfo& info) {
  if (fields.has("tokenizer")) info.tokenizer = fields.string("tokenizer");
  if (fields.has("from_layer")) info.from_layer = fields.integer("from_layer");
  if (info.from_layer < 0 || info.from_layer > limits::layers) {
    fields.blame().fail("from_layer should be a layer, found " + std::to_string(info.from_layer));
  }
  if (fields.has("windows")) info.windows = parse_windows(fields.nested("windows"), info);
  if (fields.has("transitions")) {
    const bool legal = fields.choice("transitions", {"legal", "learned"}) == "legal";
    info.transitions = legal ? Transitions::legal : Transitions::learned;
  }
  info.words_by_mean = fields.has("words") && fields.choice("words", {"mean"}) == "mean";
  if (info.words_by_mean || info.transitions != Transitions::none) check_tags(info, fields.blame());
  if (fields.has("decisions")) {
    info.decisions = parse_decisions(fields.nested("decisions"), *info.type, info.labels.size());
  }
}

PackInfo parse_info(const Fields& fields) {
  check_schema(fields);
  PackInfo info;
  info.type = type_of(fields);
  info.base = fields.string("base");
  info.base_name = fields.string("base_name");
  info.task = fields.string("task");
  info.labels = fields.strings("labels");
  info.pooling = fields.choice("pooling", {"mean", "cls", "pooler"});
  info.terms = fields.strings("terms");
  info.encoding = fields.choice("encoding", {"int2", "int3", "int4", "int8", "float16", "float32"});
  fields.number_map("metrics");
  fields.string("created_by");
  if (count_characters(info.task) > limits::task_name_characters) {
    fields.blame().fail("a task name has at most " + std::to_string(limits::task_name_characters) + " characters");
  }
  const std::int64_t length = fields.integer("max_length");
  if (length < 3) fields.blame().fail("max_length should be at least 3, found " + std::to_string(length));
  info.max_length = static_cast<std::size_t>(std::min(length, limits::largest));
  check_labels(info, fields.blame());
  parse_optional(fields, info);
  return info;
}

bool is_fingerprint(const std::string& text) {
  return text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Canary parse_canary(const Fields& fields, std::map<std::string, Stored>& tensors) {
  Canary found;
  found.kernels = fields.string("kernels");
  for (const Fields& item : fields.objects("inputs")) {
    std::optional<std::string> pair;
    if (item.has("text_pair")) pair = item.string("text_pair");
    found.texts.emplace_back(item.string("text"), pair);
  }
  if (found.texts.empty() || found.texts.size() > limits::canary_texts) {
    fields.blame().fail("it has 1 to " + std::to_string(limits::canary_texts) + " inputs, found " +
                        std::to_string(found.texts.size()));
  }
  if (!is_fingerprint(found.kernels)) fields.blame().fail("kernels should be 16 hexadecimal digits");
  const auto tensor = tensors.find("canary");
  if (tensor == tensors.end() || tensor->second.dtype != Dtype::float32) {
    fields.blame().fail("the tensor canary should be a vector of float32");
  }
  found.expected = tensor->second.floats();
  tensors.erase(tensor);
  return found;
}

void check_finite(const std::map<std::string, Stored>& tensors, const Blame& blame) {
  for (const auto& [name, tensor] : tensors) {
    if (tensor.dtype == Dtype::uint8) continue;
    for (const float number : tensor.floats()) {
      if (!std::isfinite(number)) blame.fail(name + " holds a value that is not finite");
    }
  }
}

std::map<std::string, Dtype> expected_tensors(const PackInfo& info) {
  std::map<std::string, Dtype> found;
  const Dtype floats = info.encoding == "float16" ? Dtype::float16 : Dtype::float32;
  const auto expect = [&](const std::string& name) {
    found[name] = is_coded(info.encoding) ? Dtype::uint8 : floats;
    if (is_coded(info.encoding)) found[name + ".scale"] = Dtype::float32;
  };
  if (!info.terms.empty()) expect("biases");
  if (info.type->has_head()) {
    expect(head_weight);
    found[head_bias] = floats;
  }
  if (info.transitions == Transitions::learned) found["transitions"] = Dtype::float16;
  if (info.decisions && info.decisions->outliers) found["outlier.centres"] = Dtype::uint8;
  return found;
}

void check_scores(const Stored& scores, std::size_t labels, const Blame& blame) {
  if (scores.size() != (labels + 1) * labels) {
    blame.fail("transitions should have " + std::to_string((labels + 1) * labels) + " elements, found " +
               std::to_string(scores.size()));
  }
  for (const float score : scores.floats()) {
    if (std::fabs(score) > largest_score) blame.fail("transitions should be at most 20 in size");
  }
}

void check_tensors(const Pack& pack, const Blame& blame) {
  const std::map<std::string, Dtype> expected = expected_tensors(pack.info);
  for (const auto& [name, dtype] : expected) {
    const auto found = pack.tensors.find(name);
    if (found == pack.tensors.end()) blame.fail("it lacks the tensor " + name);
    if (found->second.dtype != dtype) {
      blame.fail(name + " should be of " + name_of(dtype) + ", found " + name_of(found->second.dtype));
    }
  }
  for (const auto& [name, tensor] : pack.tensors) {
    if (expected.count(name) == 0) blame.fail("it should not hold the tensor " + in_quotes(name));
  }
  const auto bias = pack.tensors.find(head_bias);
  if (bias != pack.tensors.end() && bias->second.size() != pack.info.labels.size()) {
    blame.fail("head.bias should have " + std::to_string(pack.info.labels.size()) + " elements");
  }
  if (pack.info.transitions == Transitions::learned) {
    check_scores(pack.tensors.at("transitions"), pack.info.labels.size(), blame);
  }
}

}  // namespace

std::vector<BiasSpec> PackInfo::biases(const Manifest& manifest) const {
  std::vector<BiasSpec> found;
  for (const BiasSpec& spec : manifest.biases) {
    const bool listed = std::find(terms.begin(), terms.end(), spec.term) != terms.end();
    if (listed && !(from_layer > 0 && spec.below(from_layer))) found.push_back(spec);
  }
  return found;
}

Pack parse_pack(std::string_view data, const std::string& where) {
  const Blame blame{BITFIT_PACK_FORMAT, where, remedy};
  if (data.size() > limits::pack_bytes) {
    blame.fail("it holds " + std::to_string(data.size()) + " bytes, at most " + std::to_string(limits::pack_bytes) +
               " are accepted");
  }
  Safetensors file = parse_safetensors(data, blame);
  const auto metadata = file.metadata.find("bitfit");
  if (metadata == file.metadata.end()) blame.fail("it is not a bitfit pack, expected one from 'bitfit train'");
  const Json document = parse_json(metadata->second, blame);
  const Fields fields(document, blame);
  Pack pack{parse_info(fields), std::move(file.tensors), std::nullopt};
  check_finite(pack.tensors, blame);
  if (fields.has("canary")) pack.canary = parse_canary(fields.nested("canary"), pack.tensors);
  check_tensors(pack, blame);
  return pack;
}

}  // namespace bitfit
