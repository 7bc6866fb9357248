// How the loopback upstream answers one request, as a value: what is sent, in which pieces, and how it ends.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/support/synthetic_stream.hpp"

namespace aiw::tools {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// How a body is cut into pieces. In a chunked response every piece is an HTTP chunk of its own, so that the client
// sees exactly these pieces; otherwise a piece is one write, and the kernel may join neighbours.
struct Cut {
  enum class Mode { kWhole, kRandom, kBytes, kSizes };
  Mode mode = Mode::kWhole;
  std::uint64_t seed = 1;               // kRandom: the same seed gives the same pieces
  std::size_t max_piece = 97;           // kRandom: pieces of 1 to this many bytes
  std::vector<std::size_t> sizes = {};  // kSizes: these sizes in turn, the rest in one piece; a 0 counts as 1
};

// The lengths of the pieces; their sum is `total`, none is 0.
std::vector<std::size_t> piece_lengths(const Cut& cut, std::size_t total);

enum class Framing { kChunked, kContentLength, kClose };

enum class Ending {
  kProper,          // as the framing demands
  kFin,             // the connection is closed in the middle of the body
  kReset,           // the same by RST
  kHang,            // nothing more ever comes; ends when the client closes or the server stops
  kTruncatedChunk,  // an HTTP chunk that announces more than it brings, then FIN (framing is chunked)
  kShortLength,     // Content-Length announces more than is sent, then FIN (framing is Content-Length)
  kGarbage,         // bytes that are no HTTP where framing was expected, then FIN
};

struct Script {
  int status = 200;
  HeaderList headers = {};  // without those that belong to the framing
  std::string body = {};
  Cut cut = {};
  Framing framing = Framing::kChunked;
  Ending ending = Ending::kProper;
  // For endings other than kProper: how much of the body is sent before; absent: half of it.
  std::optional<std::size_t> end_after = std::nullopt;
  // The ending happens before a single byte of the answer was sent.
  bool before_head = false;
  std::chrono::milliseconds delay_before_head{0};
  std::chrono::milliseconds delay_between{0};

  // If set, these bytes are the answer instead of a head and a body: what no well-behaved server would send. Then the
  // ending.
  std::string raw = {};
  // `raw` is sent so many times.
  std::size_t raw_repeated = 1;

  // If set, this is the body instead of `body`, `cut` and `delay_between`; framing is chunked and the ending kProper
  // or kHang (after the last chunk, without the stream's tail).
  std::shared_ptr<const SyntheticStream> stream = nullptr;
  std::chrono::nanoseconds stream_phase{0};  // a paced stream waits this long before its first tick
};

// `bytes` as one chunk of a chunked body (RFC 9112, 7.1).
std::string http_chunk(std::string_view bytes);

// The bytes of the response head, up to and including the empty line.
std::string response_head(const Script& script);

// The bytes to write after the head, piece by piece, framing included. Delays and the ending itself (FIN, RST) are
// left to the connection.
std::vector<std::string> body_writes(const Script& script);

// A script with a JSON body.
Script json_script(int status, std::string body);

}  // namespace aiw::tools
