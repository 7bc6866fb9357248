#include "worker/executors/mcp/stdio_transport.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "worker/base/memory_account.hpp"
#include "worker/executors/mcp/intake.hpp"

namespace aiw {
namespace {

constexpr std::size_t kMaxLogLine = kMaxMcpLogBytes + 1;
// Limits on the stderr output that is kept for a server that exits before it is ready.
constexpr std::size_t kMaxStderrTail = 4096;
constexpr int kMaxLastLines = 32;

// Last lines of stderr, kept until stop(). Drops a line whose beginning was cut off: redaction could not recognize the
// rest of a key in it.
class StderrTail {
 public:
  void add(std::string_view bytes) {
    if (!wanted_) return;
    text_ += bytes;
    if (in_cut_line_) drop_through_line_end(0);
    if (text_.size() > kMaxStderrTail) drop_through_line_end(text_.size() - kMaxStderrTail - 1);
  }
  void stop() {
    wanted_ = false;
    text_ = {};
  }
  void tell(const McpLog& log) const {
    std::vector<std::string_view> lines;
    std::string_view rest = text_;
    while (!rest.empty() && lines.size() < kMaxLastLines) {
      if (rest.ends_with('\n')) rest.remove_suffix(1);
      const auto begin = rest.rfind('\n') + 1;  // 0 without a line break
      lines.push_back(rest.substr(begin));
      rest = rest.substr(0, begin);
    }
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
      if (!line->empty()) log(McpLogLevel::warn, "stderr of a server that was not ready", *line);
    }
  }

 private:
  // Drops the text up to the first line end at or after `from`. Without one, the rest of the line is dropped too when
  // it arrives.
  void drop_through_line_end(std::size_t from) {
    const auto end = text_.find('\n', from);
    in_cut_line_ = end == std::string::npos;
    text_.erase(0, in_cut_line_ ? end : end + 1);
  }

  std::string text_;
  bool in_cut_line_ = false;  // the next bytes belong to a line that is dropped
  bool wanted_ = true;
};

class StdioTransport : public McpTransport, private ChildHandler {
 public:
  StdioTransport(Clock& clock, ChildLauncher& launcher, ChildCommand command, McpLog log, const StdioLimits& limits)
      : account_(MemoryAccount::current()),
        clock_(clock),
        launcher_(launcher),
        command_(std::move(command)),
        log_(std::move(log)),
        limits_(limits),
        intake_(clock.now()) {}

  std::optional<std::string> start(McpTransportHandler& handler) override {
    handler_ = &handler;
    auto child = launcher_.spawn(command_, *this);
    if (!child) return "cannot be started: " + child.error();
    child_ = *std::move(child);
    return std::nullopt;
  }

  void send(McpOutgoing message) override {
    if (child_ == nullptr) return;
    if (child_->unwritten() + message.json.size() > limits_.max_unread_bytes)
      return close_soon("does not read its input");
    // Arguments may contain line breaks, because they stay as the model wrote them. In valid JSON, raw line breaks
    // never occur inside strings.
    std::ranges::replace_if(message.json, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    message.json += '\n';
    child_->write(std::move(message.json));
  }

  void forget(std::int64_t) override {}
  // Later stderr output may contain data of chats, so it is logged at level debug only.
  void agreed(std::string_view, bool) override { stderr_tail_.stop(); }
  void forget_session() override {}

 private:
  void on_output(std::string_view bytes) override {
    const Instant now = clock_.now();
    intake_.add(now, static_cast<std::size_t>(std::ranges::count(bytes, '\n')), bytes.size());
    read_lines(bytes);
    if (child_ == nullptr || !intake_.full(now)) return;
    child_->set_output_paused(true);
    pause_ = clock_.call_at(intake_.ready_at(), [this] {
      if (child_ != nullptr) child_->set_output_paused(false);
    });
  }

  void read_lines(std::string_view bytes) {
    const MemoryScope scope(account_);
    if (account_ != nullptr) account_->count_received(bytes.size());
    while (child_ != nullptr && !bytes.empty()) {
      const auto end = bytes.find('\n');
      const auto piece = bytes.substr(0, end);
      if (line_.size() + piece.size() > limits_.max_line_bytes) return close("wrote a line that is too long");
      line_ += piece;
      if (end == std::string_view::npos) return;
      bytes.remove_prefix(end + 1);
      auto line = std::exchange(line_, {});
      if (line.find_first_not_of(" \t\r") != std::string::npos) handler_->on_message(std::move(line));
    }
  }

  void on_diagnostics(std::string_view bytes) override {
    stderr_tail_.add(bytes);
    while (!bytes.empty()) {
      const auto end = std::min(bytes.find('\n'), bytes.size());
      diagnostics_ += bytes.substr(0, std::min(end, kMaxLogLine - diagnostics_.size()));
      if (end == bytes.size()) return;
      bytes.remove_prefix(end + 1);
      if (!diagnostics_.empty()) log_(McpLogLevel::debug, "stderr", std::exchange(diagnostics_, {}));
    }
  }

  void on_gone(std::string_view how) override {
    if (!diagnostics_.empty()) log_(McpLogLevel::debug, "stderr", std::exchange(diagnostics_, {}));
    stderr_tail_.tell(log_);
    how.remove_prefix(how.starts_with("it ") ? 3 : 0);
    close(how);
  }

  void close(std::string_view why) {
    closing_.reset();
    child_.reset();
    handler_->on_closed(why);
  }
  void close_soon(std::string why) {
    if (closing_ != nullptr) return;
    closing_ = clock_.call_at(clock_.now(), [this, why = std::move(why)] { close(std::string(why)); });
  }

  MemoryAccount* const account_;  // account of the MCP server
  Clock& clock_;
  ChildLauncher& launcher_;
  const ChildCommand command_;
  const McpLog log_;
  const StdioLimits limits_;
  McpTransportHandler* handler_ = nullptr;
  std::string line_;         // incomplete line of stdout
  std::string diagnostics_;  // incomplete line of stderr, cut at kMaxLogLine
  StderrTail stderr_tail_;
  McpIntake intake_;
  std::unique_ptr<Timer> closing_, pause_;
  std::unique_ptr<ChildProcess> child_;
};

}  // namespace

std::unique_ptr<McpTransport> make_stdio_transport(Clock& clock, ChildLauncher& launcher, ChildCommand command,
                                                   McpLog log, const StdioLimits& limits) {
  return std::make_unique<StdioTransport>(clock, launcher, std::move(command), std::move(log), limits);
}

}  // namespace aiw
