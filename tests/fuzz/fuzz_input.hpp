// Input of a fuzzer: data, and the positions where it is cut.
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

// Layout: the first byte modulo 8 is the number of cuts, then two bytes for each cut, then the data. Text that starts
// with a space is data without cuts.
struct Input {
  std::string_view data = "";
  std::vector<std::size_t> cuts;  // ascending

  // Returns copies of the pieces between the cuts. With copies, a view into an earlier piece is a detectable use after
  // free.
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

// Returns `data` with the cuts of `input`, limited to its length.
inline Input recut(const Input& input, std::string_view data) {
  Input out{data, input.cuts};
  for (std::size_t& cut : out.cuts) cut = std::min(cut, data.size());
  return out;
}

// Reports a violation to libFuzzer by aborting the process.
inline void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "BROKEN PROMISE: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace aiw::fuzz
