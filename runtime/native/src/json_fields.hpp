// Typed access to parsed JSON: a format error names the field, the expected type and the found one.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "bitfit.h"

namespace bitfit {

using Json = nlohmann::json;

// How a reader fails: with which status, about which file, and what to do next.
struct Blame {
  bitfit_status status;
  std::string where;
  std::string remedy;

  [[noreturn]] void fail(const std::string& problem) const;
  Blame inside(std::string_view name) const;
};

// Parse a document whose objects have each key once and which nests at most 64 deep.
Json parse_json(std::string_view text, const Blame& blame);

// A JSON object whose fields are read by name and type. It must not outlive the document.
class Fields {
 public:
  Fields(const Json& value, Blame blame);

  bool has(const char* name) const;
  bool is_null(const char* name) const;  // or absent
  std::string string(const char* name) const;
  std::int64_t integer(const char* name) const;
  double number(const char* name) const;  // finite; an integer is a number too
  bool boolean(const char* name) const;
  std::vector<std::string> strings(const char* name) const;
  std::vector<std::int64_t> integers(const char* name) const;
  std::vector<double> numbers(const char* name) const;
  std::vector<Fields> objects(const char* name) const;
  Fields nested(const char* name) const;
  std::map<std::string, std::string> string_map(const char* name) const;
  std::map<std::string, double> number_map(const char* name) const;
  std::vector<std::vector<double>> vectors(const char* name, std::size_t count) const;
  std::string choice(const char* name, const std::vector<std::string>& allowed) const;
  // Check `format` and `schema_version`, and return the version.
  std::int64_t schema(const char* format, std::int64_t newest) const;
  const Blame& blame() const { return blame_; }

 private:
  const Json& get(const char* name) const;
  const Json& list(const char* name) const;

  const Json* value_;
  Blame blame_;
};

}  // namespace bitfit
