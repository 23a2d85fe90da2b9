#include "json_fields.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "error.hpp"

namespace bitfit {
namespace {

constexpr int deepest = 64;

std::string as_string(const Json& value, const char* name, const Blame& blame) {
  if (!value.is_string()) blame.fail("field " + in_quotes(name) + " should be a string, found " + value.type_name());
  return value.get<std::string>();
}

std::int64_t as_integer(const Json& value, const char* name, const Blame& blame) {
  const bool large = value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX;
  if (!value.is_number_integer() || large) {
    blame.fail("field " + in_quotes(name) + " should be an integer, found " +
               (large ? "one too large" : value.type_name()));
  }
  return value.get<std::int64_t>();
}

double as_number(const Json& value, const char* name, const Blame& blame) {
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    blame.fail("field " + in_quotes(name) + " should be a finite number, found " + value.type_name());
  }
  return value.get<double>();
}

}  // namespace

void Blame::fail(const std::string& problem) const { bitfit::fail(status, where + ": " + problem + "; " + remedy); }

Blame Blame::inside(std::string_view name) const { return {status, where + ": " + std::string(name), remedy}; }

Json parse_json(std::string_view text, const Blame& blame) {
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth > deepest) blame.fail("its JSON nests too deeply");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      blame.fail("its JSON has the key " + in_quotes(parsed.get<std::string>()) + " twice");
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), check);
  } catch (const Json::exception& error) {
    blame.fail(std::string("it is not JSON (") + error.what() + ")");
  }
}

Fields::Fields(const Json& value, Blame blame) : value_(&value), blame_(std::move(blame)) {
  if (!value.is_object()) blame_.fail(std::string("expected an object, found ") + value.type_name());
}

bool Fields::has(const char* name) const { return value_->contains(name); }

bool Fields::is_null(const char* name) const { return !has(name) || (*value_)[name].is_null(); }

const Json& Fields::get(const char* name) const {
  const auto found = value_->find(name);
  if (found == value_->end()) blame_.fail("field " + in_quotes(name) + " is missing");
  return *found;
}

const Json& Fields::list(const char* name) const {
  const Json& value = get(name);
  if (!value.is_array()) blame_.fail("field " + in_quotes(name) + " should be a list, found " + value.type_name());
  return value;
}

std::string Fields::string(const char* name) const { return as_string(get(name), name, blame_); }

std::int64_t Fields::integer(const char* name) const { return as_integer(get(name), name, blame_); }

double Fields::number(const char* name) const { return as_number(get(name), name, blame_); }

bool Fields::boolean(const char* name) const {
  const Json& value = get(name);
  if (!value.is_boolean())
    blame_.fail("field " + in_quotes(name) + " should be true or false, found " + value.type_name());
  return value.get<bool>();
}

std::vector<std::string> Fields::strings(const char* name) const {
  std::vector<std::string> found;
  for (const Json& item : list(name)) found.push_back(as_string(item, name, blame_));
  return found;
}

std::vector<std::int64_t> Fields::integers(const char* name) const {
  std::vector<std::int64_t> found;
  for (const Json& item : list(name)) found.push_back(as_integer(item, name, blame_));
  return found;
}

std::vector<double> Fields::numbers(const char* name) const {
  std::vector<double> found;
  for (const Json& item : list(name)) found.push_back(as_number(item, name, blame_));
  return found;
}

std::vector<Fields> Fields::objects(const char* name) const {
  std::vector<Fields> found;
  for (const Json& item : list(name)) {
    found.emplace_back(item, blame_.inside(std::string(name) + "[" + std::to_string(found.size()) + "]"));
  }
  return found;
}

Fields Fields::nested(const char* name) const { return {get(name), blame_.inside(name)}; }

std::map<std::string, std::string> Fields::string_map(const char* name) const {
  const Fields inner = nested(name);
  std::map<std::string, std::string> found;
  for (const auto& [key, value] : inner.value_->items()) found[key] = as_string(value, key.c_str(), inner.blame_);
  return found;
}

std::map<std::string, double> Fields::number_map(const char* name) const {
  const Fields inner = nested(name);
  std::map<std::string, double> found;
  for (const auto& [key, value] : inner.value_->items()) found[key] = as_number(value, key.c_str(), inner.blame_);
  return found;
}

std::vector<std::vector<double>> Fields::vectors(const char* name, std::size_t count) const {
  const Json& rows = list(name);
  const bool lists = std::all_of(rows.begin(), rows.end(), [](const Json& row) { return row.is_array(); });
  if (rows.size() != count || !lists) {
    blame_.fail("field " + in_quotes(name) + " should be " + std::to_string(count) + " lists of numbers");
  }
  std::vector<std::vector<double>> found;
  for (const Json& row : rows) {
    found.emplace_back();
    for (const Json& item : row) found.back().push_back(as_number(item, name, blame_));
  }
  return found;
}

std::string Fields::choice(const char* name, const std::vector<std::string>& allowed) const {
  std::string value = string(name), known;
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return value;
  for (const std::string& one : allowed) known += (known.empty() ? "" : ", ") + one;
  blame_.fail("field " + in_quotes(name) + " should be one of " + known + ", found " + in_quotes(value));
}

std::int64_t Fields::schema(const char* format, std::int64_t newest) const {
  choice("format", {format});
  const std::int64_t found = integer("schema_version");
  if (found < 1 || found > newest) {
    const char* remedy = found > newest ? "upgrade bitfit-edge" : "there was no such version";
    fail(blame_.status, blame_.where + " has schema version " + std::to_string(found) + ", this runtime reads 1 to " +
                            std::to_string(newest) + "; " + remedy);
  }
  return found;
}

}  // namespace bitfit
