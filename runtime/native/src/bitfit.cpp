// The C interface: arguments are checked, exceptions become statuses, and answers become plain structures.
#include "bitfit.h"

#include <exception>
#include <new>
#include <string>
#include <vector>

#include "answer_views.hpp"
#include "engine.hpp"
#include "error.hpp"
#include "files.hpp"
#include "limits.hpp"

struct bitfit_engine {
  bitfit::Engine engine;
};

struct bitfit_answers {
  bitfit::AnswerViews views;
};

namespace {

using bitfit::fail;

thread_local std::string last_error;

bitfit_status fails_with(bitfit_status status, const char* message) noexcept {
  try {
    last_error = message;
  } catch (...) {
    last_error.clear();
  }
  return status;
}

template <typename Action>
bitfit_status guarded(Action action) noexcept {
  try {
    action();
    return BITFIT_OK;
  } catch (const bitfit::Error& error) {
    return fails_with(error.status(), error.what());
  } catch (const std::bad_alloc&) {
    return fails_with(BITFIT_OUT_OF_MEMORY, "there is not enough memory; give shorter lists, or free some");
  } catch (const std::exception& error) {
    return fails_with(BITFIT_INTERNAL, error.what());
  } catch (...) {
    return fails_with(BITFIT_INTERNAL, "an unknown fault");
  }
}

void require(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(BITFIT_INPUT, std::string("`") + name + "` is null; pass a value");
}

bitfit_options checked(const bitfit_options* given) {
  bitfit_options options = BITFIT_OPTIONS;
  if (given == nullptr) return options;
  if (given->struct_size != sizeof options)
    fail(BITFIT_INPUT, "options of another version of bitfit.h; begin with BITFIT_OPTIONS");
  options = *given;
  const int most = static_cast<int>(bitfit::limits::threads);
  if (options.threads < 0 || options.threads > most)
    fail(BITFIT_INPUT, "threads should be 0 to " + std::to_string(most));
  if (options.self_test < BITFIT_TEST_OFF || options.self_test > BITFIT_TEST_FULL)
    fail(BITFIT_INPUT, "self_test should be one of bitfit_self_test");
  return options;
}

std::vector<bitfit::Row> read_rows(const bitfit_row* rows, std::size_t count) {
  if (count > 0) require(rows, "rows");
  std::vector<bitfit::Row> found;
  for (std::size_t index = 0; index < count; ++index) {
    const bitfit_row& row = rows[index];
    if (row.text == nullptr && row.text_size > 0) fail(BITFIT_INPUT, "row " + std::to_string(index) + " has no text");
    bitfit::Row own{std::nullopt, {row.text == nullptr ? "" : row.text, row.text_size}, std::nullopt};
    if (row.task != nullptr) own.task = row.task;
    if (row.pair != nullptr) own.pair = std::string_view(row.pair, row.pair_size);
    found.push_back(std::move(own));
  }
  return found;
}

}  // namespace

bitfit_status bitfit_open(const char* folder, const bitfit_options* options, bitfit_engine** engine) {
  return guarded([&] {
    require(folder, "folder");
    require(engine, "engine");
    *engine = nullptr;
    *engine = new bitfit_engine{{folder, checked(options)}};
  });
}

void bitfit_close(bitfit_engine* engine) { delete engine; }

bitfit_status bitfit_install(bitfit_engine* engine, const char* task, const char* path, const char* sha256) {
  return guarded([&] {
    require(engine, "engine");
    require(task, "task");
    require(path, "path");
    if (!bitfit::is_file(path))
      fail(BITFIT_PACK_NOT_FOUND, std::string("no pack at ") + path + "; make one with 'bitfit train'");
    if (bitfit::file_size(path) > bitfit::limits::pack_bytes) {
      fail(BITFIT_PACK_FORMAT, std::string(path) + " is larger than any pack; it is not one");
    }
    const bitfit::Bytes data = bitfit::read_file(path, bitfit::limits::pack_bytes, BITFIT_PACK_NOT_FOUND);
    engine->engine.install(task, bitfit::view(data), path, sha256);
  });
}

bitfit_status bitfit_install_bytes(bitfit_engine* engine, const char* task, const void* data, size_t size,
                                   const char* sha256) {
  return guarded([&] {
    require(engine, "engine");
    require(task, "task");
    require(data, "data");
    engine->engine.install(task, {static_cast<const char*>(data), size}, "pack", sha256);
  });
}

bitfit_status bitfit_check_canary(bitfit_engine* engine, const void* data, size_t size) {
  return guarded([&] {
    require(engine, "engine");
    require(data, "data");
    engine->engine.check_canary({static_cast<const char*>(data), size});
  });
}

bitfit_status bitfit_remove(bitfit_engine* engine, const char* task) {
  return guarded([&] {
    require(engine, "engine");
    require(task, "task");
    engine->engine.remove(task);
  });
}

bitfit_status bitfit_predict(bitfit_engine* engine, const bitfit_row* rows, size_t count, bitfit_answers** answers) {
  return guarded([&] {
    require(engine, "engine");
    require(answers, "answers");
    *answers = nullptr;
    const std::vector<bitfit::Row> read = read_rows(rows, count);
    *answers = new bitfit_answers{{engine->engine.predict(read), read}};
  });
}

bitfit_status bitfit_outputs(bitfit_engine* engine, const bitfit_row* rows, size_t count, bitfit_output output,
                             bitfit_answers** answers) {
  return guarded([&] {
    require(engine, "engine");
    require(answers, "answers");
    *answers = nullptr;
    if (output < BITFIT_LOGITS || output > BITFIT_HIDDEN) fail(BITFIT_INPUT, "output should be one of bitfit_output");
    const std::vector<bitfit::Row> read = read_rows(rows, count);
    *answers = new bitfit_answers{{engine->engine.outputs(read, output), read}};
  });
}

const bitfit_answer* bitfit_answer_at(const bitfit_answers* answers, size_t row) {
  return answers == nullptr ? nullptr : answers->views.at(row);
}

void bitfit_release(bitfit_answers* answers) { delete answers; }

bitfit_status bitfit_kernels(bitfit_engine* engine, char digits[17]) {
  return guarded([&] {
    require(engine, "engine");
    require(digits, "digits");
    const std::string found = engine->engine.kernels();
    found.copy(digits, 16);
    digits[16] = '\0';
  });
}

const char* bitfit_error(void) { return last_error.c_str(); }
