#include "base.hpp"

#include "error.hpp"
#include "files.hpp"
#include "graph_files.hpp"
#include "limits.hpp"

namespace bitfit {
namespace {

constexpr std::size_t shown = 12;  // digits of a digest

Defaults read_defaults(const std::string& path, const Manifest& manifest) {
  const Blame blame{BITFIT_BASE_FORMAT, path, "export the base again"};
  const Bytes data = read_file(path, limits::biases_bytes, BITFIT_BASE_FORMAT);
  const Safetensors file = parse_safetensors(view(data), blame);
  Defaults found;
  for (const BiasSpec& spec : manifest.biases) {
    const auto tensor = file.tensors.find(spec.name);
    if (tensor == file.tensors.end() || tensor->second.dtype != Dtype::float32 || tensor->second.size() != spec.size) {
      blame.fail("expected " + spec.name + " as float32 [" + std::to_string(spec.size) + "]");
    }
    found[spec.name] = tensor->second.floats();
  }
  return found;
}

}  // namespace

Base Base::open(const std::string& folder) {
  Base base{folder, {}, {}};
  const std::string path = base.path(manifest_file);
  if (!is_file(path)) {
    fail(BITFIT_BASE_NOT_FOUND,
         folder + " is not a base: it has no " + manifest_file + "; make one with 'bitfit export'");
  }
  const Bytes text = read_file(path, limits::manifest_bytes, BITFIT_BASE_FORMAT);
  base.manifest = parse_manifest(view(text), path);
  for (const auto& [name, digest] : base.manifest.files) {
    if (!is_file(base.path(name.c_str()))) {
      fail(BITFIT_BASE_NOT_FOUND, folder + " lacks " + name + "; copy the whole base, or export it again");
    }
  }
  base.verify({biases_file});
  base.defaults = read_defaults(base.path(biases_file), base.manifest);
  return base;
}

void Base::verify(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    const std::string expected = manifest.files.at(name), found = file_digest(path(name.c_str()), BITFIT_BASE_FORMAT);
    if (found != expected) {
      fail(BITFIT_BASE_INTEGRITY, path(name.c_str()) + " was altered or is incomplete: expected SHA-256 " +
                                      expected.substr(0, shown) + "…, found " + found.substr(0, shown) +
                                      "…; copy or export the base again");
    }
  }
}

void Base::check_graph(bool compare) const {
  if (compare) verify({model_file});
  const std::string where = path(model_file);
  const MappedFile graph(where, BITFIT_BASE_FORMAT);
  for (const std::string& name : external_files(graph.data(), where)) {
    if (name != weights_file || manifest.files.count(name) == 0) {
      fail(BITFIT_BASE_INTEGRITY, where + " takes weights from " + in_quotes(name) +
                                      ", which the manifest does not list; copy or export the base again");
    }
  }
}

void Base::check_weights(const std::string& named) const {
  const auto found = manifest.files.find(weights_file);
  const std::string listed = found == manifest.files.end() ? "" : found->second;
  if (named == listed) return;
  const auto tell = [](const std::string& digest) { return digest.empty() ? "(none)" : digest.substr(0, shown); };
  fail(BITFIT_BASE_INTEGRITY, path(model_file) + " belongs to weights with SHA-256 " + tell(named) +
                                  ", the manifest lists " + tell(listed) + " for " + weights_file +
                                  "; copy or export the base again");
}

}  // namespace bitfit
