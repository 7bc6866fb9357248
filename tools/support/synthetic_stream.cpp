#include "tools/support/synthetic_stream.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "tools/support/script.hpp"
#include "worker/base/base64.hpp"
#include "worker/base/crc32.hpp"

namespace aiw::tools {

namespace {

constexpr std::size_t kMaxChunks = 1'000'000'000;
constexpr std::size_t kMaxEventBytes = 1u << 20;
constexpr std::size_t kMaxBlockBytes = 1u << 20;
constexpr std::size_t kStampBytes = kTimestampDigits + 2;

enum class Wrapping {
  none,          // the texts are sent as they are
  event_stream,  // AWS: each line of the texts is one event: its type, then its payload
  event_bytes,   // AWS: like event_stream, with the payload as base64 in {"bytes"}, in events of type "chunk"
};

// One wire API: the bytes before the texts, around each text, and after them.
struct Api {
  std::string_view name;
  std::string_view content_type = "text/event-stream";
  Wrapping wrapping = Wrapping::none;
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
    // platform.openai.com, API reference: Responses, streaming events.
    Api{.name = "openai-responses",
        .head = "event: response.created\n"
                R"(data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_synthetic0001",)"
                R"("object":"response","status":"in_progress","model":"synthetic","output":[]}})"
                "\n\nevent: response.output_item.added\n"
                R"(data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":)"
                R"({"id":"msg_synthetic0001","type":"message","status":"in_progress","role":"assistant","content":[]}})"
                "\n\nevent: response.content_part.added\n"
                R"(data: {"type":"response.content_part.added","sequence_number":2,"item_id":"msg_synthetic0001",)"
                R"("output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}})"
                "\n\n",
        .before = "event: response.output_text.delta\n"
                  R"(data: {"type":"response.output_text.delta","sequence_number":3,"item_id":"msg_synthetic0001",)"
                  R"("output_index":0,"content_index":0,"delta":")",
        .after = "\"}\n\n",
        .tail = "event: response.completed\n"
                R"(data: {"type":"response.completed","sequence_number":4,"response":{"id":"resp_synthetic0001",)"
                R"("object":"response","status":"completed","model":"synthetic","output":[],"usage":)"
                R"({"input_tokens":10,"output_tokens":20,"total_tokens":30}}})"
                "\n\n"},
    // platform.openai.com, API reference: the completion object.
    Api{.name = "openai-completions",
        .head = "",
        .before = R"(data: {"id":"cmpl-synthetic0001","object":"text_completion","created":1750000000,)"
                  R"("model":"synthetic","choices":[{"index":0,"text":")",
        .after = R"(","logprobs":null,"finish_reason":null}]})"
                 "\n\n",
        .tail = R"(data: {"id":"cmpl-synthetic0001","object":"text_completion","created":1750000000,)"
                R"("model":"synthetic","choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}],)"
                R"("usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}})"
                "\n\ndata: [DONE]\n\n"},
    // ai.google.dev, API reference: streamGenerateContent.
    Api{.name = "gemini-generate",
        .head = "",
        .before = R"(data: {"candidates":[{"content":{"parts":[{"text":")",
        .after = R"("}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":10,"totalTokenCount":10},)"
                 R"("modelVersion":"synthetic","responseId":"synthetic0001"})"
                 "\r\n\r\n",
        .tail = R"(data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP",)"
                R"("index":0}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":20,"totalTokenCount":30},)"
                R"("modelVersion":"synthetic","responseId":"synthetic0001"})"
                "\r\n\r\n"},
    // docs.aws.amazon.com, Bedrock's API reference: ConverseStream.
    Api{.name = "bedrock-converse",
        .content_type = "application/vnd.amazon.eventstream",
        .wrapping = Wrapping::event_stream,
        .head = R"(messageStart {"p":"abcd","role":"assistant"})",
        .before = R"(contentBlockDelta {"contentBlockIndex":0,"delta":{"text":")",
        .after = R"("},"p":"abcdefghijklmnop"})",
        .tail = "contentBlockStop {\"contentBlockIndex\":0,\"p\":\"abcd\"}\n"
                "messageStop {\"p\":\"abcd\",\"stopReason\":\"end_turn\"}\n"
                R"(metadata {"metrics":{"latencyMs":1},"p":"abcd","usage":{"inputTokens":10,"outputTokens":20,)"
                R"("totalTokens":30}})"},
    // docs.aws.amazon.com, Bedrock's API reference: InvokeModelWithResponseStream, with Anthropic's events inside.
    Api{.name = "bedrock-invoke",
        .content_type = "application/vnd.amazon.eventstream",
        .wrapping = Wrapping::event_bytes,
        .head = R"(chunk {"type":"message_start","message":{"id":"msg_synthetic0001","type":"message",)"
                R"("role":"assistant","model":"synthetic","content":[],"stop_reason":null,"stop_sequence":null,)"
                R"("usage":{"input_tokens":10,"output_tokens":1}}})"
                "\n"
                R"(chunk {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})",
        .before = R"(chunk {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")",
        .after = "\"}}",
        .tail = "chunk {\"type\":\"content_block_stop\",\"index\":0}\n"
                R"(chunk {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},)"
                R"("usage":{"output_tokens":20}})"
                "\nchunk {\"type\":\"message_stop\"}"},
    // docs.cohere.com, API reference: chat with streaming, version 2.
    Api{.name = "cohere-chat",
        .head = "event: message-start\n"
                R"(data: {"id":"synthetic0001","type":"message-start","delta":{"message":{"role":"assistant",)"
                R"("content":[],"tool_plan":"","tool_calls":[],"citations":[]}}})"
                "\n\nevent: content-start\n"
                R"(data: {"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}})"
                "\n\n",
        .before = "event: content-delta\n"
                  R"(data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":")",
        .after = "\"}}}}\n\n",
        .tail = "event: content-end\n"
                R"(data: {"type":"content-end","index":0})"
                "\n\nevent: message-end\n"
                R"(data: {"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":)"
                R"({"input_tokens":10,"output_tokens":20}}}})"
                "\n\ndata: [DONE]\n\n"},
    // docs.ollama.com, API reference.
    Api{.name = "ollama-chat",
        .content_type = "application/x-ndjson",
        .head = "",
        .before = R"({"model":"synthetic","created_at":"2026-01-01T00:00:00.000000Z","message":{"role":"assistant",)"
                  R"("content":")",
        .after = "\"},\"done\":false}\n",
        .tail = R"({"model":"synthetic","created_at":"2026-01-01T00:00:00.000000Z","message":{"role":"assistant",)"
                R"("content":""},"done":true,"done_reason":"stop","prompt_eval_count":10,"eval_count":20})"
                "\n"},
    Api{.name = "ollama-generate",
        .content_type = "application/x-ndjson",
        .head = "",
        .before = R"({"model":"synthetic","created_at":"2026-01-01T00:00:00.000000Z","response":")",
        .after = "\",\"done\":false}\n",
        .tail = R"({"model":"synthetic","created_at":"2026-01-01T00:00:00.000000Z","response":"","done":true,)"
                R"("done_reason":"stop","prompt_eval_count":10,"eval_count":20})"
                "\n"},
};

void append_number(std::string& out, std::uint32_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFFU);
}

// One message of an AWS event stream: lengths and their checksum, headers, payload, checksum of the message.
std::string event_stream_message(std::string_view type, std::string_view payload) {
  std::string headers;
  const auto header = [&](std::string_view name, std::string_view value) {
    append_number(headers, static_cast<std::uint32_t>(name.size()), 1);
    headers.append(name) += '\7';  // value type: string
    append_number(headers, static_cast<std::uint32_t>(value.size()), 2);
    headers.append(value);
  };
  header(":event-type", type);
  header(":content-type", "application/json");
  header(":message-type", "event");
  std::string out;
  append_number(out, static_cast<std::uint32_t>(headers.size() + payload.size() + 16), 4);
  append_number(out, static_cast<std::uint32_t>(headers.size()), 4);
  append_number(out, crc32(out), 4);
  out.append(headers).append(payload);
  append_number(out, crc32(out), 4);
  return out;
}

// Returns `texts` of the table as they are sent.
std::string on_wire(Wrapping wrapping, std::string_view texts) {
  if (wrapping == Wrapping::none) return std::string(texts);
  std::string out;
  while (!texts.empty()) {
    const auto line = texts.substr(0, texts.find('\n'));
    texts.remove_prefix(std::min(line.size() + 1, texts.size()));
    const auto space = line.find(' ');
    std::string payload(line.substr(space + 1));
    if (wrapping == Wrapping::event_bytes) payload = R"({"bytes":")" + base64_encode(payload) + R"(","p":"abcd"})";
    out += event_stream_message(line.substr(0, space), payload);
  }
  return out;
}

// Returns `events` copies of `event` in HTTP chunks of `per_chunk` events.
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

// Returns the text length for which an event has about `event_bytes`. `envelope` is the size of an event without text.
std::size_t text_bytes_of(std::size_t event_bytes, Wrapping wrapping, std::size_t envelope) {
  std::size_t room = event_bytes > envelope ? event_bytes - envelope : 0;
  if (wrapping == Wrapping::event_bytes) room = room / 4 * 3;
  return std::max(room, kStampBytes + 1);
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

  if (api->wrapping != Wrapping::none && spec.rate > 0) return std::unexpected("a paced stream's times are plain text");

  auto stream = std::make_shared<SyntheticStream>();
  stream->spec_ = spec;
  stream->content_type_ = api->content_type;
  const std::string head = on_wire(api->wrapping, api->head), tail = on_wire(api->wrapping, api->tail);
  auto event = [&](std::string_view text) {
    return on_wire(api->wrapping, std::string(api->before).append(text).append(api->after));
  };
  const std::size_t text_bytes = text_bytes_of(spec.event_bytes, api->wrapping, event("").size());
  const std::size_t event_bytes = event(std::string(text_bytes, kFillByte)).size();

  stream->spec_.event_bytes = event_bytes;
  stream->text_bytes_ = text_bytes;
  const auto fill_in = [](std::string_view bytes) {
    return static_cast<std::uint64_t>(std::ranges::count(bytes, kFillByte));
  };
  stream->head_ = head.empty() ? "" : http_chunk(head);
  stream->tail_ = http_chunk(tail) + "0\r\n\r\n";
  stream->body_bytes_ = head.size() + tail.size() + spec.chunks * event_bytes;
  if (spec.rate > 0) {
    std::string stamp = kTimestampMark + std::string(kTimestampDigits, '0') + kTimestampMark;
    stream->fill_per_event_ = text_bytes - stamp.size();
    stream->fill_on_wire_ = stream->fill_bytes();
    stream->stamped_ = http_chunk(event(stamp + std::string(text_bytes - stamp.size(), kFillByte)));
    stream->stamp_at_ = stream->stamped_.find(kTimestampMark) + 1;
    return stream;
  }
  std::string plain = event(std::string(text_bytes, kFillByte));
  std::size_t per_block = std::max(spec.block_bytes / (event_bytes * spec.events_per_http_chunk), std::size_t{1}) *
                          spec.events_per_http_chunk;
  stream->fill_per_event_ = text_bytes;
  stream->fill_on_wire_ = fill_in(head) + spec.chunks * fill_in(plain) + fill_in(tail);
  stream->full_blocks_ = spec.chunks / per_block;
  if (stream->full_blocks_ > 0) stream->block_ = http_chunks(plain, per_block, spec.events_per_http_chunk);
  stream->rest_ = http_chunks(plain, spec.chunks % per_block, spec.events_per_http_chunk);
  return stream;
}

std::string SyntheticStream::plain_body() const {
  const auto* api = std::ranges::find(kApis, spec_.api, &Api::name);
  const std::string text(text_bytes_, kFillByte);
  const std::string event = on_wire(api->wrapping, std::string(api->before).append(text).append(api->after));
  std::string body = on_wire(api->wrapping, api->head);
  for (std::size_t i = 0; i < spec_.chunks; ++i) body.append(event);
  return body.append(on_wire(api->wrapping, api->tail));
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
