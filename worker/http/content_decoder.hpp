// Decodes a response's Content-Encoding (RFC 9110, 8.4.1) in pieces, so that decoded bytes can be counted and delayed.
// Curl would decode everything it reads in one turn at once.
#pragma once

#define ZLIB_CONST  // makes the type of zlib's input const
#include <zlib.h>

#include <array>
#include <optional>
#include <string_view>

namespace aiw {

class ContentDecoder {
 public:
  // Value of the Accept-Encoding header.
  static constexpr const char* kEncodings = "gzip, deflate";
  // Returns true if `encoding` (lower case) is supported.
  static bool knows(std::string_view encoding);

  // Requires knows(encoding).
  explicit ContentDecoder(std::string_view encoding);
  ~ContentDecoder();
  ContentDecoder(const ContentDecoder&) = delete;
  ContentDecoder& operator=(const ContentDecoder&) = delete;

  // Consumes bytes from the front of `packed` and returns the next decoded bytes: at most 16 KiB, valid until the next
  // call. Returns an empty view if it needs more input, and nullopt if the bytes are not in this encoding.
  std::optional<std::string_view> next(std::string_view& packed);
  // True if no bytes arrived, or if all were decoded to the end of the stream.
  [[nodiscard]] bool is_whole() const { return !begun_ || ended_; }

 private:
  void begin(unsigned char first);

  const bool gzip_;
  z_stream stream_{};
  bool begun_ = false;
  bool ended_ = false;
  std::array<char, 16'384> out_;
};

}  // namespace aiw
