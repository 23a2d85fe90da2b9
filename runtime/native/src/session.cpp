#include "session.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>

#include "error.hpp"
#include "files.hpp"
#include "probes.hpp"

namespace bitfit {
namespace {

constexpr std::uint32_t interface_version = 16;  // of ONNX Runtime 1.16, whose table every later one has

const OrtApi& api() {
  static const OrtApi* const found = OrtGetApiBase()->GetApi(interface_version);
  if (found == nullptr)
    fail(BITFIT_UNSUPPORTED, "ONNX Runtime " + runtime_version() + " is too old; take 1.24.1 or later");
  return *found;
}

void check(OrtStatus* status, bitfit_status kind, const std::string& what) {
  if (status == nullptr) return;
  std::string reason = api().GetErrorMessage(status);
  api().ReleaseStatus(status);
  const bool memory = reason.find("bad_alloc") != std::string::npos ||
                      reason.find("bad allocation") != std::string::npos ||
                      reason.find("ailed to allocate") != std::string::npos;
  if (memory) throw std::bad_alloc();
  reason = reason.substr(0, reason.find('\n'));
  fail(kind, "onnxruntime " + runtime_version() + " " + what + " (" + reason + "); export the base again");
}

const OrtEnv* environment() {
  static const OrtEnv* const found = [] {
    OrtEnv* made = nullptr;
    check(api().CreateEnv(ORT_LOGGING_LEVEL_ERROR, "bitfit", &made), BITFIT_INTERNAL, "cannot start");
    return made;
  }();
  return found;
}

std::shared_ptr<OrtSessionOptions> make_options(int threads, bool exact) {
  OrtSessionOptions* made = nullptr;
  check(api().CreateSessionOptions(&made), BITFIT_INTERNAL, "cannot make options");
  const std::shared_ptr<OrtSessionOptions> options(made, api().ReleaseSessionOptions);
  // Every bias is an initializer that may be overridden; ONNX Runtime warns about each of them.
  check(api().SetSessionLogSeverityLevel(made, ORT_LOGGING_LEVEL_ERROR), BITFIT_INTERNAL, "refuses an option");
  if (threads > 0) check(api().SetIntraOpNumThreads(made, threads), BITFIT_INTERNAL, "refuses an option");
  if (exact) {
    check(api().AddSessionConfigEntry(made, "session.x64quantprecision", "1"), BITFIT_INTERNAL, "refuses an option");
  }
  return options;
}

OrtMemoryInfo* processor_memory() {
  static OrtMemoryInfo* const found = [] {
    OrtMemoryInfo* made = nullptr;
    check(api().CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &made), BITFIT_INTERNAL, "has no memory");
    return made;
  }();
  return found;
}

OrtAllocator* default_allocator() {
  OrtAllocator* found = nullptr;
  check(api().GetAllocatorWithDefaultOptions(&found), BITFIT_INTERNAL, "has no memory");
  return found;
}

std::string take(char* text) {
  if (text == nullptr) return "";
  std::string found = text;
  default_allocator()->Free(default_allocator(), text);
  return found;
}

std::shared_ptr<OrtValue> make_value(const Feed& feed) {
  std::size_t size = feed.floats ? sizeof(float) : sizeof(std::int64_t);
  for (const std::int64_t length : feed.shape) size *= static_cast<std::size_t>(length);
  const auto type = feed.floats ? ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT : ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
  OrtValue* made = nullptr;
  check(api().CreateTensorWithDataAsOrtValue(processor_memory(), const_cast<void*>(feed.data), size, feed.shape.data(),
                                             feed.shape.size(), type, &made),
        BITFIT_INFERENCE, "refuses an input");
  return {made, api().ReleaseValue};
}

}  // namespace

Feed float_feed(std::string name, std::vector<std::int64_t> shape, const std::vector<float>& numbers) {
  return {std::move(name), std::move(shape), numbers.data(), true};
}

Feed integer_feed(std::string name, std::vector<std::int64_t> shape, const std::vector<std::int64_t>& numbers) {
  return {std::move(name), std::move(shape), numbers.data(), false};
}

Output::Output(OrtValue* value) : value_(value, api().ReleaseValue) {
  OrtTensorTypeAndShapeInfo* info = nullptr;
  check(api().GetTensorTypeAndShape(value, &info), BITFIT_INFERENCE, "gives no tensor");
  const std::shared_ptr<OrtTensorTypeAndShapeInfo> held(info, api().ReleaseTensorTypeAndShapeInfo);
  std::size_t dimensions = 0;
  check(api().GetDimensionsCount(info, &dimensions), BITFIT_INFERENCE, "gives no shape");
  shape_.resize(dimensions);
  check(api().GetDimensions(info, shape_.data(), dimensions), BITFIT_INFERENCE, "gives no shape");
  check(api().GetTensorMutableData(value, &data_), BITFIT_INFERENCE, "gives no numbers");
}

std::size_t Output::size() const {
  std::size_t found = 1;
  for (const std::int64_t length : shape_) found *= static_cast<std::size_t>(length);
  return found;
}

// Versions before 1.30 abort the process where they make integer products exact.
static void check_exact(const std::string& path) {
  int major = 0, minor = 0;
  const std::string version = runtime_version();
  if (std::sscanf(version.c_str(), "%d.%d", &major, &minor) != 2 || major > 1 || minor >= 30) return;
  const Bytes graph = read_file(path, SIZE_MAX, BITFIT_BASE_FORMAT);
  if (view(graph).find("MatMulIntegerToFloat") == std::string_view::npos) return;
  fail(BITFIT_UNSUPPORTED, "onnxruntime " + version +
                               " cannot compute integer products exactly on this processor (x86 without VNNI); take "
                               "1.30 or later, or an fp32 base");
}

Session::Session(OrtSession* session) : session_(session, api().ReleaseSession) {}

Session Session::of_file(const std::string& path, int threads) {
  const bool exact = products_saturate();
  if (exact) check_exact(path);
  const auto options = make_options(threads, exact);
  OrtSession* made = nullptr;
  check(api().CreateSession(environment(), path.c_str(), options.get(), &made), BITFIT_BASE_FORMAT,
        "cannot load " + path);
  return Session(made);
}

Session Session::of_bytes(std::string_view graph) {
  const auto options = make_options(1, false);
  OrtSession* made = nullptr;
  check(api().CreateSessionFromArray(environment(), graph.data(), graph.size(), options.get(), &made), BITFIT_INTERNAL,
        "cannot load a probe");
  return Session(made);
}

std::set<std::string> Session::inputs() const {
  std::set<std::string> found;
  const auto collect = [&](auto count_of, auto name_of) {
    std::size_t count = 0;
    check(count_of(session_.get(), &count), BITFIT_BASE_FORMAT, "tells no inputs");
    for (std::size_t index = 0; index < count; ++index) {
      char* name = nullptr;
      check(name_of(session_.get(), index, default_allocator(), &name), BITFIT_BASE_FORMAT, "tells no inputs");
      found.insert(take(name));
    }
  };
  collect(api().SessionGetInputCount, api().SessionGetInputName);
  collect(api().SessionGetOverridableInitializerCount, api().SessionGetOverridableInitializerName);
  return found;
}

std::string Session::metadata(const char* key) const {
  OrtModelMetadata* made = nullptr;
  check(api().SessionGetModelMetadata(session_.get(), &made), BITFIT_BASE_FORMAT, "tells no metadata");
  const std::shared_ptr<OrtModelMetadata> held(made, api().ReleaseModelMetadata);
  char* value = nullptr;
  check(api().ModelMetadataLookupCustomMetadataMap(made, default_allocator(), key, &value), BITFIT_BASE_FORMAT,
        "tells no metadata");
  return take(value);
}

std::vector<Output> Session::run(const std::vector<Feed>& feeds, const std::vector<const char*>& outputs) const {
  std::vector<std::shared_ptr<OrtValue>> held;
  std::vector<const char*> names;
  std::vector<const OrtValue*> values;
  for (const Feed& feed : feeds) {
    held.push_back(make_value(feed));
    names.push_back(feed.name.c_str());
    values.push_back(held.back().get());
  }
  std::vector<OrtValue*> given(outputs.size(), nullptr);
  check(api().Run(session_.get(), nullptr, names.data(), values.data(), values.size(), outputs.data(), outputs.size(),
                  given.data()),
        BITFIT_INFERENCE, "cannot run the base on these rows");
  std::vector<Output> found;
  for (OrtValue* value : given) found.emplace_back(value);
  return found;
}

std::string runtime_version() { return OrtGetApiBase()->GetVersionString(); }

}  // namespace bitfit
