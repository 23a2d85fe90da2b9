#include "manifest.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "error.hpp"
#include "json_fields.hpp"
#include "limits.hpp"

namespace bitfit {
namespace {

constexpr std::int64_t newest_schema = 2;

struct Weight {
  std::string name;
  std::vector<std::int64_t> shape;
  bool has_static;
};

// Sizes are checked before they are narrowed to what this machine counts with.
std::size_t size_of(const Fields& fields, const char* name, std::int64_t least, std::int64_t most) {
  const std::int64_t found = fields.integer(name);
  if (found < least || found > most) {
    fields.blame().fail(std::string(name) + " should be " + std::to_string(least) + " to " + std::to_string(most) +
                        ", found " + std::to_string(found));
  }
  return static_cast<std::size_t>(found);
}

std::vector<BiasSpec> read_biases(const Fields& fields) {
  std::vector<BiasSpec> found;
  std::set<std::string> names;
  for (const Fields& item : fields.objects("biases")) {
    const std::size_t size = size_of(item, "size", 1, limits::largest);
    found.push_back({item.string("name"), size, item.string("term"), item.integer("layer")});
    if (found.back().layer < -1 || found.back().layer > limits::largest)
      item.blame().fail("a bias is of an impossible layer");
    if (!names.insert(found.back().name).second) item.blame().fail("a bias is listed twice");
  }
  return found;
}

std::vector<Weight> read_weights(const Fields& fields) {
  std::vector<Weight> found;
  for (const Fields& item : fields.objects("weights")) {
    found.push_back({item.string("name"), item.integers("shape"), item.has("static")});
    item.choice("scheme", {"float32", "int8", "int4"});
    item.boolean("transposed");
    if (found.back().has_static) item.string("static");
    for (const std::int64_t size : found.back().shape) {
      if (size < 1 || size > limits::largest) item.blame().fail("a weight has a negative or impossible size");
    }
  }
  return found;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// How many tokens the word embeddings have, where the weights name them.
std::int64_t vocabulary_size(const std::vector<Weight>& weights) {
  std::int64_t found = limits::vocabulary;
  for (const Weight& weight : weights) {
    for (const char* name : {"word_embeddings.weight", "tok_embeddings.weight", "embed_tokens.weight"}) {
      if (ends_with(weight.name, name) && !weight.shape.empty()) found = std::min(found, weight.shape[0]);
    }
  }
  return found;
}

SelfTest read_self_test(const Fields& fields, const Manifest& manifest) {
  SelfTest found{fields.integers("input_ids"), fields.number("amplitude"), fields.number("tolerance"),
                 fields.vectors("pooled", 2)};
  const bool known = std::all_of(found.input_ids.begin(), found.input_ids.end(),
                                 [](std::int64_t id) { return id >= 0 && id < limits::vocabulary; });
  if (found.input_ids.empty() || found.input_ids.size() > manifest.max_length || !known) {
    fields.blame().fail("input_ids should hold 1 to " + std::to_string(manifest.max_length) + " token ids");
  }
  for (const auto& row : found.pooled) {
    if (row.size() != manifest.hidden_size) fields.blame().fail("pooled is not as wide as the model");
  }
  if (!(found.tolerance > 0 && found.tolerance <= 1)) fields.blame().fail("tolerance should be above 0 and at most 1");
  if (!(found.amplitude >= 0 && found.amplitude <= 1000)) fields.blame().fail("amplitude should be 0 to 1000");
  return found;
}

void check_files(const Manifest& manifest, const Blame& blame) {
  const std::set<std::string> needed{model_file, tokenizer_file, config_file, biases_file};
  for (const std::string& name : needed) {
    if (manifest.files.count(name) == 0) blame.fail("files lists no " + name);
  }
  for (const auto& [name, digest] : manifest.files) {
    if (needed.count(name) == 0 && name != weights_file)
      blame.fail("it lists " + in_quotes(name) + ", which is not a file of a base");
  }
}

void check_branches(const Manifest& manifest, const Blame& blame) {
  std::int64_t before = 0;
  for (const std::int64_t layer : manifest.branches) {
    if (layer <= before || layer > manifest.layers()) {
      blame.fail("branches should be ascending layers, 1 to " + std::to_string(manifest.layers()));
    }
    before = layer;
  }
}

// Fields that this runtime does not use, but that a manifest must have.
void check_others(const Fields& fields) {
  for (const char* name : {"architecture", "created_by"}) fields.string(name);
  size_of(fields, "parameters", 1, limits::largest);
  fields.strings("inert_terms");
  fields.string_map("folded_terms");
}

}  // namespace

std::int64_t Manifest::layers() const {
  std::int64_t last = -1;
  for (const BiasSpec& spec : biases) last = std::max(last, spec.layer);
  return last + 1;
}

std::string Manifest::digest() const { return "sha256:" + files.at(model_file); }

std::string Manifest::tokenizer_digest() const { return "sha256:" + files.at(tokenizer_file); }

Manifest parse_manifest(std::string_view text, const std::string& where) {
  const Blame blame{BITFIT_BASE_FORMAT, where, "export the base again"};
  const Json document = parse_json(text, blame);
  const Fields fields(document, blame);
  const bool extended = fields.schema("bitfit-base", newest_schema) == newest_schema;
  Manifest manifest;
  manifest.name = fields.string("name");
  manifest.precision = fields.choice("precision", {"int8", "int4", "fp32"});
  manifest.pooling = fields.choice("pooling", {"mean", "cls", "pooler"});
  manifest.max_length = size_of(fields, "max_length", 8, limits::tokens);
  manifest.hidden_size = size_of(fields, "hidden_size", 1, limits::largest);
  manifest.inputs = fields.strings("inputs");
  manifest.files = fields.string_map("files");
  manifest.biases = read_biases(fields);
  const std::vector<Weight> weights = read_weights(fields);
  const std::int64_t vocabulary = vocabulary_size(weights);
  manifest.pad_token_id = static_cast<std::int64_t>(size_of(fields, "pad_token_id", 0, vocabulary - 1));
  if (fields.has("branches")) manifest.branches = fields.integers("branches");
  if (extended) manifest.static_activations = fields.choice("activations", {"static"}) == "static";
  check_others(fields);
  const std::vector<std::string> inputs{input_ids, attention_mask},
      with_types{input_ids, attention_mask, token_type_ids};
  if (manifest.inputs != inputs && manifest.inputs != with_types) {
    blame.fail("inputs should be input_ids, attention_mask, perhaps token_type_ids");
  }
  check_files(manifest, blame);
  check_branches(manifest, blame);
  for (const Weight& weight : weights) {
    if (weight.has_static && !extended) blame.fail("a weight names a static scale, but activations are dynamic");
  }
  manifest.self_test = read_self_test(fields.nested("self_test"), manifest);
  return manifest;
}

}  // namespace bitfit
