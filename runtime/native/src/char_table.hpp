// The table of WordPiece: what each character becomes, its combining class, and its kind. docs/formats.md says how it
// is stored; no answer depends on a platform's version of Unicode.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace bitfit {

// What `words` knows of a character.
enum class Kind : std::uint8_t { hidden, letter, alone, space, accent, punctuation };

// What a character becomes.
struct Change {
  bool dropped = false;  // nothing, and it counts for no order
  bool space = false;
  bool alone = false;           // a word of its own
  std::vector<char32_t> codes;  // empty: taken off, but it counts for the order of marks
};

class CharTable {
 public:
  // Read a table. Raises BITFIT_BASE_FORMAT on one that is damaged.
  explicit CharTable(std::string_view data);

  Change change(char32_t code) const;
  std::uint32_t combining_class(char32_t code) const { return value_of(classes_, code); }
  Kind kind(char32_t code) const;
  bool is_letter(char32_t code) const;            // Python's isalpha, of what is a letter or stands alone
  bool is_letter_or_number(char32_t code) const;  // isalnum, likewise
  bool is_mark(char32_t code) const;              // punctuation by its category, or white space

 private:
  struct Run {
    char32_t first, last;
    std::uint32_t value;
    std::size_t others, count;  // of `differences_`
  };
  using Runs = std::vector<Run>;

  Runs read_runs(std::vector<std::uint32_t>::const_iterator& place, std::vector<std::uint32_t>::const_iterator end,
                 bool changes);
  static const Run* find(const Runs& runs, char32_t code);
  static std::uint32_t value_of(const Runs& runs, char32_t code);

  std::vector<std::int32_t> differences_;
  Runs changes_, classes_, kinds_;
};

// The tables that this library holds.
const CharTable& uncased_table();
const CharTable& cased_table();

}  // namespace bitfit
