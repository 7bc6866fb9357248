#include "tools/bench/bench_upstream.hpp"

#include <charconv>

namespace aiw::tools {

namespace {

std::int64_t nanoseconds(std::chrono::steady_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

// Delay before the k-th of `streams` paced streams starts: puts all streams on one common time grid.
std::chrono::nanoseconds phase(std::int64_t interval, std::size_t k, std::size_t streams, std::int64_t now) {
  std::int64_t place = interval * static_cast<std::int64_t>(k % streams) / static_cast<std::int64_t>(streams);
  return std::chrono::nanoseconds((place - now % interval + interval) % interval);
}

}  // namespace

std::expected<std::unique_ptr<BenchUpstream>, std::string> BenchUpstream::start(std::size_t block_bytes) {
  auto upstream = std::make_unique<BenchUpstream>();
  upstream->block_bytes_ = block_bytes;
  auto server = UpstreamServer::start([self = upstream.get()](const Request& request) { return self->answer(request); },
                                      {.max_body_kept = 0, .max_requests_kept = 0});
  if (!server) return std::unexpected(server.error());
  upstream->server_ = std::move(*server);
  return upstream;
}

BenchUpstream::Source BenchUpstream::add(std::size_t chunks, double rate, std::size_t streams, bool hold) {
  return add({.chunks = chunks, .rate = rate, .block_bytes = block_bytes_}, streams, hold);
}

BenchUpstream::Source BenchUpstream::add(SyntheticSpec spec, std::size_t streams, bool hold) {
  auto stream = SyntheticStream::make(spec).value();
  Plan plan{.stream = stream, .streams = streams, .hold = hold};
  if (spec.rate > 0) plan.interval_ns = static_cast<std::int64_t>(1e9 / spec.rate);
  std::lock_guard lock(mutex_);
  plans_.push_back(plan);
  return {.api = spec.api,
          .base_url = server_->url() + "/" + std::to_string(plans_.size() - 1),
          .fill_bytes = stream->fill_bytes(),
          .fill_on_wire = stream->fill_on_wire()};
}

BenchUpstream::Source BenchUpstream::add_bodies(std::string api, std::vector<std::string> bodies) {
  std::lock_guard lock(mutex_);
  plans_.push_back({.stream = nullptr, .bodies = std::move(bodies)});
  return {.api = std::move(api),
          .base_url = server_->url() + "/" + std::to_string(plans_.size() - 1),
          .fill_bytes = 0,
          .fill_on_wire = 0};
}

Script BenchUpstream::answer(const Request& request) {
  last_body_bytes_ = request.body_bytes;
  last_received_ns_ = nanoseconds(request.received_at);
  std::string_view number = request.path().substr(1);
  std::size_t index = 0;
  std::from_chars(number.data(), number.data() + number.size(), index);
  std::lock_guard lock(mutex_);
  if (index >= plans_.size()) return json_script(404, "{}");
  Plan& plan = plans_[index];
  if (!plan.bodies.empty()) {
    return {.headers = {{"Content-Type", "text/event-stream"}},
            .body = plan.bodies[plan.served++ % plan.bodies.size()]};
  }
  Script script{.headers = {{"Content-Type", std::string(plan.stream->content_type())}}, .stream = plan.stream};
  if (plan.hold) script.ending = Ending::kHang;
  if (plan.interval_ns > 0) {
    script.stream_phase = phase(plan.interval_ns, plan.served++, plan.streams, nanoseconds(request.received_at));
  }
  return script;
}

}  // namespace aiw::tools
