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
    std::size_t body;       // longer: kTooLarge
    std::size_t body_kept;  // later bytes are counted, not kept
  };
  enum class State { kReading, kComplete, kMalformed, kTooLarge };

  explicit RequestReader(Limits limits) : limits_(limits) {}

  // Consumes bytes up to the end of the current request; `bytes` keeps what belongs to the next one.
  State feed(std::span<const char>& bytes);
  // After kComplete: the request; the reader starts anew.
  Request take();
  // True once per request that sent "Expect: 100-continue" and now waits for the go-ahead.
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
  std::string line_;           // the head, or a chunk's size line, until it is complete
  std::size_t remaining_ = 0;  // of the body or of the current chunk
  bool chunked_ = false;
  bool wants_continue_ = false;
  Request request_;
};

}  // namespace aiw::tools
