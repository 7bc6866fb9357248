#include "worker/leanspec/sessions.hpp"

#include <utility>

#include "protocol/decode.hpp"
#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"
#include "worker/base/url.hpp"
#include "worker/leanspec/history.hpp"

namespace aiw {
namespace {

using std::chrono::seconds;

constexpr seconds kLookupTime{3};
constexpr seconds kSavingTime{5};
constexpr int kMaxDepth = 128;
constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{8} << 20;  // the API returns a session with its messages

// Returns the session's URL; empty if the chat has no session or its API no usable URL.
std::string session_url(const ChatRequest& chat) {
  std::string_view base = chat.base_url;
  while (base.ends_with('/')) base.remove_suffix(1);
  const std::string id = percent_encode(chat.session_id);
  if (id.empty() || id == "." || id == ".." || !parse_base_url(base)) return {};
  return std::string(base) + "/api/chat/sessions/" + id;
}

// One exchange with the session API, with a time limit. done() may destroy it.
class Call : private HttpHandler {
 public:
  Call(HttpClient& http, Clock& clock, MemoryAccounts& memory, HttpRequest request, std::chrono::milliseconds limit)
      : account_(memory.open([this](const Error& error) { finish(error.message); })) {
    const MemoryScope scope(account_.get());
    timer_ = clock.call_at(clock.now() + limit, [this] { finish("it took too long"); });
    transfer_ = http.start(std::move(request), {.total_timeout = limit, .max_body_bytes = kMaxAnswerBytes}, *this);
  }
  ~Call() override { account_->close(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 protected:
  // `failure` is empty if the status is 2xx.
  virtual void done(const std::string& failure, std::string body) = 0;

 private:
  void on_head(const ResponseHead& head) override { status_ = head.status; }
  void on_body(std::string_view bytes) override { body_ += bytes; }
  void on_end(const Error* error) override {
    if (error != nullptr) return finish(error->message);
    finish(status_ >= 200 && status_ <= 299 ? std::string() : "status " + std::to_string(status_));
  }
  // The timer may be the caller, so keep it alive until this function returns.
  void finish(std::string failure) {
    account_->close();
    const auto timer = std::move(timer_);
    transfer_.reset();
    done(failure, std::move(body_));
  }

  const std::shared_ptr<MemoryAccount> account_;
  int status_ = 0;
  std::string body_;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<HttpTransfer> transfer_;
};

class SessionLookup : public LeanSpecSessions::Lookup, private Call {
 public:
  SessionLookup(HttpClient& http, Clock& clock, MemoryAccounts& memory, HttpRequest request, ChatRequest& chat,
                std::function<void(const std::string& failure)> on_done)
      : Call(http, clock, memory, std::move(request), kLookupTime), chat_(chat), on_done_(std::move(on_done)) {}

 private:
  void done(const std::string& failure, std::string body) override {
    if (failure.empty()) use(std::move(body));
    const auto on_done = std::move(on_done_);
    on_done(failure);
  }

  // The response holds the whole conversation, so it is only scanned.
  void use(std::string body) {
    std::string provider, model;
    JsonReader in(body.data(), body.size(), kMaxDepth);
    for_each_member(in, [&](std::string_view key) {
      if (key != "session") return in.skip();
      for_each_member(in, [&](std::string_view name) {
        const bool text = in.type() == JsonType::string;
        if (text && name == "providerId")
          provider = in.string();
        else if (text && name == "modelId")
          model = in.string();
        else
          in.skip();
      });
    });
    in.end();
    if (!in.ok()) return;
    if (!provider.empty()) chat_.provider_id = provider;
    if (!model.empty()) chat_.model_id = model;
    if (!provider.empty() || !model.empty()) chat_.model.clear();
  }

  template <typename F>
  static void for_each_member(JsonReader& in, F&& on_member) {
    in.type() == JsonType::object ? in.object(on_member) : in.skip();
  }

  ChatRequest& chat_;
  std::function<void(const std::string&)> on_done_;
};

// Start of the request body, without the messages that the chat adds: `{...,"messages":[...` and no end.
std::string conversation(const ChatRequest& chat, const Target& target) {
  std::string json;
  JsonWriter writer(json);
  writer.begin_object();
  if (!chat.project_id.empty()) writer.field("projectId", chat.project_id);
  writer.field("providerId", target.provider_id).field("modelId", target.shown_as);
  writer.key("messages").begin_array();
  write_text_history(json, chat.messages);
  return json;
}

}  // namespace

// Holds a `done` until its conversation is saved.
class LeanSpecSessions::Saving : private Call {
 public:
  Saving(LeanSpecSessions& owner, HttpRequest request, Reply reply, const DoneEvent& event)
      : Call(owner.http_, owner.clock_, owner.memory_, std::move(request), kSavingTime),
        owner_(owner),
        reply_(std::move(reply)) {
    // Copy only what this dialect's `done` shows. The other members are views that end with the call.
    event_.finish_reason = event.finish_reason;
    event_.messages = {"[]"};
    event_.usage = event.usage;
  }

  void say_done() { reply_.done(event_); }

 private:
  void done(const std::string& failure, std::string) override {
    if (!failure.empty()) owner_.on_failure_("a chat session was not saved: " + failure);
    const auto self = owner_.saving_.extract(this);
    say_done();
  }

  LeanSpecSessions& owner_;
  Reply reply_;
  DoneEvent event_;
};

LeanSpecSessions::LeanSpecSessions(HttpClient& http, Clock& clock, MemoryAccounts& memory,
                                   std::function<void(std::string_view)> on_failure)
    : http_(http), clock_(clock), memory_(memory), on_failure_(std::move(on_failure)) {}

LeanSpecSessions::~LeanSpecSessions() { finish(); }

std::unique_ptr<LeanSpecSessions::Lookup> LeanSpecSessions::look_up(ChatRequest& chat, std::function<void()> on_done) {
  HttpRequest request{.method = "GET", .url = session_url(chat), .headers = {}, .body = {}};
  if (request.url.empty()) return nullptr;
  return std::make_unique<SessionLookup>(http_, clock_, memory_, std::move(request), chat,
                                         [this, on_done = std::move(on_done)](const std::string& failure) {
                                           if (!failure.empty())
                                             on_failure_("a chat session was not found: " + failure);
                                           on_done();
                                         });
}

Reply::DoneKeeper LeanSpecSessions::keep_done(const ChatRequest& chat, const Target& target) {
  std::string url = session_url(chat);
  if (url.empty()) return nullptr;
  return [this, url = std::move(url) + "/messages", begin = conversation(chat, target)](Reply reply,
                                                                                        const DoneEvent& event) {
    std::string added;
    for (const auto piece : event.messages) added += piece;
    const std::string answer = answer_text(decode_messages(added));
    if (answer.empty()) return reply.done(event);
    HttpRequest request{.method = "PUT", .url = url, .headers = {{"content-type", "application/json"}}, .body = {}};
    request.body.append(begin);
    request.body.append(begin.ends_with('[') ? "" : ",");
    request.body.append(R"({"role":"assistant","content":")" + answer + R"("}]})");
    save(std::move(request), std::move(reply), event);
  };
}

void LeanSpecSessions::save(HttpRequest request, Reply reply, const DoneEvent& event) {
  auto saving = std::make_unique<Saving>(*this, std::move(request), std::move(reply), event);
  const Saving* key = saving.get();
  saving_.emplace(key, std::move(saving));
}

void LeanSpecSessions::finish() {
  for (const auto& [key, saving] : std::exchange(saving_, {})) {
    on_failure_("a chat session was not saved: the worker is closing");
    saving->say_done();
  }
}

}  // namespace aiw
