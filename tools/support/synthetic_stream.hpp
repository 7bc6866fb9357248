// Responses of any length and rate in each wire API's stream format. Built once, so sending them costs almost nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aiw::tools {

// Byte that fills every synthetic text and occurs nowhere else in a response. Counting it in a worker's output gives
// the amount of text that arrived, whatever the worker merged or added around it.
inline constexpr char kFillByte = '~';
// Every text of a paced stream begins with this byte, kTimestampDigits digits (steady clock, ns) and this byte again.
inline constexpr char kTimestampMark = '@';
inline constexpr std::size_t kTimestampDigits = 19;

struct SyntheticSpec {
  std::string api = "openai-chat";
  std::size_t chunks = 100;
  std::size_t event_bytes = 300;  // size of one event on the wire, without HTTP framing; raised to the API's minimum
  double rate = 0;                // events per second; 0: as fast as the client reads
  std::size_t block_bytes = 128u << 10;   // approximate size of one write, at full speed
  std::size_t events_per_http_chunk = 1;  // at full speed
};

// Immutable, and shared by all connections that send it. Thread-safe to read.
class SyntheticStream {
 public:
  // Error: the API is not in the table (see synthetic_apis), the spec is out of bounds, or it is a paced stream of an
  // API with binary framing.
  static std::expected<std::shared_ptr<const SyntheticStream>, std::string> make(const SyntheticSpec& spec);

  [[nodiscard]] const SyntheticSpec& spec() const { return spec_; }
  [[nodiscard]] std::string_view content_type() const { return content_type_; }
  // Everything below already has HTTP chunk framing. At full speed a stream is head, full_blocks() times block, rest,
  // tail. A paced one is head, stamped_event() at every tick, tail.
  [[nodiscard]] const std::string& head() const { return head_; }
  [[nodiscard]] const std::string& block() const { return block_; }
  [[nodiscard]] std::size_t full_blocks() const { return full_blocks_; }
  [[nodiscard]] const std::string& rest() const { return rest_; }
  [[nodiscard]] const std::string& tail() const { return tail_; }  // includes the last-chunk
  // Returns one event that carries the time of sending.
  [[nodiscard]] std::string stamped_event(std::int64_t steady_ns) const;

  // Returns the whole body, without HTTP framing and time stamps. For short streams.
  [[nodiscard]] std::string plain_body() const;

  // Number of kFillByte in the texts of the whole stream.
  [[nodiscard]] std::uint64_t fill_bytes() const { return spec_.chunks * fill_per_event_; }
  // Number of kFillByte on the wire, where base64 may hide the texts and checksums may contain the byte.
  [[nodiscard]] std::uint64_t fill_on_wire() const { return fill_on_wire_; }
  // Length of the body without HTTP framing.
  [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }

 private:
  SyntheticSpec spec_;
  std::string_view content_type_;
  std::size_t text_bytes_ = 0;  // bytes of text in one event
  std::string head_, tail_, block_, rest_, stamped_;
  std::size_t full_blocks_ = 0;
  std::size_t stamp_at_ = 0;
  std::uint64_t fill_per_event_ = 0;
  std::uint64_t fill_on_wire_ = 0;
  std::uint64_t body_bytes_ = 0;
};

// Values that SyntheticSpec::api may have.
std::vector<std::string> synthetic_apis();

}  // namespace aiw::tools
