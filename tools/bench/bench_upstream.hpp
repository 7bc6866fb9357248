// Upstream side of the bench: one loopback server with a synthetic stream for each measurement.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tools/support/upstream_server.hpp"

namespace aiw::tools {

class BenchUpstream {
 public:
  // `block_bytes`: bytes of a full-speed stream in one write.
  static std::expected<std::unique_ptr<BenchUpstream>, std::string> start(std::size_t block_bytes);

  struct Source {
    std::string api;
    std::string base_url;
    std::uint64_t fill_bytes;    // fill bytes of one response in a worker's deltas
    std::uint64_t fill_on_wire;  // fill bytes of one response on the wire, as the relay copies them without decoding
  };
  // Adds a response of `chunks` events. `rate`: events a second, 0 for full speed. The starts of `streams` paced
  // streams are spread evenly over the time between two events. `hold`: the stream stays open after its last chunk.
  Source add(std::size_t chunks, double rate = 0, std::size_t streams = 1, bool hold = false);
  // Adds a stream of any API.
  Source add(SyntheticSpec spec, std::size_t streams = 1, bool hold = false);

  // Adds event streams that successive requests receive in rotation.
  Source add_bodies(std::string api, std::vector<std::string> bodies);

  [[nodiscard]] std::size_t block_bytes() const { return block_bytes_; }

  // Time and body size of the latest request. The time is taken when the body was complete.
  [[nodiscard]] std::int64_t last_received_ns() const { return last_received_ns_; }
  [[nodiscard]] std::size_t last_body_bytes() const { return last_body_bytes_; }

 private:
  struct Plan {
    std::shared_ptr<const SyntheticStream> stream;
    std::int64_t interval_ns = 0;
    std::size_t streams = 1;
    bool hold = false;
    std::size_t served = 0;
    std::vector<std::string> bodies = {};  // responses in rotation, used instead of `stream`
  };

  Script answer(const Request& request);

  std::size_t block_bytes_ = 0;
  std::mutex mutex_;
  std::vector<Plan> plans_;  // guarded by mutex_
  std::atomic<std::int64_t> last_received_ns_ = 0;
  std::atomic<std::size_t> last_body_bytes_ = 0;
  std::unique_ptr<UpstreamServer> server_;  // last member: stops before the members above are destroyed
};

}  // namespace aiw::tools
