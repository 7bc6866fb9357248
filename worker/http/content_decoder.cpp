#include "worker/http/content_decoder.hpp"

#include <algorithm>
#include <limits>
#include <new>

namespace aiw {
namespace {

// Uses operator new, which charges the current memory account (worker/base/memory_account.hpp).
void* allocate(void*, unsigned items, unsigned size) { return operator new(std::size_t{items} * size, std::nothrow); }
void release(void*, void* memory) { operator delete(memory); }

// Returns true if the first byte of a zlib header has method 8 and a window of at most 32 KiB (RFC 1950, 2.2).
bool has_zlib_header(unsigned char first) { return (first & 0x0F) == 8 && first >> 4 <= 7; }

}  // namespace

bool ContentDecoder::knows(std::string_view encoding) {
  return encoding == "gzip" || encoding == "x-gzip" || encoding == "deflate";
}

ContentDecoder::ContentDecoder(std::string_view encoding) : gzip_(encoding != "deflate") {
  stream_.zalloc = &allocate;
  stream_.zfree = &release;
}

ContentDecoder::~ContentDecoder() {
  if (begun_) inflateEnd(&stream_);
}

// Starts inflating. Some servers send "deflate" without the zlib header.
void ContentDecoder::begin(unsigned char first) {
  constexpr int kGzip = 16;
  const int window = gzip_ ? MAX_WBITS + kGzip : has_zlib_header(first) ? MAX_WBITS : -MAX_WBITS;
  if (inflateInit2(&stream_, window) != Z_OK) throw std::bad_alloc();
  begun_ = true;
}

std::optional<std::string_view> ContentDecoder::next(std::string_view& packed) {
  if (!begun_ && packed.empty()) return std::string_view();
  if (!begun_) begin(static_cast<unsigned char>(packed.front()));
  if (ended_) {
    // The end may be padded with zero bytes.
    packed.remove_prefix(std::min(packed.find_first_not_of('\0'), packed.size()));
    if (packed.empty()) return std::string_view();
    // A gzip stream may have further members (RFC 1952, 2.2).
    if (!gzip_ || inflateReset(&stream_) != Z_OK) return std::nullopt;
    ended_ = false;
  }
  const auto size = std::min<std::size_t>(packed.size(), std::numeric_limits<uInt>::max());
  stream_.next_in = reinterpret_cast<const Bytef*>(packed.data());
  stream_.avail_in = static_cast<uInt>(size);
  stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
  stream_.avail_out = static_cast<uInt>(out_.size());
  const int result = inflate(&stream_, Z_NO_FLUSH);
  packed.remove_prefix(size - stream_.avail_in);
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  ended_ = result == Z_STREAM_END;
  if (result != Z_OK && result != Z_BUF_ERROR && !ended_) return std::nullopt;  // Z_BUF_ERROR: needs more input
  return std::string_view(out_.data(), out_.size() - stream_.avail_out);
}

}  // namespace aiw
