#include "windows.hpp"

#include <algorithm>

namespace bitfit {
namespace {

// How many tokens of each side to keep so that both fit, cutting the longer side first.
std::array<std::size_t, 2> longest_first(std::size_t first, std::size_t second, std::size_t room) {
  if (first + second <= room) return {first, second};
  const std::size_t half = room / 2;
  if (first <= half) return {first, room - first};
  if (second <= half) return {room - second, second};
  return {room - half, half};
}

TokenizedText arrange(const LayoutParts& layout, const std::array<const SideTokens*, 2>& sides,
                      const std::array<std::size_t, 2>& kept) {
  TokenizedText found;
  for (const LayoutPart& part : layout) {
    if (!part.side) {
      found.ids.push_back(part.id);
      found.types.push_back(part.type);
      found.offsets.push_back({0, 0});
      continue;
    }
    const auto side = static_cast<std::size_t>(*part.side);
    found.sides[side] = {found.size(), found.size() + kept[side]};
    for (std::size_t index = 0; index < kept[side]; ++index) {
      const Token& token = sides[side]->tokens[index];
      found.ids.push_back(token.id);
      found.types.push_back(part.type);
      found.offsets.push_back({token.start, token.end});
    }
  }
  for (std::size_t side = 0; side < 2; ++side)
    found.cut[side] = sides[side]->cut || sides[side]->tokens.size() > kept[side];
  return found;
}

}  // namespace

Limit Limit::of(const PackInfo& info) {
  if (!info.windows) return {info.max_length};
  return {info.max_length, info.windows->overlap, info.windows->max_windows, info.type->searched};
}

std::size_t Limit::room(const LayoutParts& layout) const {
  const auto special = static_cast<std::size_t>(
      std::count_if(layout.begin(), layout.end(), [](const LayoutPart& part) { return !part.side; }));
  return max_length > special ? max_length - special : 0;
}

std::size_t Limit::most(const LayoutParts& layout) const {
  const std::size_t own = room(layout);
  return own + (max_windows - 1) * step(own);
}

std::vector<Range> Limit::slices(std::size_t length, std::size_t room) const {
  if (length <= room || room == 0) return {{0, std::min(length, room)}};
  const std::size_t own = step(room), needed = 1 + (length - room + own - 1) / own;
  std::vector<Range> found;
  for (std::size_t index = 0; index < std::min(needed, max_windows); ++index) {
    found.push_back({index * own, std::min(index * own + room, length)});
  }
  return found;
}

std::size_t Limit::step(std::size_t room) const { return std::max<std::size_t>(room - std::min(overlap, room / 2), 1); }

WindowedText cut_windows(const LayoutParts& layout, const SideTokens& first, const SideTokens& second,
                         const Limit& limit) {
  const std::array<const SideTokens*, 2> sides{&first, &second};
  auto kept = longest_first(first.tokens.size(), second.tokens.size(), limit.room(layout));
  std::size_t side = first.tokens.size() > second.tokens.size() ? 0 : 1;
  if (limit.searched != Searched::longer && !second.tokens.empty()) side = limit.searched == Searched::first ? 0 : 1;
  std::vector<Range> slices = limit.slices(sides[side]->tokens.size(), kept[side]);
  kept[side] = slices.back().stop;
  WindowedText found{arrange(layout, sides, kept), side, std::move(slices)};
  const std::size_t start = found.text.sides[side].start;
  for (Range& slice : found.slices) slice = {start + slice.start, start + slice.stop};
  return found;
}

TokenizedText WindowedText::window(std::size_t index) const {
  if (size() == 1) return text;
  const Range own = text.sides[side], other = text.sides[1 - side];
  const Range kept{own.start, own.start + slices[index].size()};
  const std::size_t lost = other.stop <= own.start ? 0 : own.stop - kept.stop;
  TokenizedText found;
  for (const std::size_t place : positions(index)) {
    found.ids.push_back(text.ids[place]);
    found.types.push_back(text.types[place]);
    found.offsets.push_back(text.offsets[place]);
  }
  found.sides[side] = kept;
  found.sides[1 - side] = {other.start - lost, other.stop - lost};
  found.cut = text.cut;
  return found;
}

std::vector<std::size_t> WindowedText::positions(std::size_t index) const {
  const Range own = text.sides[side];
  std::vector<std::size_t> found;
  for (const Range& range : {Range{0, own.start}, slices[index], Range{own.stop, text.size()}}) {
    for (std::size_t place = range.start; place < range.stop; ++place) found.push_back(place);
  }
  return found;
}

std::vector<std::size_t> WindowedText::speakers() const {
  std::vector<std::size_t> found(text.size(), 0);
  std::vector<std::ptrdiff_t> best(text.size(), -1);
  for (std::size_t index = 0; index < size(); ++index) {
    for (std::size_t place = slices[index].start; place < slices[index].stop; ++place) {
      const auto distance =
          static_cast<std::ptrdiff_t>(std::min(place - slices[index].start, slices[index].stop - 1 - place));
      if (distance <= best[place]) continue;
      best[place] = distance;
      found[place] = index;
    }
  }
  return found;
}

}  // namespace bitfit
