// The C interface: what it refuses, what still answers afterwards, rows in company, threads: `test_interface VECTORS`.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bitfit.h"
#include "support.hpp"

using namespace bitfit_tests;

namespace {

const char* const text = "Please send the blue box to Anna in Lisbon, not the red one.";
const char* const entities = "token-classification-int8";

bitfit_row row_of(const char* task, const char* own, const char* pair = nullptr) {
  return {task, own, std::strlen(own), pair, pair == nullptr ? 0 : std::strlen(pair)};
}

void expect(bitfit_status found, bitfit_status expected, const std::string& what) {
  check(found == expected, what + ": status " + std::to_string(found) + " (" + bitfit_error() + ")");
  if (expected == BITFIT_OK) return;
  const std::string message = bitfit_error();
  check(!message.empty() && message.find('\n') == std::string::npos, what + ": a message of one line");
}

bitfit_engine* open_base(const std::string& folder) {
  bitfit_engine* engine = nullptr;
  bitfit_options options = BITFIT_OPTIONS;
  options.threads = 1;
  options.self_test = BITFIT_TEST_FULL;
  expect(bitfit_open(folder.c_str(), &options, &engine), BITFIT_OK, "open");
  return engine;
}

std::vector<float> logits(bitfit_engine* engine, const std::vector<bitfit_row>& rows, std::size_t row) {
  bitfit_answers* answers = nullptr;
  expect(bitfit_outputs(engine, rows.data(), rows.size(), BITFIT_LOGITS, &answers), BITFIT_OK, "logits");
  const bitfit_answer* found = bitfit_answer_at(answers, row);
  std::vector<float> numbers(found->values, found->values + found->rows * found->columns);
  bitfit_release(answers);
  return numbers;
}

void check_open(const std::string& folder) {
  bitfit_engine* engine = nullptr;
  expect(bitfit_open(nullptr, nullptr, &engine), BITFIT_INPUT, "no folder");
  expect(bitfit_open("/nowhere", nullptr, &engine), BITFIT_BASE_NOT_FOUND, "no base");
  bitfit_options options = BITFIT_OPTIONS;
  options.threads = -1;
  expect(bitfit_open(folder.c_str(), &options, &engine), BITFIT_INPUT, "threads");
  check(engine == nullptr, "no engine where opening fails");
}

// A base whose files were altered one after the other.
void check_altered_base(const std::string& folder) {
  namespace fs = std::filesystem;
  const fs::path copy = fs::temp_directory_path() / ("bitfit-altered-" + std::to_string(::getpid()));
  for (const char* name : {"model.onnx", "model.weights", "tokenizer.json", "config.json", "biases.safetensors"}) {
    fs::remove_all(copy);
    fs::copy(folder, copy);
    std::string data = read_text((copy / name).string());
    data[data.size() / 2] = static_cast<char>(data[data.size() / 2] ^ 1);
    std::ofstream(copy / name, std::ios::binary) << data;
    bitfit_engine* engine = nullptr;
    expect(bitfit_open(copy.c_str(), nullptr, &engine), BITFIT_BASE_INTEGRITY, std::string("altered ") + name);
    fs::remove(copy / name);
    expect(bitfit_open(copy.c_str(), nullptr, &engine), BITFIT_BASE_NOT_FOUND, std::string("without ") + name);
  }
  fs::remove_all(copy);
}

void check_install(bitfit_engine* engine, const std::string& packs) {
  const std::string data = read_text(packs + "/classification-int4.safetensors");
  expect(bitfit_install_bytes(engine, "topic", data.data(), data.size(), nullptr), BITFIT_OK, "install");
  const std::vector<float> before = logits(engine, {row_of("topic", text)}, 0);
  expect(bitfit_install(engine, "topic", "/nowhere", nullptr), BITFIT_PACK_NOT_FOUND, "no pack");
  expect(bitfit_install(engine, "", (packs + "/classification-int4.safetensors").c_str(), nullptr), BITFIT_INPUT,
         "no name");
  const std::string wrong(64, '0');
  expect(bitfit_install_bytes(engine, "topic", data.data(), data.size(), wrong.c_str()), BITFIT_PACK_DIGEST, "digest");
  for (std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{100}, data.size() - 1}) {
    expect(bitfit_install_bytes(engine, "topic", data.data(), size, nullptr), BITFIT_PACK_FORMAT, "torn");
  }
  std::string other = data;
  const std::size_t digest = other.find("sha256:") + 7;
  other[digest] = other[digest] == 'a' ? 'b' : 'a';
  expect(bitfit_install_bytes(engine, "topic", other.data(), other.size(), nullptr), BITFIT_PACK_MISMATCH,
         "another base");
  check(logits(engine, {row_of("topic", text)}, 0) == before, "the earlier pack answers");
  expect(bitfit_remove(engine, "topic"), BITFIT_OK, "remove");
  expect(bitfit_remove(engine, "topic"), BITFIT_UNKNOWN_TASK, "remove twice");
}

void check_rows(bitfit_engine* engine) {
  bitfit_answers* answers = nullptr;
  const std::string invalid = "a\xff", zeros("a\0b", 3);
  bitfit_row bad = row_of(entities, invalid.c_str());
  expect(bitfit_predict(engine, &bad, 1, &answers), BITFIT_INPUT, "invalid UTF-8");
  bad = row_of("nothing", text);
  expect(bitfit_predict(engine, &bad, 1, &answers), BITFIT_UNKNOWN_TASK, "unknown task");
  bad = row_of(nullptr, text);
  expect(bitfit_predict(engine, &bad, 1, &answers), BITFIT_INPUT, "no task");
  expect(bitfit_outputs(engine, &bad, 1, BITFIT_LOGITS, &answers), BITFIT_INPUT, "logits of the base");
  check(answers == nullptr, "no answers where a call fails");
  expect(bitfit_outputs(engine, &bad, 1, BITFIT_POOLED, &answers), BITFIT_OK, "the bare base");
  bitfit_release(answers);
  const bitfit_row with_zero{entities, zeros.data(), zeros.size(), nullptr, 0};
  expect(bitfit_predict(engine, &with_zero, 1, &answers), BITFIT_OK, "a zero in a text");
  bitfit_release(answers);
  expect(bitfit_predict(engine, nullptr, 0, &answers), BITFIT_OK, "no rows");
  check(bitfit_answer_at(answers, 0) == nullptr, "no answer past the last");
  bitfit_release(answers);
}

// Pieces in bytes and in code points, of a text where these differ.
void check_offsets(bitfit_engine* engine) {
  const char* const accents = "Zoë sent Anna's böx to Lisbön, Ünited";
  const bitfit_row row = row_of("span-int8", "who?", accents);
  bitfit_answers* answers = nullptr;
  expect(bitfit_predict(engine, &row, 1, &answers), BITFIT_OK, "span");
  const bitfit_answer* found = bitfit_answer_at(answers, 0);
  check(found->piece_count == 1 && found->pieces[0].label == nullptr, "one piece");
  const bitfit_piece& piece = found->pieces[0];
  std::size_t before = 0, inside = 0;
  for (std::size_t byte = 0; byte < piece.end; ++byte) {
    if ((static_cast<unsigned char>(accents[byte]) & 0xC0) != 0x80) ++(byte < piece.start ? before : inside);
  }
  check(piece.start_character == before && piece.end_character == before + inside, "bytes and code points agree");
  bitfit_release(answers);
}

void install_all(bitfit_engine* engine, const std::string& packs, std::vector<std::string>& names) {
  for (const auto& entry : std::filesystem::directory_iterator(packs)) {
    names.push_back(entry.path().stem().string());
    expect(bitfit_install(engine, names.back().c_str(), entry.path().c_str(), nullptr), BITFIT_OK, names.back());
  }
}

std::vector<bitfit_row> company(const std::vector<std::string>& names) {
  static const char* const texts[] = {"", "no", text, "naïve café — 你好 🙂 a.b,c",
                                      "the box the lamp the map the box the lamp the map"};
  std::vector<bitfit_row> rows;
  for (const std::string& name : names) {
    if (name.compare(0, 9, "embedding") == 0) continue;
    for (const char* own : texts)
      rows.push_back(row_of(name.c_str(), own, rows.size() % 3 == 0 ? "where is the lamp?" : nullptr));
  }
  return rows;
}

void check_company(bitfit_engine* engine, const std::vector<bitfit_row>& rows) {
  for (std::size_t row = 0; row < rows.size(); ++row) {
    check(logits(engine, rows, row) == logits(engine, {rows[row]}, 0), "row " + std::to_string(row) + " in company");
  }
}

// Threads that ask while another replaces a pack by itself and by another name's.
void check_threads(bitfit_engine* engine, const std::string& packs, const std::vector<bitfit_row>& rows) {
  const std::vector<float> expected = logits(engine, rows, 0);
  std::vector<int> failures(3, 0);
  std::vector<std::thread> threads;
  for (std::size_t number = 0; number < failures.size(); ++number) {
    threads.emplace_back([&, number] {
      for (int time = 0; time < 10; ++time) {
        bitfit_answers* answers = nullptr;
        if (bitfit_outputs(engine, rows.data(), 4, BITFIT_LOGITS, &answers) != BITFIT_OK) ++failures[number];
        const bitfit_answer* found = bitfit_answer_at(answers, 0);
        if (found == nullptr || std::memcmp(found->values, expected.data(), expected.size() * sizeof(float)) != 0)
          ++failures[number];
        bitfit_release(answers);
        const bitfit_row unknown = row_of("nothing", text);
        if (bitfit_predict(engine, &unknown, 1, &answers) != BITFIT_UNKNOWN_TASK ||
            std::strstr(bitfit_error(), "nothing") == nullptr) {
          ++failures[number];
        }
      }
    });
  }
  const std::string path = packs + "/" + rows[0].task + ".safetensors";
  for (int time = 0; time < 10; ++time) {
    expect(bitfit_install(engine, rows[0].task, path.c_str(), nullptr), BITFIT_OK, "install beside");
    expect(bitfit_install(engine, "other", path.c_str(), nullptr), BITFIT_OK, "install beside");
    expect(bitfit_remove(engine, "other"), BITFIT_OK, "remove beside");
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : failures) check(count == 0, "a thread failed " + std::to_string(count) + " times");
}

}  // namespace

int main(int, char** arguments) {
  const std::string base = std::string(arguments[1]) + "/base", packs = std::string(arguments[1]) + "/packs";
  check_open(base);
  check_altered_base(base);
  bitfit_engine* engine = open_base(base);
  check_install(engine, packs);
  std::vector<std::string> names;
  install_all(engine, packs, names);
  check_rows(engine);
  check_offsets(engine);
  const std::vector<bitfit_row> rows = company(names);
  check_company(engine, {rows.begin(), rows.begin() + 60});
  check_threads(engine, packs, rows);
  bitfit_close(engine);
  bitfit_close(nullptr);
  bitfit_release(nullptr);
  return finish("interface");
}
