#include "char_table.hpp"

#include <algorithm>

#include "error.hpp"
#include "pack_encoding.hpp"
#include "tables.inc"

namespace bitfit {
namespace {

constexpr std::string_view magic = "BITFITWP";
constexpr std::size_t header_bytes = 16;
constexpr std::size_t largest_content = 1 << 20;
constexpr std::uint32_t highest_code = 0x10FFFF;
constexpr std::uint32_t most_others = 32;
// Operations of the table; from `becomes` on, twice the number of others, plus 1 for a word of its own.
constexpr std::uint32_t dropped = 0, spaced = 1, hangul = 2, itself_alone = 3, becomes = 4;

constexpr char32_t first_syllable = 0xAC00, last_syllable = 0xD7A3;

[[noreturn]] void refuse(const char* problem) {
  fail(BITFIT_BASE_FORMAT, std::string("a table of characters is damaged (") + problem + "); get this library again");
}

std::vector<std::uint32_t> read_numbers(const std::vector<std::int8_t>& content) {
  std::vector<std::uint32_t> found;
  std::uint32_t number = 0;
  unsigned shift = 0;
  for (const std::int8_t signed_byte : content) {
    const auto byte = static_cast<std::uint8_t>(signed_byte);
    if (shift > 21) refuse("a number is too long");
    number |= static_cast<std::uint32_t>(byte & 127) << shift;
    shift += 7;
    if (byte < 128) {
      found.push_back(number);
      number = 0;
      shift = 0;
    }
  }
  if (shift != 0) refuse("a number is cut");
  return found;
}

std::vector<char32_t> syllable(char32_t code) {
  constexpr char32_t vowels = 21, tails = 28, leads = 0x1100, vowel = 0x1161, tail = 0x11A7;
  const char32_t number = code - first_syllable, rest = number % (vowels * tails);
  std::vector<char32_t> found{leads + number / (vowels * tails), vowel + rest / tails};
  if (rest % tails != 0) found.push_back(tail + rest % tails);
  return found;
}

std::uint32_t little_endian(std::string_view data, std::size_t place) {
  std::uint32_t number = 0;
  for (std::size_t index = 4; index-- > 0;) number = (number << 8) | static_cast<unsigned char>(data[place + index]);
  return number;
}

}  // namespace

CharTable::CharTable(std::string_view data) {
  if (data.size() < header_bytes || data.substr(0, magic.size()) != magic || data[8] != 1)
    refuse("no table of version 1");
  const std::size_t size = little_endian(data, 12);
  if (size > largest_content) refuse("it is too large");
  const Blame blame{BITFIT_BASE_FORMAT, "a table of characters", "get this library again"};
  const std::string_view stream = data.substr(header_bytes);
  const auto numbers = read_numbers(inflate_codes({stream.begin(), stream.end()}, size, blame));
  auto place = numbers.cbegin();
  changes_ = read_runs(place, numbers.cend(), true);
  classes_ = read_runs(place, numbers.cend(), false);
  kinds_ = read_runs(place, numbers.cend(), false);
  if (place != numbers.cend()) refuse("it is longer than it says");
}

CharTable::Runs CharTable::read_runs(std::vector<std::uint32_t>::const_iterator& place,
                                     std::vector<std::uint32_t>::const_iterator end, bool changes) {
  const auto next = [&] {
    if (place == end) refuse("it is cut");
    return *place++;
  };
  Runs found;
  std::uint32_t code = 0;
  for (std::uint32_t left = next(); left > 0; --left) {
    const std::uint32_t first = code + next(), last = first + next(), value = next();
    if (last > highest_code) refuse("a character is none");
    if (changes && value == hangul && (first < first_syllable || last > last_syllable)) refuse("a syllable is none");
    const std::uint32_t count = changes && value >= becomes ? (value - becomes) / 2 : 0;
    if (count > most_others) refuse("a character becomes too many");
    found.push_back({first, last, value, differences_.size(), count});
    for (std::uint32_t other = 0; other < count; ++other) {
      const std::uint32_t number = next();
      const auto half = static_cast<std::int32_t>(number >> 1);
      const std::int32_t difference = number & 1 ? -half - 1 : half;
      const std::int64_t lowest = std::int64_t{first} + difference, highest = std::int64_t{last} + difference;
      if (lowest < 0 || highest > highest_code) refuse("a character becomes none");
      differences_.push_back(difference);
    }
    code = last + 1;
  }
  return found;
}

const CharTable::Run* CharTable::find(const Runs& runs, char32_t code) {
  const auto after =
      std::upper_bound(runs.begin(), runs.end(), code, [](char32_t one, const Run& run) { return one < run.first; });
  return after == runs.begin() || (after - 1)->last < code ? nullptr : &*(after - 1);
}

std::uint32_t CharTable::value_of(const Runs& runs, char32_t code) {
  const Run* run = find(runs, code);
  return run == nullptr ? 0 : run->value;
}

Change CharTable::change(char32_t code) const {
  const Run* run = find(changes_, code);
  if (run == nullptr) return {false, false, false, {code}};
  switch (run->value) {
    case dropped:
      return {true, false, false, {}};
    case spaced:
      return {false, true, false, {}};
    case hangul:
      return {false, false, false, syllable(code)};
    case itself_alone:
      return {false, false, true, {code}};
    default:
      break;
  }
  Change found{false, false, (run->value & 1) != 0, {}};
  for (std::size_t index = run->others; index < run->others + run->count; ++index) {
    found.codes.push_back(static_cast<char32_t>(static_cast<std::int64_t>(code) + differences_[index]));
  }
  return found;
}

// Kinds as stored: 1 to 3 are letters, 4 to 6 stand alone; of each three the first is a letter to Python, the second a
// number, the third neither.
Kind CharTable::kind(char32_t code) const {
  constexpr Kind kinds[] = {Kind::hidden, Kind::letter, Kind::letter, Kind::letter,      Kind::alone,      Kind::alone,
                            Kind::alone,  Kind::space,  Kind::accent, Kind::punctuation, Kind::punctuation};
  const std::uint32_t value = value_of(kinds_, code);
  return value < std::size(kinds) ? kinds[value] : Kind::hidden;
}

bool CharTable::is_letter(char32_t code) const {
  const std::uint32_t value = value_of(kinds_, code);
  return value == 1 || value == 4;
}

bool CharTable::is_letter_or_number(char32_t code) const {
  const std::uint32_t value = value_of(kinds_, code);
  return value == 1 || value == 2 || value == 4 || value == 5;
}

bool CharTable::is_mark(char32_t code) const {
  const std::uint32_t value = value_of(kinds_, code);
  return value == 7 || value == 9;
}

const CharTable& uncased_table() {
  static const CharTable table({reinterpret_cast<const char*>(uncased_bytes), sizeof uncased_bytes});
  return table;
}

const CharTable& cased_table() {
  static const CharTable table({reinterpret_cast<const char*>(cased_bytes), sizeof cased_bytes});
  return table;
}

}  // namespace bitfit
