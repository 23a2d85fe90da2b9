#include "wordpiece.hpp"

#include <algorithm>

#include "utf8.hpp"

namespace bitfit {
namespace {

constexpr char32_t space = U' ';

}  // namespace

WordPiece::WordPiece(Vocabulary vocabulary, const CharTable& table)
    : vocabulary_(std::move(vocabulary)), table_(&table) {}

std::vector<Token> WordPiece::tokens(std::u32string_view text) const {
  std::vector<Token> found;
  std::size_t start = 0;
  for (std::size_t place = 0; place < text.size();) {
    const AddedToken* added = added_at(text, place);
    if (added == nullptr) {
      ++place;
      continue;
    }
    append_piece(text, start, place, found);
    start = place + added->content.size();
    found.push_back({added->id, static_cast<std::uint32_t>(place), static_cast<std::uint32_t>(start)});
    place = start;
  }
  append_piece(text, start, text.size(), found);
  return found;
}

const AddedToken* WordPiece::added_at(std::u32string_view text, std::size_t place) const {
  for (const AddedToken& token : vocabulary_.added) {
    if (text.compare(place, token.content.size(), token.content) == 0) return &token;
  }
  return nullptr;
}

void WordPiece::append_piece(std::u32string_view text, std::size_t start, std::size_t end,
                             std::vector<Token>& into) const {
  std::vector<Part> word;
  const auto close = [&] {
    if (!word.empty()) append_word(word.data(), word.size(), into);
    word.clear();
  };
  for (const Part& part : normalized(text, start, end)) {
    if (part.removed) continue;
    if (part.alone || part.code == space) close();
    if (part.alone) {
      append_word(&part, 1, into);
    } else if (part.code != space) {
      word.push_back(part);
    }
  }
  close();
}

std::vector<WordPiece::Part> WordPiece::normalized(std::u32string_view text, std::size_t start, std::size_t end) const {
  std::vector<Part> found;
  found.reserve(end - start);
  std::size_t marks = 0;  // where what has a combining class begins, since the last character that has none
  for (std::size_t place = start; place < end; ++place) {
    std::size_t next = found.size();
    append_changed(text[place], static_cast<std::uint32_t>(place), found);
    for (; next < found.size(); ++next) {
      if (found[next].combining != 0) continue;
      const std::vector<Part> rest(found.begin() + static_cast<std::ptrdiff_t>(next), found.end());
      found.resize(next);
      order_marks(found, marks);
      found.insert(found.end(), rest.begin(), rest.end());
      marks = next + 1;
    }
  }
  order_marks(found, marks);
  return found;
}

void WordPiece::append_changed(char32_t code, std::uint32_t origin, std::vector<Part>& into) const {
  if (code < 0x80 && ((code >= U'a' && code <= U'z') || (code >= U'0' && code <= U'9'))) {  // most are such
    into.push_back({code, origin, false, false, false, 0});
    return;
  }
  const Change change = table_->change(code);
  if (change.dropped) return;
  if (change.space) {
    into.push_back({space, origin, false, false, false, 0});
    return;
  }
  if (change.codes.empty()) into.push_back({code, origin, true, false, false, table_->combining_class(code)});
  bool added = false;
  for (const char32_t other : change.codes) {
    into.push_back({other, origin, false, change.alone, added, table_->combining_class(other)});
    added = true;
  }
}

// Bring marks into the order of their combining classes. Origins stay in the order of the text.
void WordPiece::order_marks(std::vector<Part>& parts, std::size_t begin) {
  if (parts.size() - begin < 2) {
    if (parts.size() > begin && parts[begin].added) parts[begin].origin = begin > 0 ? parts[begin - 1].origin : 0;
    return;
  }
  std::vector<std::uint32_t> origins;
  for (std::size_t index = begin; index < parts.size(); ++index) {
    if (!parts[index].added) origins.push_back(parts[index].origin);
  }
  const auto lower = [](const Part& one, const Part& two) { return one.combining < two.combining; };
  std::stable_sort(parts.begin() + static_cast<std::ptrdiff_t>(begin), parts.end(), lower);
  std::uint32_t origin = begin > 0 ? parts[begin - 1].origin : 0;
  auto next = origins.begin();
  for (std::size_t index = begin; index < parts.size(); ++index) {
    if (!parts[index].added) origin = *next++;
    parts[index].origin = origin;
  }
}

void WordPiece::append_word(const Part* word, std::size_t size, std::vector<Token>& into) const {
  const Token unknown{vocabulary_.unknown, word[0].origin, word[size - 1].origin + 1};
  if (size > vocabulary_.longest_word) {
    into.push_back(unknown);
    return;
  }
  std::string whole;
  std::vector<std::size_t> ends{0};  // in bytes
  for (std::size_t index = 0; index < size; ++index) {
    append_utf8(whole, word[index].code);
    ends.push_back(whole.size());
  }
  const std::size_t before = into.size();
  std::string tried;
  for (std::size_t start = 0; start < size;) {
    std::size_t end = size;
    const std::string& prefix = start > 0 ? vocabulary_.inside : std::string();
    while (end > start && prefix.size() + ends[end] - ends[start] > vocabulary_.longest_token) --end;
    auto found = vocabulary_.ids.end();
    for (; end > start; --end) {
      tried.assign(prefix).append(whole, ends[start], ends[end] - ends[start]);
      found = vocabulary_.ids.find(tried);
      if (found != vocabulary_.ids.end()) break;
    }
    if (end == start) {
      into.resize(before);
      into.push_back(unknown);
      return;
    }
    into.push_back({found->second, word[start].origin, word[end - 1].origin + 1});
    start = end;
  }
}

}  // namespace bitfit
