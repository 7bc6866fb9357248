// bench-relay: does only the minimum work of a worker on libcurl. It is the baseline for subjects that do more.
//
// Reads the same request lines as a worker and posts each line's payload unchanged to {baseUrl}/chat/completions.
// Copies the bytes of every response to stdout unparsed, with all streams mixed. Uses substring search only, no JSON
// parser. A separate line marks the end of each transfer, so that the bench can tell a finished stream from a lost one.
#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kReadBlock = 64u << 10;
constexpr std::size_t kFlushAt = 64u << 10;

// Returns the text between `mark` and the next quote; empty if `mark` is not found.
std::string_view quoted_after(std::string_view line, std::string_view mark) {
  std::size_t begin = line.find(mark);
  if (begin == std::string_view::npos) return {};
  begin += mark.size();
  return line.substr(begin, line.find('"', begin) - begin);
}

// Buffered stdout. The buffer is written once per loop turn, or when it is full. A slow reader blocks the relay.
class Output {
 public:
  void append(std::string_view bytes) {
    buffer_.append(bytes);
    if (buffer_.size() >= kFlushAt) flush();
  }
  void flush() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
      ssize_t count = ::write(STDOUT_FILENO, rest.data(), rest.size());
      if (count > 0) {
        rest.remove_prefix(static_cast<std::size_t>(count));
      } else if (errno == EAGAIN) {
        pollfd wait{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
        ::poll(&wait, 1, -1);
      } else if (errno != EINTR) {
        std::exit(1);
      }
    }
    buffer_.clear();
  }

 private:
  std::string buffer_;
};

// One request and its easy handle. The handle is reused for later requests.
struct Transfer {
  CURL* easy = nullptr;
  Output* output = nullptr;
  std::string line;  // holds the request body as a substring
  std::string id;
};

class Relay {
 public:
  Relay() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi_ = curl_multi_init();
    headers_ = curl_slist_append(headers_, "Content-Type: application/json");
    headers_ = curl_slist_append(headers_, "Expect:");
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Relay::on_socket_change);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Relay::on_timer_change);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    epoll_event event{.events = EPOLLIN, .data = {.fd = STDIN_FILENO}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  }

  // Runs until stdin is closed and every transfer has ended.
  void run() {
    std::array<epoll_event, 256> events{};
    while (reading_ || running_ > 0) {
      int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout());
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == STDIN_FILENO) {
          read_stdin();
        } else {
          act(event.data.fd, event.events);
        }
      }
      if (timer_set_ && Steady::now() >= timer_) {
        timer_set_ = false;
        act(CURL_SOCKET_TIMEOUT, 0);
      }
      reap();
      output_.flush();
    }
  }

 private:
  int timeout() const {
    if (!timer_set_) return -1;
    auto left = std::chrono::ceil<std::chrono::milliseconds>(timer_ - Steady::now()).count();
    return left > 0 ? static_cast<int>(left) : 0;
  }

  void act(curl_socket_t socket, std::uint32_t events) {
    int mask = ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
               ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
    int running = 0;
    curl_multi_socket_action(multi_, socket, mask, &running);
  }

  void read_stdin() {
    std::size_t size = input_.size();
    input_.resize(size + kReadBlock);
    ssize_t count = ::read(STDIN_FILENO, input_.data() + size, kReadBlock);
    input_.resize(size + static_cast<std::size_t>(count > 0 ? count : 0));
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) {
      reading_ = false;
      ::epoll_ctl(epoll_, EPOLL_CTL_DEL, STDIN_FILENO, nullptr);
    }
    take_lines(size);
  }

  // Takes complete lines from the input. `from`: there is no line feed before this position.
  void take_lines(std::size_t from) {
    std::size_t begin = 0;
    for (std::size_t end; (end = input_.find('\n', from)) != std::string::npos; begin = from = end + 1) {
      if (begin == 0 && end + 1 == input_.size()) {
        input_.pop_back();
        on_line(std::exchange(input_, {}));
        return;
      }
      on_line(input_.substr(begin, end - begin));
    }
    input_.erase(0, begin);
  }

  void on_line(std::string line) {
    std::string_view type = quoted_after(line, "\"type\":\"");
    if (type == "chat") return start(std::move(line));
    if (type != "health") return;
    std::string answer = "{\"id\":\"";
    answer.append(quoted_after(line, "\"id\":\"")).append("\",\"type\":\"health_ok\",\"data\":{\"ready\":true}}\n");
    output_.append(answer);
  }

  void start(std::string line) {
    Transfer* transfer = idle_transfer();
    transfer->line = std::move(line);
    std::string_view text = transfer->line;
    transfer->id = quoted_after(text, "\"id\":\"");
    std::string url(quoted_after(text, "\"baseUrl\":\""));
    url += "/chat/completions";
    constexpr std::string_view kPayload = "\"payload\":";
    std::size_t payload = text.find(kPayload);
    std::string_view body = payload == text.npos ? "{}}" : text.substr(payload + kPayload.size());
    body.remove_suffix(1);  // removes the closing brace of the line
    curl_easy_setopt(transfer->easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_multi_add_handle(multi_, transfer->easy);
    ++running_;
  }

  Transfer* idle_transfer() {
    if (!idle_.empty()) {
      Transfer* transfer = idle_.back();
      idle_.pop_back();
      return transfer;
    }
    Transfer* transfer = transfers_.emplace_back(std::make_unique<Transfer>()).get();
    transfer->output = &output_;
    transfer->easy = curl_easy_init();
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(transfer->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, &Relay::on_bytes);
    curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer);
    return transfer;
  }

  void reap() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* transfer = nullptr;
      long status = 0;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
      bool good = message->data.result == CURLE_OK && status == 200;
      std::string line = "\n{\"id\":\"";
      line.append(transfer->id).append(good ? "\",\"type\":\"done\"}\n" : "\",\"type\":\"error\"}\n");
      output_.append(line);
      curl_multi_remove_handle(multi_, transfer->easy);
      transfer->line = {};
      idle_.push_back(transfer);
      --running_;
    }
  }

  static std::size_t on_bytes(char* bytes, std::size_t size, std::size_t count, void* transfer) {
    static_cast<Transfer*>(transfer)->output->append({bytes, size * count});
    return size * count;
  }

  // `known` is not null if the socket is already in the epoll set.
  static int on_socket_change(CURL*, curl_socket_t socket, int what, void* self, void* known) {
    auto* relay = static_cast<Relay*>(self);
    epoll_event event{.events = 0, .data = {.fd = socket}};
    if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
    int operation = what == CURL_POLL_REMOVE ? EPOLL_CTL_DEL : known != nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    ::epoll_ctl(relay->epoll_, operation, socket, &event);
    curl_multi_assign(relay->multi_, socket, what == CURL_POLL_REMOVE ? nullptr : relay);
    return 0;
  }

  static int on_timer_change(CURLM*, long milliseconds, void* self) {
    auto* relay = static_cast<Relay*>(self);
    relay->timer_set_ = milliseconds >= 0;
    relay->timer_ = Steady::now() + std::chrono::milliseconds(milliseconds);
    return 0;
  }

  int epoll_;
  CURLM* multi_ = nullptr;
  curl_slist* headers_ = nullptr;
  bool reading_ = true;
  bool timer_set_ = false;
  Steady::time_point timer_;
  std::string input_;
  Output output_;
  std::size_t running_ = 0;
  std::vector<std::unique_ptr<Transfer>> transfers_;
  std::vector<Transfer*> idle_;
};

}  // namespace

int main() { Relay().run(); }
