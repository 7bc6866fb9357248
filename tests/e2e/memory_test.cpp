// Remains of keys and conversations in the process and around it (rows 93 and 94 of the table of faults): memory after
// a chat, core files, and files that libraries could write because of environment variables.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/temporary_folder.hpp"
#include "tests/e2e/test_worker.hpp"
#include "tests/e2e/upstream.hpp"
#include "tools/support/tls_front.hpp"

namespace aiw::e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKey = "canary-4f1c9a7be2d04f1c9a7be2d0-key";
constexpr const char* kHeaderKey = "canary-77aa11bb22cc33dd44ee-header";
constexpr const char* kFileKey = "canary-5544332211009988776655-file";
constexpr const char* kWords = "CONFIDENTIALCONVERSATION";
constexpr const char* kAnswer = "CONFIDENTIALANSWER";

// Returns how often each of `words` occurs in the writable memory of the process; nullopt if the memory cannot be read.
std::optional<std::map<std::string, std::size_t>> in_memory(pid_t pid, const std::vector<std::string>& words) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const int memory = ::open((folder + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  if (memory < 0) return std::nullopt;
  std::map<std::string, std::size_t> found;
  std::ifstream maps(folder + "/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    char dash = 0;
    std::string access;
    fields >> std::hex >> begin >> dash >> end >> access;
    if (!access.starts_with("rw")) continue;
    std::string bytes(end - begin, '\0');
    const auto count = ::pread(memory, bytes.data(), bytes.size(), static_cast<off_t>(begin));
    bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    for (const auto& word : words) {
      for (auto at = bytes.find(word); at != std::string::npos; at = bytes.find(word, at + 1)) ++found[word];
    }
  }
  ::close(memory);
  return found;
}

Json secret_chat(const std::string& id, const std::string& url, const std::string& key, std::size_t filler) {
  const std::string words = kWords + std::string(filler, 'z') + kWords;
  return chat_line(id,
                   {{"id", "p"},
                    {"type", "openai-chat"},
                    {"baseUrl", url},
                    {"apiKey", key},
                    {"headers", {{"x-secret", kHeaderKey}}}},
                   {{"messages", Json::array({{{"role", "user"}, {"content", words}}})}, {"retry", {{"max", 0}}}});
}

TEST_CASE("fault 94: after chats have ended, the worker's memory holds no key and no conversation") {
  if (kSanitized) return;  // a sanitizer replaces the allocator
  Upstream upstream;
  const TemporaryFolder folder;
  const std::string file = folder.write("key", kFileKey);
  const auto authority = tools::make_certificate({.common_name = "test authority", .authority = true});
  auto front = tools::TlsFront::start(upstream.port(),
                                      {.identity = tools::make_certificate({.names = {"IP:127.0.0.1"}}, &authority)});
  REQUIRE(front.has_value());
  // --allow-core lets the test read the memory. It does not change the contents.
  TestWorker worker({"--allow-core", "--ca-file", folder.write("ca.pem", authority.cert), "--allow-file", folder.path(),
                     "--allow-host", "127.0.0.1"});
  const auto unary = tools::json_script(200, openai_unary(kAnswer));
  upstream.answer("good", {event_stream(openai_answer({kAnswer, kAnswer}))});
  upstream.answer("unary", {unary});
  upstream.answer("refused", {tools::json_script(401, std::string("{\"error\":{\"message\":\"") + kKey + "\"}}")});
  upstream.answer("lost", {broken_stream(text_event(kAnswer), Ending::kReset)});
  upstream.answer("hang", {broken_stream(text_event(kAnswer), Ending::kHang)});
  const std::vector<std::string> words = {kKey, kHeaderKey, kFileKey, kWords, kAnswer};
  // While the chat runs, the words are in memory. This shows that the search works.
  worker.send(secret_chat("hang", upstream.base_url("hang"), kKey, 0));
  worker.wait_for("hang", "delta");
  const auto during = in_memory(worker.process().pid(), words);
  REQUIRE(during.has_value());
  CHECK(during->contains(kKey));
  CHECK(during->contains(kWords));
  CHECK(during->contains(kAnswer));
  worker.send(cancel_line("x", "hang"));
  worker.end_of("hang");
  int number = 0;
  for (const std::size_t filler : {std::size_t{0}, std::size_t{5'000}, std::size_t{200'000}, std::size_t{3'000'000}}) {
    for (const char* provider : {"good", "unary", "refused", "lost"}) {
      for (const std::string& url : {upstream.base_url(provider), (*front)->url() + "/" + provider}) {
        const std::string id = "c" + std::to_string(number++);
        worker.send(secret_chat(id, url, number % 2 == 0 ? std::string(kKey) : "${file:" + file + "}", filler));
        CHECK(worker.end_of(id).outcome() != "tls_error");
      }
    }
  }
  // The HTTP exchange may end a little later than the chat, and holds its memory until then.
  std::map<std::string, std::size_t> left;
  const auto deadline = Steady::now() + Milliseconds(20'000);
  do {
    std::this_thread::sleep_for(Milliseconds(100));
    left = in_memory(worker.process().pid(), words).value_or(std::map<std::string, std::size_t>{{"unreadable", 1}});
  } while (!left.empty() && Steady::now() < deadline);
  for (const auto& [word, count] : left) CHECK_MESSAGE(count == 0, word);
  CHECK(worker.close_and_exit() == 0);
}

// Runs the worker where a core file would be written and kills it during a chat. Returns true if there is a core file.
bool leaves_core(const TemporaryFolder& folder, const std::string& flags, int signal) {
  Upstream upstream;
  upstream.answer("p", {broken_stream(text_event("x"), Ending::kHang)});
  TestWorker worker = TestWorker::under_shell("ulimit -c unlimited; cd " + folder.path() + " && exec \"$0\" " + flags);
  worker.send(secret_chat("a", upstream.base_url("p"), kKey, 0));
  worker.wait_for("a", "delta");
  worker.process().send_signal(signal);
  const auto exit = worker.process().wait_exit(kPatience);
  REQUIRE(exit.has_value());
  CHECK(exit->signal == signal);
  return !fs::is_empty(folder.path());
}

TEST_CASE("fault 94: a crash leaves no core file, even if the parent allowed core files") {
  if (kSanitized) return;
  for (const int signal : {SIGSEGV, SIGABRT, SIGQUIT}) {
    CAPTURE(signal);
    const TemporaryFolder none;
    CHECK(!leaves_core(none, "", signal));
    const TemporaryFolder some;
    // The file is not visible if core_pattern does not name a file in the current folder.
    if (!leaves_core(some, "--allow-core", signal)) MESSAGE("this machine writes core files elsewhere");
  }
}

TEST_CASE("fault 93: variables that make libraries write or redirect have only their documented effect") {
  const auto authority = tools::make_certificate({.common_name = "test authority", .authority = true});
  const TemporaryFolder folder;
  Upstream upstream;
  upstream.answer("p", {event_stream(openai_answer({"good"}))});
  auto front = tools::TlsFront::start(upstream.port(),
                                      {.identity = tools::make_certificate({.names = {"IP:127.0.0.1"}}, &authority)});
  REQUIRE(front.has_value());
  folder.write(".curlrc", "proxy = http://127.0.0.1:1\ntrace = " + folder.path() + "/trace\n");
  folder.write("netrc", std::string("default login x password ") + kKey + "\n");
  TestWorker worker(
      {"--ca-file", folder.write("ca.pem", authority.cert)},
      {"SSLKEYLOGFILE=" + folder.path() + "/keys", "http_proxy=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1",
       "NODE_OPTIONS=--inspect", "NODE_EXTRA_CA_CERTS=/no/such/file", "CURL_CA_BUNDLE=/no/such/file",
       "CURL_HOME=" + folder.path(), "HOME=" + folder.path(), "NETRC=" + folder.path() + "/netrc",
       "CURL_SSL_BACKEND=gnutls", "CURL_DEBUG=1", "SSL_CERT_DIR=/tmp", "LD_BIND_NOW=1", "REQUEST_METHOD=GET"});
  Canary canary(worker, upstream);
  for (const std::string& url : {upstream.base_url("p"), (*front)->url() + "/p"}) {
    worker.send(secret_chat(url, url, kKey, 0));
    CHECK_MESSAGE(worker.end_of(url).text() == "good", worker.log(url).last().dump());
  }
  for (const auto& request : upstream.requests("p")) {
    CHECK(request.header("authorization") == std::string("Bearer ") + kKey);
    CHECK(request.target == "/p/chat/completions");  // origin form, not the absolute form that a proxy gets
  }
  canary.check();
  CHECK(worker.close_and_exit() == 0);
  CHECK(worker.process().stderr_text().empty());
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    const std::string name = entry.path().filename();
    CHECK_MESSAGE((name == ".curlrc" || name == "netrc" || name == "ca.pem"), name);
  }
}

}  // namespace
}  // namespace aiw::e2e
