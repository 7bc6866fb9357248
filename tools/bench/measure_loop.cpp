#include <iostream>

#include "tools/bench/measurements.hpp"
#include "tools/support/process_stats.hpp"

namespace aiw::tools {

namespace {

constexpr double kMega = 1e6;
constexpr std::size_t kSteps = 50;
constexpr std::size_t kHistoryBytes = 10'000'000;
constexpr std::string_view kTools = R"(,"maxSteps":50,"tools":[{"name":"read","inputSchema":{"type":"object"}}])";

std::string call_id(std::size_t step) { return "call_" + std::to_string(step); }

// Stream of one step in each API's format: one tool call, except in the last step, which is text.
std::string openai_answer(std::size_t step) {
  if (step + 1 == kSteps) {
    return R"(data: {"choices":[{"index":0,"delta":{"content":"Done."},"finish_reason":"stop"}]})"
           "\n\ndata: [DONE]\n\n";
  }
  return R"(data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":")" + call_id(step) +
         R"(","type":"function","function":{"name":"read","arguments":"{\"path\":\"a.md\"}"}}]},)"
         R"("finish_reason":"tool_calls"}]})"
         "\n\ndata: [DONE]\n\n";
}

std::string anthropic_answer(std::size_t step) {
  const bool last = step + 1 == kSteps;
  std::string out =
      R"(data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"m"}})"
      "\n\n";
  out += R"(data: {"type":"content_block_start","index":0,"content_block":)";
  out += last ? R"({"type":"text","text":""}})"
              : R"({"type":"tool_use","id":")" + call_id(step) + R"(","name":"read","input":{}}})";
  out += "\n\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":";
  out += last ? R"({"type":"text_delta","text":"Done."}})"
              : R"({"type":"input_json_delta","partial_json":"{\"path\":\"a.md\"}"}})";
  out += "\n\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
  out += R"(data: {"type":"message_delta","delta":{"stop_reason":")";
  out += last ? "end_turn" : "tool_use";
  return out + "\"},\"usage\":{\"output_tokens\":9}}\n\ndata: {\"type\":\"message_stop\"}\n\n";
}

// Messages that one step adds to the conversation. Used for the relay, which receives each request body from the bench.
std::string step_messages(std::size_t step) {
  return R"({"role":"assistant","content":null,"tool_calls":[{"id":")" + call_id(step) +
         R"(","type":"function","function":{"name":"read","arguments":"{\"path\":\"a.md\"}"}}]},)"
         R"({"role":"tool","tool_call_id":")" +
         call_id(step) + R"(","content":"Some text of a file."})";
}

std::string tool_result_line(std::string_view chat_id, std::size_t step) {
  return R"({"id":"t)" + std::to_string(step) + R"(","type":"tool_result","payload":{"chatId":")" +
         std::string(chat_id) + R"(","toolCallId":")" + call_id(step) + R"(","output":"Some text of a file."}})" + "\n";
}

// Returns messages of `each` bytes, alternating between user and assistant.
std::string messages_of(std::size_t each) {
  std::string text;
  while (text.size() < each) text += R"(She said \"na\u00efve\" and went on for a while. )";
  std::string messages = "[";
  for (bool user = true; messages.size() < kHistoryBytes; user = !user) {
    messages += user ? R"({"role":"user","content":")" : R"({"role":"assistant","content":")";
    messages.append(text).append("\"},");
  }
  return messages + R"({"role":"user","content":"Go."}])";
}

std::expected<void, std::string> run_worker(Session& session, const BenchUpstream::Source& source,
                                            std::string_view messages) {
  std::string line = session.subject().chat_line("loop", source.base_url, messages, source.api);
  line.insert(line.size() - 3, kTools);  // inserts the tools at the end of the payload
  session.reset_output();
  if (!session.send(line)) return std::unexpected("stdin was not read");
  for (std::size_t step = 0; step + 1 < kSteps; ++step) {
    const auto called = [&] { return session.output().tool_calls > step || session.output().done > 0; };
    if (auto ran = session.pump(called); !ran) return ran;
    if (session.output().done > 0) return std::unexpected("the loop ended after step " + std::to_string(step));
    if (!session.send(tool_result_line("loop", step))) return std::unexpected("stdin was not read");
  }
  return session.pump([&] { return session.output().done == 1; });
}

// Sends the relay the request body of each step.
std::expected<void, std::string> run_relay(Session& session, const BenchUpstream::Source& source,
                                           std::string messages) {
  for (std::size_t step = 0; step < kSteps; ++step) {
    session.reset_output();
    if (!session.send(session.subject().chat_line("loop" + std::to_string(step), source.base_url, messages))) {
      return std::unexpected("stdin was not read");
    }
    if (auto ran = session.pump([&] { return session.output().done == 1; }); !ran) return ran;
    messages.back() = ',';
    messages.append(step_messages(step)).append("]");
  }
  return {};
}

struct LoopCost {
  std::vector<double> cpu_ms, growth_mb;
};

std::expected<void, std::string> run_loop(Bench& bench, Session& session, const BenchUpstream::Source& small,
                                          const BenchUpstream::Source& source, const std::string& messages,
                                          LoopCost& cost) {
  if (auto warm = session.chat(small.base_url, 1); !warm) return warm;
  reset_peak_rss(session.pid());
  const auto before = memory_use(session.pid());
  const auto cpu_before = cpu_time(session.pid());
  auto ran = session.subject().is_relay ? run_relay(session, source, messages) : run_worker(session, source, messages);
  if (!ran) return ran;
  const auto cpu_after = cpu_time(session.pid());
  const auto after = memory_use(session.pid());
  if (bench.upstream.last_body_bytes() < messages.size() * 9 / 10) return std::unexpected("the last body is too small");
  if (!before || !after || !cpu_before || !cpu_after) return std::unexpected("its figures cannot be read");
  cost.cpu_ms.push_back(static_cast<double>((*cpu_after - *cpu_before).count()) / 1e6);
  cost.growth_mb.push_back((static_cast<double>(after->peak_rss) - static_cast<double>(before->rss)) / kMega);
  return {};
}

void measure_loop_of(Bench& bench, const std::string& key, const std::string& label, const std::string& messages,
                     const BenchUpstream::Source& source) {
  const std::string what = "50 steps over 10 MB " + label + ", " + source.api;
  std::cerr << "bench: " << what << std::endl;
  const auto small = bench.upstream.add(1);
  std::map<std::string, LoopCost> costs;
  for (std::size_t round = 0; round < bench.effort.loops; ++round) {
    for (auto& session : open_sessions(bench)) {
      if (session->subject().dialect != Subject::Dialect::kV1) continue;
      auto ran = run_loop(bench, *session, small, source, messages, costs[session->subject().name]);
      if (!ran) give_up(bench, session, what, ran.error());
    }
  }
  Row& cpu = bench.report.add({.key = key + "_cpu", .label = what + ", CPU", .unit = "ms", .limit = 1.5});
  Row& growth = bench.report.add({.key = key + "_growth",
                                  .label = "its memory growth, x history",
                                  .unit = "MB",
                                  .limit = 2.5,
                                  .of = static_cast<double>(messages.size()) / kMega});
  for (const auto& [name, cost] : costs) {
    if (cost.cpu_ms.empty()) continue;
    cpu.values[name] = median(cost.cpu_ms);
    growth.values[name] = median(cost.growth_mb);
  }
}

}  // namespace

void measure_loop(Bench& bench) {
  std::vector<std::string> openai, anthropic;
  for (std::size_t step = 0; step < kSteps; ++step) {
    openai.push_back(openai_answer(step));
    anthropic.push_back(anthropic_answer(step));
  }
  const auto openai_source = bench.upstream.add_bodies("openai-chat", openai);
  const auto anthropic_source = bench.upstream.add_bodies("anthropic-messages", anthropic);
  for (const auto& [key, label, each] : {std::tuple{"small", "of small messages", std::size_t{200}},
                                         std::tuple{"large", "of large messages", std::size_t{1'000'000}}}) {
    const std::string messages = messages_of(each);
    measure_loop_of(bench, std::string("loop_openai_") + key, label, messages, openai_source);
    measure_loop_of(bench, std::string("loop_anthropic_") + key, label, messages, anthropic_source);
  }
}

}  // namespace aiw::tools
