// What the tests share: the shared vectors, and checks that count instead of stopping.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "answers.hpp"
#include "tokenizer.hpp"

namespace bitfit_tests {

using nlohmann::json;

// Count a check; of the first that fail say which. `finish` returns the process's exit status.
void check(bool passed, const std::string& what);
int finish(const char* name);

// A file of shared vectors: gzipped JSON below the folder of vectors.
json read_vectors(const std::string& folder, const std::string& name);
std::string read_text(const std::string& path);

// A text as vectors have it, in UTF-8: a string, or pieces that repeat.
std::string text_of(const json& text);
const bitfit::Tokenizer& tokenizer_of(const std::string& folder, const std::string& name);
std::vector<float> floats_of(const json& numbers);
std::vector<std::vector<std::size_t>> pairs_of(const std::vector<bitfit::Range>& ranges);

// What vectors say of a pack: its task type, labels, length, windows, decisions, transitions, words.
bitfit::PackInfo info_of(const json& pack);
bitfit::Windows windows_of(const json& windows);

// Whether two numbers are the same within a tolerance, absolute or relative.
bool is_close(double found, double expected, double tolerance);

// Compare an answer with that of the vectors. `text` is the one that pieces are of.
void check_answer(const bitfit::Answer& found, const json& expected, const std::vector<std::string>& labels,
                  const std::u32string& text, double tolerance, const std::string& what);

}  // namespace bitfit_tests
