#include "words.hpp"

#include <algorithm>

namespace bitfit {
namespace {

constexpr std::u32string_view kept_before = U".@#&%/\\*_", kept_after = U"%\u2030@#&/\\*_";
constexpr std::size_t most_accents = 32;  // on one character
constexpr std::size_t longest = 1000;     // characters of a word that are looked at
constexpr std::size_t possessive = 2;     // of "'s"

bool continues(Kind kind) { return kind == Kind::accent || kind == Kind::hidden; }

bool one_of(std::u32string_view set, char32_t code) { return set.find(code) != std::u32string_view::npos; }

}  // namespace

// Where the word ends that begins at `place`; `place` itself where none does.
std::size_t Words::end_of_word(std::size_t place, std::size_t stop) const {
  const Kind first = kind(place);
  if (first == Kind::space) return place;
  if (first == Kind::punctuation) return place + 1;
  std::size_t end = place + 1;
  while (end < stop && (continues(kind(end)) || (first != Kind::alone && kind(end) == Kind::letter))) ++end;
  return end;
}

std::vector<Characters> Words::split(std::size_t start, std::size_t end) const {
  std::vector<Characters> found;
  for (std::size_t place = start; place < end;) {
    const std::size_t stop = end_of_word(place, end);
    const Characters word = visible({place, stop});
    if (word.start < word.end) found.push_back(word);
    place = std::max(stop, place + 1);
  }
  return found;
}

std::size_t Words::rest_of_word(std::size_t start) const {
  const std::size_t stop = std::min(start + longest, text_.size());
  const std::size_t end = end_of_word(start - 1, stop);
  return std::max(end, start);
}

Characters Words::visible(Characters piece) const {
  const auto unseen = [&](std::size_t place) { return kind(place) == Kind::space || kind(place) == Kind::hidden; };
  while (piece.start < piece.end && unseen(piece.end - 1)) --piece.end;
  while (piece.start < piece.end && unseen(piece.start)) ++piece.start;
  return piece;
}

Characters Words::with_accents(Characters piece) const {
  const std::size_t last = std::min(piece.end + most_accents, text_.size());
  while (piece.end < last && kind(piece.end) == Kind::accent) ++piece.end;
  return piece;
}

Characters Words::without_marks(Characters piece) const {
  std::size_t first = piece.start, last = piece.end;
  while (first < last && table_->is_mark(text_[first]) && !one_of(kept_before, text_[first])) ++first;
  while (first < last && table_->is_mark(text_[last - 1]) && !one_of(kept_after, text_[last - 1])) {
    if (is_initial(last > first + 3 ? last - 3 : first, last)) break;
    --last;
  }
  if (last - first > possessive && one_of(U"'\u2019", text_[last - 2]) && one_of(U"sS", text_[last - 1]))
    last -= possessive;
  return first < last ? visible({first, last}) : piece;
}

Characters Words::own_characters(Characters piece) const {
  return split(piece.start, piece.end).size() > 1 ? without_marks(piece) : piece;
}

// Whether a piece ends as "J." and "U.S." do: the mark belongs to the letter.
bool Words::is_initial(std::size_t start, std::size_t end) const {
  if (text_[end - 1] != U'.' || end - start < 2 || !table_->is_letter(text_[end - 2])) return false;
  return end - start < 3 || !table_->is_letter_or_number(text_[end - 3]);
}

}  // namespace bitfit
