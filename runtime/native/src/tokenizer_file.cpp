#include "tokenizer_file.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "error.hpp"
#include "json_fields.hpp"
#include "utf8.hpp"

namespace bitfit {
namespace {

constexpr std::int64_t most_ids = std::int64_t{1} << 31;
constexpr std::int64_t most_characters = 1 << 20;

[[noreturn]] void refuse(const Blame& blame, const std::string& what) {
  fail(BITFIT_UNSUPPORTED,
       blame.where + ": " + what + ", which this library does not tokenize; use the Python runtime");
}

void expect_type(const Fields& fields, const char* part, const char* type) {
  if (!fields.has(part) || !fields.nested(part).has("type") || fields.nested(part).string("type") != type) {
    refuse(fields.blame(), std::string("the ") + part + " is not a " + type);
  }
}

std::int32_t checked_id(std::int64_t id, const Blame& blame) {
  if (id < 0 || id >= most_ids) blame.fail("a token has an id that no model has");
  return static_cast<std::int32_t>(id);
}

std::vector<AddedToken> parse_added(const Fields& fields, const Vocabulary& vocabulary) {
  std::vector<AddedToken> found;
  std::map<std::string, std::int32_t> own;
  auto next = static_cast<std::int64_t>(vocabulary.ids.size());
  for (const Fields& item : fields.objects("added_tokens")) {
    const std::string content = item.string("content");
    for (const char* flag : {"normalized", "single_word", "lstrip", "rstrip"}) {
      if (item.boolean(flag)) refuse(item.blame(), "the added token " + in_quotes(content) + " is " + flag);
    }
    if (content.empty()) continue;  // which the library never finds
    const std::int32_t id = checked_id(item.integer("id"), item.blame());
    // The library goes by the vocabulary, else it counts on, whatever the file says.
    const auto known = vocabulary.ids.find(content);
    const auto earlier = own.find(content);
    const std::int64_t given = known != vocabulary.ids.end() ? known->second
                               : earlier != own.end()        ? earlier->second
                                                             : next;
    if (id != given) {
      refuse(item.blame(), "the added token " + in_quotes(content) + " has another id than in the vocabulary");
    }
    own.emplace(content, id);
    next = std::max(next, std::int64_t{id} + 1);
    found.push_back({decode_utf8(content), id});
  }
  std::stable_sort(found.begin(), found.end(), [](const AddedToken& one, const AddedToken& two) {
    return one.content.size() > two.content.size();
  });
  return found;
}

Vocabulary parse_vocabulary(const Fields& fields, const Json& model) {
  const Fields own = fields.nested("model");
  const std::int64_t longest = own.integer("max_input_chars_per_word");
  if (longest < 0 || longest > most_characters) own.blame().fail("max_input_chars_per_word is out of bounds");
  Vocabulary found;
  found.inside = own.string("continuing_subword_prefix");
  found.longest_word = static_cast<std::size_t>(longest);
  own.nested("vocab");  // is an object
  const Json& vocabulary = model.at("vocab");
  found.ids.reserve(vocabulary.size());
  for (const auto& [token, id] : vocabulary.items()) {
    if (!id.is_number_integer()) own.blame().fail("the id of " + in_quotes(token) + " is not an integer");
    found.ids.emplace(token, checked_id(id.get<std::int64_t>(), own.blame()));
    found.longest_token = std::max(found.longest_token, token.size());
  }
  const auto unknown = found.ids.find(own.string("unk_token"));
  if (unknown == found.ids.end()) own.blame().fail("the vocabulary lacks its unk_token");
  found.unknown = unknown->second;
  found.added = parse_added(fields, found);
  return found;
}

const CharTable& table_of(const Fields& fields) {
  expect_type(fields, "normalizer", "BertNormalizer");
  expect_type(fields, "pre_tokenizer", "BertPreTokenizer");
  expect_type(fields, "model", "WordPiece");
  const Fields own = fields.nested("normalizer");
  const bool lowercase = own.boolean("lowercase");
  const bool strips = own.is_null("strip_accents") ? lowercase : own.boolean("strip_accents");
  if (!own.boolean("clean_text") || !own.boolean("handle_chinese_chars") || strips != lowercase) {
    refuse(fields.blame(), "the normalizer is neither plainly uncased nor cased");
  }
  return lowercase ? uncased_table() : cased_table();
}

// The ids of a special token that a template names.
std::vector<std::int64_t> special_ids(const Fields& processor, const std::string& name) {
  return processor.nested("special_tokens").nested(name.c_str()).integers("ids");
}

LayoutParts parse_template(const Fields& processor, const char* which) {
  LayoutParts found;
  for (const Fields& item : processor.objects(which)) {
    const bool special = item.has("SpecialToken");
    const Fields part = item.nested(special ? "SpecialToken" : "Sequence");
    const std::int64_t type = part.integer("type_id");
    if (type < 0 || type > UINT8_MAX) part.blame().fail("a special token has a type that no model has");
    const auto kind = static_cast<std::uint8_t>(type);
    if (!special) {
      found.push_back({0, kind, part.choice("id", {"A", "B"}) == "A" ? Side::first : Side::second});
      continue;
    }
    for (const std::int64_t id : special_ids(processor, part.string("id"))) {
      found.push_back({checked_id(id, part.blame()), kind, std::nullopt});
    }
  }
  return found;
}

std::int32_t bert_special(const Json& processor, const char* name, const Blame& blame) {
  const auto found = processor.find(name);
  const bool named =
      found != processor.end() && found->is_array() && found->size() == 2 && (*found)[1].is_number_integer();
  if (!named) blame.fail(std::string("the post_processor should have ") + name + " as a token and its id");
  return checked_id((*found)[1].get<std::int64_t>(), blame);
}

std::pair<LayoutParts, LayoutParts> parse_layouts(const Fields& fields, const Json& document) {
  if (!fields.has("post_processor")) refuse(fields.blame(), "there is no post_processor");
  const Fields processor = fields.nested("post_processor");
  const std::string type = processor.string("type");
  LayoutParts single, pair;
  if (type == "TemplateProcessing") {
    single = parse_template(processor, "single");
    pair = parse_template(processor, "pair");
  } else if (type == "BertProcessing") {
    const Json& own = document.at("post_processor");
    const std::int32_t cls = bert_special(own, "cls", processor.blame()),
                       sep = bert_special(own, "sep", processor.blame());
    single = {{cls, 0, std::nullopt}, {0, 0, Side::first}, {sep, 0, std::nullopt}};
    pair = single;
    pair.push_back({0, 1, Side::second});
    pair.push_back({sep, 1, std::nullopt});
  } else {
    refuse(fields.blame(), "the post_processor is a " + type);
  }
  const auto count = [](const LayoutParts& parts, Side side) {
    return std::count_if(parts.begin(), parts.end(), [&](const LayoutPart& part) { return part.side == side; });
  };
  const bool whole = count(single, Side::first) == 1 && count(single, Side::second) == 0 &&
                     count(pair, Side::first) == 1 && count(pair, Side::second) == 1;
  if (!whole) refuse(fields.blame(), "the post_processor does not take each text once");
  return {single, pair};
}

}  // namespace

TokenizerFile parse_tokenizer(std::string_view text, const std::string& where) {
  const Blame blame{BITFIT_BASE_FORMAT, where, "export the base again"};
  Json document;
  try {
    document = Json::parse(text.begin(), text.end());
  } catch (const Json::exception& error) {
    blame.fail(std::string("it is not JSON (") + error.what() + ")");
  }
  const Fields fields(document, blame);
  const CharTable& table = table_of(fields);
  auto [single, pair] = parse_layouts(fields, document);
  return {WordPiece(parse_vocabulary(fields, document.at("model")), table), std::move(single), std::move(pair)};
}

}  // namespace bitfit
