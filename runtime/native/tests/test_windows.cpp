// Windows of long texts, and joins of what they gave: `test_windows VECTORS`.
#include "support.hpp"
#include "utf8.hpp"

using namespace bitfit_tests;

namespace {

bitfit::WindowedText cut(const json& one, const bitfit::Tokenizer& tokenizer) {
  const std::u32string text = bitfit::decode_utf8(text_of(one.at("text")));
  const bool paired = !one.at("pair").is_null();
  const std::u32string pair = paired ? bitfit::decode_utf8(text_of(one.at("pair"))) : U"";
  return tokenizer.tokenize(text, paired ? &pair : nullptr, bitfit::Limit::of(info_of(one)));
}

void check_windows(const json& one, const bitfit::Tokenizer& tokenizer) {
  const bitfit::WindowedText found = cut(one, tokenizer);
  const std::string what =
      one.at("task_type").get<std::string>() + " " + one.at("text").dump().substr(0, 80) + one.at("windows").dump();
  check(found.side == one.at("side"), what + ": side");
  check(json(pairs_of(found.slices)) == one.at("slices"), what + ": slices");
  check(found.text.truncated() == one.at("truncated").get<bool>(), what + ": truncated");
  check(json(found.speakers()) == one.at("speakers"), what + ": speakers");
  json ids = json::array(), types = json::array();
  for (std::size_t index = 0; index < found.size(); ++index) {
    ids.push_back(found.window(index).ids);
    types.push_back(found.window(index).types);
  }
  check(ids == one.at("ids"), what + ": ids");
  check(types == one.at("type_ids"), what + ": type ids");
}

void check_join(const json& one, const std::string& folder) {
  const std::string output = one.at("output");
  bitfit::WindowedText text;
  if (one.contains("text")) text = cut(one, tokenizer_of(folder, one.at("tokenizer")));
  const std::vector<std::size_t> shape = one.at("shape");
  std::vector<bitfit::Values> parts;
  for (const json& part : one.at("parts")) {
    std::vector<float> numbers = floats_of(part);
    parts.push_back({numbers.size() / shape.back(), shape.back(), std::move(numbers)});
  }
  const auto found = bitfit::join_windows(text, parts, output, info_of(one)).numbers;
  const auto expected = floats_of(one.at("joined"));
  check(found.size() == expected.size(), "size of a join");
  for (std::size_t index = 0; index < std::min(found.size(), expected.size()); ++index) {
    check(is_close(double{found[index]}, double{expected[index]}, one.at("tolerance")),
          one.at("windows").dump() + ": " + std::to_string(found[index]) + " for " + std::to_string(expected[index]));
  }
}

}  // namespace

int main(int, char** arguments) {
  const std::string folder = arguments[1];
  const json windows = read_vectors(folder, "windows");
  for (const json& one : windows.at("cases")) check_windows(one, tokenizer_of(folder, one.at("tokenizer")));
  const json joins = read_vectors(folder, "joins");
  for (const json& one : joins.at("cases")) check_join(one, folder);
  return finish("windows");
}
