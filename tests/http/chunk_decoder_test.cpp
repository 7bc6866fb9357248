#include "worker/http/chunk_decoder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace {

using aiw::ChunkDecoder;

struct Decoded {
  std::string data;
  bool whole = false;
  bool too_long = false;
};

// Decodes `bytes`, which arrive in blocks of `block` bytes.
Decoded decoded(std::string_view bytes, std::size_t block) {
  ChunkDecoder decoder;
  Decoded out;
  while (!bytes.empty()) {
    std::string_view rest = bytes.substr(0, block);
    bytes.remove_prefix(rest.size());
    while (!rest.empty()) {
      decoder.skip_framing(rest);
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), decoder.data_left()));
      out.data += rest.substr(0, size);
      decoder.used(size);
      rest.remove_prefix(size);
    }
  }
  out.whole = decoder.is_whole();
  out.too_long = decoder.is_too_long();
  return out;
}

TEST_CASE("chunks are decoded in blocks of any size, with extensions, trailers and plain line feeds") {
  const std::string_view bytes =
      "3\r\nabc\r\n00000A;name=\"value\"\r\n0123456789\r\n1\nz\n0;last\r\nTrailer: t\r\nOther: u\r\n\r\nnext response";
  for (std::size_t block = 1; block <= bytes.size(); ++block) {
    CAPTURE(block);
    const auto out = decoded(bytes, block);
    CHECK(out.data == "abc0123456789z");
    CHECK(out.whole);
    CHECK_FALSE(out.too_long);
  }
}

TEST_CASE("chunks without their end, or with a fault, are not whole, and give the data before it") {
  for (const std::string_view bytes :
       {"3\r\nabc\r\n", "3\r\nabc\r\n0\r\n", "3\r\nabc\r\n0\r\nTrailer: t\r\n", "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\r\nx\r\n0\r\n\r\n", "3\r\nabc\r\n-1\r\n0\r\n\r\n", "3\r\nabc\r\n8000000000000000\r\n0\r\n\r\n",
        "3\r\nabc\r\n00000000000000001\r\nz\r\n0\r\n\r\n"}) {
    CAPTURE(bytes);
    for (std::size_t block = 1; block <= bytes.size(); ++block) {
      const auto out = decoded(bytes, block);
      CHECK(out.data == "abc");
      CHECK_FALSE(out.whole);
    }
  }
}

TEST_CASE("a chunk's line and all trailers together have a limit") {
  const auto repeated = [](std::string_view text) {
    std::string out;
    while (out.size() <= ChunkDecoder::kMaxLine) out += text;
    return out;
  };
  CHECK(decoded("3;" + repeated("e") + "\r\nabc\r\n0\r\n\r\n", 1000).too_long);
  CHECK(decoded("0\r\n" + repeated("a: b\r\n") + "\r\n", 1000).too_long);
  CHECK(decoded("3\r\nabc" + repeated("\r"), 1000).too_long);
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "1;extension\r\nz\r\n";
  const auto out = decoded(many + "0\r\n\r\n", 1000);
  CHECK(out.data.size() == 5000);
  CHECK(out.whole);
}

}  // namespace
