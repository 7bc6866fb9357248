// A fuzzer's bytes as data and the places where it is cut.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace aiw::fuzz {

// The first byte, modulo 8, is the number of cuts; two bytes for each follow, then the data. Text that begins with a
// space is data without cuts.
struct Input {
  std::string_view data = "";
  std::vector<std::size_t> cuts;  // ascending

  // The pieces between the cuts, as copies: a view kept into an earlier piece is a use after free.
  [[nodiscard]] std::vector<std::string> pieces() const {
    std::vector<std::string> pieces;
    std::size_t from = 0;
    for (const std::size_t cut : cuts) {
      pieces.emplace_back(data.substr(from, cut - from));
      from = cut;
    }
    pieces.emplace_back(data.substr(from));
    return pieces;
  }
};

inline Input read_input(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return {};
  const std::size_t cuts = std::min<std::size_t>(bytes[0] % 8, (size - 1) / 2);
  Input input;
  input.data = {reinterpret_cast<const char*>(bytes) + 1 + 2 * cuts, size - 1 - 2 * cuts};
  for (std::size_t i = 0; i < cuts; ++i) {
    const std::size_t offset = bytes[1 + 2 * i] * std::size_t{256} + bytes[2 + 2 * i];
    input.cuts.push_back(offset % (input.data.size() + 1));
  }
  std::ranges::sort(input.cuts);
  return input;
}

// `data` cut where `input` is, as far as it reaches.
inline Input recut(const Input& input, std::string_view data) {
  Input out{data, input.cuts};
  for (std::size_t& cut : out.cuts) cut = std::min(cut, data.size());
  return out;
}

// Ends the program, which is how libFuzzer is told.
inline void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "BROKEN PROMISE: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace aiw::fuzz
