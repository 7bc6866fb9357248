#include "tools/bench/subject.hpp"

#include <utility>

namespace aiw::tools {

using Steady = std::chrono::steady_clock;

std::int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Steady::now().time_since_epoch()).count();
}

std::string Subject::chat_line(std::string_view id, std::string_view base_url, std::string_view messages,
                               std::string_view api) const {
  // The config comes before the messages, so that the relay finds the URL without scanning the history.
  std::string line;
  line.reserve(messages.size() + 512);
  line.append(R"({"id":")").append(id).append(R"(","type":"chat","payload":{"config":{"version":"1","providers":[{)");
  line.append(R"("id":"up","name":"up",)");
  if (dialect == Dialect::kV1) line.append(R"("type":")").append(api).append(R"(",)");
  line.append(R"("baseUrl":")").append(base_url).append(R"(",)");
  if (dialect == Dialect::kLeanspec) line.append(R"("baseURL":")").append(base_url).append(R"(",)");
  line.append(R"("apiKey":"k","models":[{"id":"m","name":"m"}]}],"settings":{"maxSteps":1,)");
  line.append(R"("defaultProviderId":"up","defaultModelId":"m"}},"providerId":"up","modelId":"m","messages":)");
  line.append(messages).append("}}\n");
  return line;
}

Session::Session(const Subject& subject, std::unique_ptr<WorkerProcess> process)
    : subject_(subject), process_(std::move(process)) {}

std::expected<std::unique_ptr<Session>, std::string> Session::open(const Subject& subject) {
  auto process = WorkerProcess::spawn(subject.command);
  if (!process) return std::unexpected(process.error());
  std::unique_ptr<Session> session(new Session(subject, std::move(*process)));
  if (!session->send("{\"type\":\"health\",\"id\":\"h1\"}\n")) return std::unexpected("stdin was closed at once");
  auto& ids = session->output_.health_ids;
  auto healthy = session->pump([&] { return !ids.empty() && ids.back() == "h1"; }, Milliseconds{10'000});
  if (!healthy) return std::unexpected("no health answer: " + healthy.error());
  return session;
}

void Session::reset_output() {
  bool collect = output_.collect_arrivals;
  output_ = {};
  output_.collect_arrivals = collect;
}

std::expected<void, std::string> Session::read_once(Milliseconds quiet) {
  std::size_t count = process_->read_some(block_, quiet);
  if (count == 0) {
    std::string why = process_->stdout_ended() ? "stdout ended" : "nothing was written for too long";
    std::string log = process_->stderr_text();
    return std::unexpected(why + (log.empty() ? "" : "; stderr: " + log.substr(0, 500)));
  }
  output_.feed(std::span(block_).first(count), steady_ns());
  if (output_.failed > 0) return std::unexpected("a chat failed: " + output_.first_failure);
  return {};
}

std::expected<void, std::string> Session::pump(const std::function<bool()>& ready, Milliseconds quiet) {
  return pump_and_send({}, ready, quiet);
}

std::expected<void, std::string> Session::pump_and_send(std::string_view bytes, const std::function<bool()>& ready,
                                                        Milliseconds quiet) {
  while (!bytes.empty() || !ready()) {
    auto written = bytes.empty() ? 0 : process_->write_some(bytes);
    if (!written) return std::unexpected("stdin was closed");
    bytes.remove_prefix(*written);
    if (!bytes.empty()) {
      if (!process_->wait_ready(true, quiet)) return std::unexpected("stdin was not read");
      std::size_t count = process_->read_some(block_, Milliseconds{0});
      output_.feed(std::span(block_).first(count), steady_ns());
      if (count > 0 || !process_->stdout_ended()) continue;
    }
    if (auto read = read_once(quiet); !read) return read;
  }
  return {};
}

std::expected<void, std::string> Session::chat(std::string_view base_url, std::size_t count, std::string_view messages,
                                               std::string_view api) {
  reset_output();
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) {
    lines += subject_.chat_line("c" + std::to_string(next_id_++), base_url, messages, api);
  }
  if (!send(lines)) return std::unexpected("stdin was not read");
  return pump([&] { return output_.done == count; });
}

}  // namespace aiw::tools
