#include "tools/support/synthetic_stream.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "tools/support/script.hpp"

namespace aiw::tools {

namespace {

constexpr std::size_t kMaxChunks = 1'000'000'000;
constexpr std::size_t kMaxEventBytes = 1u << 20;
constexpr std::size_t kMaxBlockBytes = 1u << 20;
constexpr std::size_t kStampBytes = kTimestampDigits + 2;

// One wire API: what comes before the texts, around each text, and after them.
struct Api {
  std::string_view name;
  std::string_view head;
  std::string_view before;
  std::string_view after;
  std::string_view tail;
};

constexpr std::array kApis{
    // developers.openai.com, API reference: the chat completion chunk object.
    Api{.name = "openai-chat",
        .head = R"(data: {"id":"chatcmpl-synthetic0001","object":"chat.completion.chunk","created":1750000000,)"
                R"("model":"synthetic","choices":[{"index":0,"delta":{"role":"assistant","content":""},)"
                R"("finish_reason":null}]})"
                "\n\n",
        .before = R"(data: {"id":"chatcmpl-synthetic0001","object":"chat.completion.chunk","created":1750000000,)"
                  R"("model":"synthetic","choices":[{"index":0,"delta":{"content":")",
        .after = R"("},"logprobs":null,"finish_reason":null}]})"
                 "\n\n",
        .tail = R"(data: {"id":"chatcmpl-synthetic0001","object":"chat.completion.chunk","created":1750000000,)"
                R"("model":"synthetic","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"
                "\n\n"
                R"(data: {"id":"chatcmpl-synthetic0001","object":"chat.completion.chunk","created":1750000000,)"
                R"("model":"synthetic","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":20,)"
                R"("total_tokens":30}})"
                "\n\ndata: [DONE]\n\n"},
    // docs.anthropic.com, "Streaming Messages".
    Api{.name = "anthropic-messages",
        .head = "event: message_start\n"
                R"(data: {"type":"message_start","message":{"id":"msg_synthetic0001","type":"message",)"
                R"("role":"assistant","model":"synthetic","content":[],"stop_reason":null,"stop_sequence":null,)"
                R"("usage":{"input_tokens":10,"output_tokens":1}}})"
                "\n\nevent: content_block_start\n"
                R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})"
                "\n\n",
        .before = "event: content_block_delta\n"
                  R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")",
        .after = "\"}}\n\n",
        .tail = "event: content_block_stop\n"
                R"(data: {"type":"content_block_stop","index":0})"
                "\n\nevent: message_delta\n"
                R"(data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},)"
                R"("usage":{"output_tokens":20}})"
                "\n\nevent: message_stop\n"
                R"(data: {"type":"message_stop"})"
                "\n\n"},
};

// `events` copies of `event` in HTTP chunks of `per_chunk` events.
std::string http_chunks(std::string_view event, std::size_t events, std::size_t per_chunk) {
  std::string out;
  while (events > 0) {
    std::size_t count = std::min(events, per_chunk);
    std::string joined;
    for (std::size_t i = 0; i < count; ++i) joined += event;
    out += http_chunk(joined);
    events -= count;
  }
  return out;
}

bool in_bounds(const SyntheticSpec& spec) {
  return spec.chunks <= kMaxChunks && spec.event_bytes <= kMaxEventBytes && spec.block_bytes <= kMaxBlockBytes &&
         spec.events_per_http_chunk > 0 && spec.events_per_http_chunk <= 4096 && spec.rate >= 0 && spec.rate <= 1e6;
}

}  // namespace

std::expected<std::shared_ptr<const SyntheticStream>, std::string> SyntheticStream::make(const SyntheticSpec& spec) {
  const auto* api = std::ranges::find(kApis, spec.api, &Api::name);
  if (api == kApis.end()) return std::unexpected("there is no synthetic stream for the api " + spec.api);
  if (!in_bounds(spec)) return std::unexpected("the synthetic stream is out of bounds");

  auto stream = std::make_shared<SyntheticStream>();
  stream->spec_ = spec;
  std::size_t envelope = api->before.size() + api->after.size();
  std::size_t event_bytes = std::max(spec.event_bytes, envelope + kStampBytes + 1);
  std::size_t text_bytes = event_bytes - envelope;
  auto event = [&](std::string_view text) { return std::string(api->before).append(text).append(api->after); };

  stream->spec_.event_bytes = event_bytes;
  stream->head_ = http_chunk(api->head);
  stream->tail_ = http_chunk(api->tail) + "0\r\n\r\n";
  stream->body_bytes_ = api->head.size() + api->tail.size() + spec.chunks * event_bytes;
  if (spec.rate > 0) {
    std::string stamp = kTimestampMark + std::string(kTimestampDigits, '0') + kTimestampMark;
    stream->fill_per_event_ = text_bytes - stamp.size();
    stream->stamped_ = http_chunk(event(stamp + std::string(text_bytes - stamp.size(), kFillByte)));
    stream->stamp_at_ = stream->stamped_.find(kTimestampMark) + 1;
    return stream;
  }
  std::string plain = event(std::string(text_bytes, kFillByte));
  std::size_t per_block = std::max(spec.block_bytes / (event_bytes * spec.events_per_http_chunk), std::size_t{1}) *
                          spec.events_per_http_chunk;
  stream->fill_per_event_ = text_bytes;
  stream->full_blocks_ = spec.chunks / per_block;
  if (stream->full_blocks_ > 0) stream->block_ = http_chunks(plain, per_block, spec.events_per_http_chunk);
  stream->rest_ = http_chunks(plain, spec.chunks % per_block, spec.events_per_http_chunk);
  return stream;
}

std::string SyntheticStream::plain_body() const {
  const auto* api = std::ranges::find(kApis, spec_.api, &Api::name);
  std::string text(spec_.event_bytes - api->before.size() - api->after.size(), kFillByte);
  std::string body(api->head);
  for (std::size_t i = 0; i < spec_.chunks; ++i) body.append(api->before).append(text).append(api->after);
  return body.append(api->tail);
}

std::string SyntheticStream::stamped_event(std::int64_t steady_ns) const {
  std::string event = stamped_;
  std::array<char, kTimestampDigits + 1> digits{};
  std::snprintf(digits.data(), digits.size(), "%019lld", static_cast<long long>(steady_ns));
  event.replace(stamp_at_, kTimestampDigits, digits.data(), kTimestampDigits);
  return event;
}

std::vector<std::string> synthetic_apis() {
  std::vector<std::string> names;
  for (const auto& api : kApis) names.emplace_back(api.name);
  return names;
}

}  // namespace aiw::tools
