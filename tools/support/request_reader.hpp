// Assembles HTTP/1.1 requests (RFC 9112) from the bytes of one connection.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tools/support/upstream_server.hpp"

namespace aiw::tools {

class RequestReader {
 public:
  struct Limits {
    std::size_t body;       // a longer body gives kTooLarge
    std::size_t body_kept;  // bytes beyond this are counted, not kept
  };
  enum class State { kReading, kComplete, kMalformed, kTooLarge };

  explicit RequestReader(Limits limits) : limits_(limits) {}

  // Consumes bytes up to the end of the current request. `bytes` keeps those of the next one.
  State feed(std::span<const char>& bytes);
  // Returns the request after kComplete. The reader then starts with the next one.
  Request take();
  // Returns true once for each request that sent "Expect: 100-continue" and now waits for the interim response.
  bool take_continue_wish();

 private:
  enum class Phase { kHead, kBody, kChunkSize, kChunkData, kChunkEnd, kTrailer, kDone };

  State feed_head(std::span<const char>& bytes);
  State parse_head(std::string_view head);
  State feed_body(std::span<const char>& bytes);
  State feed_chunk_line(std::span<const char>& bytes);
  void keep(std::span<const char> bytes);

  Limits limits_;
  Phase phase_ = Phase::kHead;
  std::string line_;           // head, or size line of a chunk, until it is complete
  std::size_t remaining_ = 0;  // bytes left of the body or the current chunk
  bool chunked_ = false;
  bool wants_continue_ = false;
  Request request_;
};

}  // namespace aiw::tools
