// Undoes a response's Content-Encoding (RFC 9110, 8.4.1) a piece at a time, so that its bytes can be counted, and
// waited with, as they are unpacked. Curl unpacks all that it reads in one turn at once.
#pragma once

#define ZLIB_CONST  // its input may be const
#include <zlib.h>

#include <array>
#include <optional>
#include <string_view>

namespace aiw {

class ContentDecoder {
 public:
  // What requests may ask for with Accept-Encoding.
  static constexpr const char* kEncodings = "gzip, deflate";
  // In lower case.
  static bool knows(std::string_view encoding);

  // Requires knows(encoding).
  explicit ContentDecoder(std::string_view encoding);
  ~ContentDecoder();
  ContentDecoder(const ContentDecoder&) = delete;
  ContentDecoder& operator=(const ContentDecoder&) = delete;

  // Takes what it uses off the front of `packed`, and returns the next unpacked bytes, 16 KiB at most, which last until
  // the next call. None: it needs more. nullopt: the bytes are not so encoded.
  std::optional<std::string_view> next(std::string_view& packed);
  // Nothing came, or all that did was unpacked to its end.
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
