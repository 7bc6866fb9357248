// The bench's side of the wire: one loopback server, with a synthetic stream for each thing to be measured.
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
  // `block_bytes`: how much of a full-speed stream goes into one write.
  static std::expected<std::unique_ptr<BenchUpstream>, std::string> start(std::size_t block_bytes);

  struct Source {
    std::string api;
    std::string base_url;
    std::uint64_t fill_bytes;    // that one answer brings to a worker
    std::uint64_t fill_on_wire;  // and to the relay, which decodes nothing
  };
  // An answer of `chunks` events. rate: events a second, 0 for full speed; `streams` paced streams are spread evenly
  // over the time between two events. `hold`: the stream never ends after its last chunk.
  Source add(std::size_t chunks, double rate = 0, std::size_t streams = 1, bool hold = false);
  // The same of any API.
  Source add(SyntheticSpec spec, std::size_t streams = 1, bool hold = false);

  // Event streams that the requests get in turn, over and over.
  Source add_bodies(std::string api, std::vector<std::string> bodies);

  [[nodiscard]] std::size_t block_bytes() const { return block_bytes_; }

  // Of the latest request, as soon as its body was complete.
  [[nodiscard]] std::int64_t last_received_ns() const { return last_received_ns_; }
  [[nodiscard]] std::size_t last_body_bytes() const { return last_body_bytes_; }

 private:
  struct Plan {
    std::shared_ptr<const SyntheticStream> stream;
    std::int64_t interval_ns = 0;
    std::size_t streams = 1;
    bool hold = false;
    std::size_t served = 0;
    std::vector<std::string> bodies = {};  // in place of `stream`
  };

  Script answer(const Request& request);

  std::size_t block_bytes_ = 0;
  std::mutex mutex_;
  std::vector<Plan> plans_;  // guarded by mutex_
  std::atomic<std::int64_t> last_received_ns_ = 0;
  std::atomic<std::size_t> last_body_bytes_ = 0;
  std::unique_ptr<UpstreamServer> server_;  // stops before the rest goes
};

}  // namespace aiw::tools
