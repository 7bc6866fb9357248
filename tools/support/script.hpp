// Response of the loopback upstream to one request, as a value: what is sent, in which pieces, and how it ends.
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

// Rule for cutting a body into pieces. In a chunked response every piece is its own HTTP chunk, so the client sees
// exactly these pieces. Otherwise a piece is one write, and the kernel may join neighbours.
struct Cut {
  enum class Mode { kWhole, kRandom, kBytes, kSizes };
  Mode mode = Mode::kWhole;
  std::uint64_t seed = 1;               // kRandom: the same seed gives the same pieces
  std::size_t max_piece = 97;           // kRandom: pieces of 1 to this many bytes
  std::vector<std::size_t> sizes = {};  // kSizes: these sizes in turn, the rest in one piece; a 0 counts as 1
};

// Returns the lengths of the pieces. Their sum is `total`, and none is 0.
std::vector<std::size_t> piece_lengths(const Cut& cut, std::size_t total);

enum class Framing { kChunked, kContentLength, kClose };

enum class Ending {
  kProper,          // as the framing requires
  kFin,             // the connection is closed by FIN in the middle of the body
  kReset,           // the connection is closed by RST in the middle of the body
  kHang,            // nothing more is sent; ends when the client closes or the server stops
  kTruncatedChunk,  // an HTTP chunk announces more than it has, then FIN (framing is chunked)
  kShortLength,     // Content-Length announces more than is sent, then FIN (framing is Content-Length)
  kGarbage,         // bytes that are not HTTP where framing is expected, then FIN
};

struct Script {
  int status = 200;
  HeaderList headers = {};  // without the headers of the framing
  std::string body = {};
  Cut cut = {};
  Framing framing = Framing::kChunked;
  Ending ending = Ending::kProper;
  // Number of body bytes sent before an ending other than kProper; absent: half of the body.
  std::optional<std::size_t> end_after = std::nullopt;
  // If true, the ending happens before any byte of the response is sent.
  bool before_head = false;
  std::chrono::milliseconds delay_before_head{0};
  std::chrono::milliseconds delay_between{0};

  // If set, these bytes are sent instead of a head and a body, then the ending. For responses that no well-behaved
  // server would send.
  std::string raw = {};
  // Number of times that `raw` is sent.
  std::size_t raw_repeated = 1;

  // If set, sent instead of `body`, ignoring `cut` and `delay_between`. Framing must be chunked. The ending must be
  // kProper or kHang (after the last chunk, without the stream's tail).
  std::shared_ptr<const SyntheticStream> stream = nullptr;
  std::chrono::nanoseconds stream_phase{0};  // delay of a paced stream before its first tick
};

// Returns `bytes` as one chunk of a chunked body (RFC 9112, 7.1).
std::string http_chunk(std::string_view bytes);

// Returns the response head, up to and including the empty line.
std::string response_head(const Script& script);

// Returns the writes after the head, piece by piece, with framing. The connection adds delays and the ending itself
// (FIN, RST).
std::vector<std::string> body_writes(const Script& script);

// Returns a script with a JSON body.
Script json_script(int status, std::string body);

}  // namespace aiw::tools
