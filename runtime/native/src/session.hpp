// ONNX Runtime sessions.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#ifdef BITFIT_ORT_HEADER
#include <onnxruntime_c_api.h>
#else
#include "ort_interface.h"
#endif

namespace bitfit {

// A tensor that is fed: float32 or int64, which must live until the run is over.
struct Feed {
  std::string name;
  std::vector<std::int64_t> shape;
  const void* data;
  bool floats;
};

Feed float_feed(std::string name, std::vector<std::int64_t> shape, const std::vector<float>& numbers);
Feed integer_feed(std::string name, std::vector<std::int64_t> shape, const std::vector<std::int64_t>& numbers);

// A tensor that a run gave.
class Output {
 public:
  explicit Output(OrtValue* value);
  const std::vector<std::int64_t>& shape() const { return shape_; }
  const void* data() const { return data_; }
  const float* floats() const { return static_cast<const float*>(data_); }
  std::size_t size() const;

 private:
  std::shared_ptr<OrtValue> value_;
  std::vector<std::int64_t> shape_;
  void* data_ = nullptr;
};

class Session {
 public:
  // Open a graph on the processor; 0 threads are one for each core. Where integer products saturate, slower ones that
  // are exact take their place. Raises BITFIT_BASE_FORMAT.
  static Session of_file(const std::string& path, int threads);
  static Session of_bytes(std::string_view graph);

  // The names of all inputs, those with defaults too.
  std::set<std::string> inputs() const;
  // A value of the graph's metadata; empty where there is none.
  std::string metadata(const char* key) const;
  // Raises BITFIT_INFERENCE or BITFIT_OUT_OF_MEMORY.
  std::vector<Output> run(const std::vector<Feed>& feeds, const std::vector<const char*>& outputs) const;

 private:
  explicit Session(OrtSession* session);
  std::shared_ptr<OrtSession> session_;
};

// The version of ONNX Runtime.
std::string runtime_version();

}  // namespace bitfit
