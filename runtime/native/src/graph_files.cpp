#include "graph_files.hpp"

#include <cstdint>

#include "error.hpp"

namespace bitfit {
namespace {

// The encoding is that of Protocol Buffers: fields of a number and a type, where messages nest. Only those messages are
// entered that can hold a tensor. Numbers of fields are those of `onnx.proto`.
enum class Message { model, graph, node, attribute, sparse_tensor, function, training_info, tensor, entry, none };

constexpr int deepest = 64;
constexpr unsigned longest_varint = 10;
constexpr unsigned varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5;
constexpr std::uint64_t key_field = 1, value_field = 2;

Message inner_message(Message message, std::uint64_t field) {
  switch (message) {
    case Message::model:
      return field == 7    ? Message::graph
             : field == 20 ? Message::training_info
             : field == 25 ? Message::function
                           : Message::none;
    case Message::graph:
      return field == 1    ? Message::node
             : field == 5  ? Message::tensor
             : field == 15 ? Message::sparse_tensor
                           : Message::none;
    case Message::node:
      return field == 5 ? Message::attribute : Message::none;
    case Message::attribute:
      if (field == 5 || field == 10) return Message::tensor;
      if (field == 6 || field == 11) return Message::graph;
      return field == 22 || field == 23 ? Message::sparse_tensor : Message::none;
    case Message::sparse_tensor:
      return field == 1 || field == 2 ? Message::tensor : Message::none;
    case Message::function:
      return field == 7 ? Message::node : field == 11 ? Message::attribute : Message::none;
    case Message::training_info:
      return field == 1 || field == 2 ? Message::graph : Message::none;
    case Message::tensor:
      return field == 13 ? Message::entry : Message::none;
    default:
      return Message::none;
  }
}

class Walker {
 public:
  explicit Walker(const std::string& where) : where_(where) {}

  void walk(std::string_view data, Message message, int depth) {
    if (depth > deepest) refuse("it nests too deeply");
    std::string_view key, value;
    for (std::size_t place = 0; place < data.size();) {
      const std::uint64_t tag = number(data, place);
      const std::string_view field = skip(data, place, tag & 7);
      if ((tag & 7) != bytes) continue;
      if (message == Message::entry) {
        if (tag >> 3 == key_field) key = field;
        if (tag >> 3 == value_field) value = field;
      }
      const Message inner = inner_message(message, tag >> 3);
      if (inner != Message::none) walk(field, inner, depth + 1);
    }
    if (message == Message::entry && key == "location") found.emplace(value);
  }

  std::set<std::string> found;

 private:
  [[noreturn]] void refuse(const char* problem) const {
    fail(BITFIT_BASE_FORMAT, where_ + " is not an ONNX graph (" + problem + "); copy or export the base again");
  }

  std::uint64_t number(std::string_view data, std::size_t& place) const {
    std::uint64_t value = 0;
    for (unsigned index = 0; index < longest_varint && place < data.size(); ++index) {
      const auto byte = static_cast<unsigned char>(data[place++]);
      if (index < longest_varint - 1 || byte < 2) value |= static_cast<std::uint64_t>(byte & 127) << (7 * index);
      if (byte < 128) return value;
    }
    refuse("a number is cut or too long");
  }

  // Pass over a field, and return its bytes where it has a length.
  std::string_view skip(std::string_view data, std::size_t& place, std::uint64_t kind) const {
    std::uint64_t size = 0;
    if (kind == varint) {
      number(data, place);
    } else if (kind == bytes) {
      size = number(data, place);
    } else if (kind == fixed32 || kind == fixed64) {
      size = kind == fixed32 ? 4 : 8;
    } else {
      refuse("a field has an unknown type");
    }
    if (size > data.size() - place) refuse("a field is longer than what it is in");
    const std::string_view field = data.substr(place, static_cast<std::size_t>(size));
    place += field.size();
    return field;
  }

  std::string where_;
};

}  // namespace

std::set<std::string> external_files(std::string_view graph, const std::string& where) {
  Walker walker(where);
  walker.walk(graph, Message::model, 0);
  return walker.found;
}

}  // namespace bitfit
