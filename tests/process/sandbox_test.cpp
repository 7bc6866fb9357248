// Tests that try to break out of the sandbox, in processes inside it.
#include "worker/process/sandbox.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <thread>

#include "tests/support/test_pipe.hpp"
#include "worker/http/curl_client.hpp"
#include "worker/http/libcurl.hpp"

using namespace aiw;

namespace {

// Result of each attempt: an errno, or 0 if it was allowed.
using Outcomes = std::map<std::string, int>;

class Attempts {
 public:
  // `result`: return value of a system call, below 0 if it failed.
  void note(const std::string& what, long result) {
    lines_ += what + ' ' + std::to_string(result < 0 ? errno : 0) + '\n';
  }
  void note_opened(const std::string& what, int fd) {
    note(what, fd);
    if (fd >= 0) close(fd);
  }
  [[nodiscard]] const std::string& lines() const { return lines_; }

 private:
  std::string lines_;
};

// Runs `enter` in a child process and then makes the attempts there. Returns no outcomes if the sandbox is only partly
// supported.
Outcomes in_sandbox(const std::function<std::string()>& enter, const std::function<void(Attempts&)>& make) {
  auto pipe = test::make_pipe();
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    const std::string missing = enter();
    Attempts attempts;
    make(attempts);
    const std::string text = (missing.empty() ? "whole" : missing) + '\n' + attempts.lines();
    [[maybe_unused]] const auto written = write(pipe.write.get(), text.data(), text.size());
    _exit(0);
  }
  pipe.write.reset();
  std::istringstream lines(test::read_all(pipe.read.get()));
  int status = 0;
  waitpid(pid, &status, 0);
  CHECK(status == 0);
  std::string missing;
  std::getline(lines, missing);
  Outcomes out;
  if (missing != "whole") {
    MESSAGE("skipped: " << missing);
    return out;
  }
  for (std::string what; lines >> what;) lines >> out[what];
  return out;
}

// Checks that every attempt failed with one of `errors`. There are no outcomes on a machine without a full sandbox.
void check_all(const Outcomes& outcomes, std::initializer_list<int> errors) {
  for (const auto& [what, error] : outcomes) {
    const bool expected = std::ranges::find(errors, error) != errors.end();
    CHECK_MESSAGE(expected, what << ": " << std::string(error == 0 ? "allowed" : std::strerror(error)));
  }
}

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "aiw-sandbox-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
    for (const char* part : {"in", "out"}) {
      std::filesystem::create_directory(path_ + '/' + part);
      std::ofstream(path_ + '/' + part + "/file") << "text";
    }
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const char* name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

int open2(const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags;
  how.mode = (flags & O_CREAT) != 0 ? 0600 : 0;
  return static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how));
}

int open_socket(int family, int type, int protocol = 0) { return socket(family, type | SOCK_CLOEXEC, protocol); }

// Server on an abstract address, and a socket that is not connected to it yet.
struct AbstractServer {
  AbstractServer() {
    address.sun_family = AF_UNIX;
    const std::string name = "aiw-sandbox-test-" + std::to_string(getpid());
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    REQUIRE(bind(server.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(listen(server.get(), 1) == 0);
  }
  [[nodiscard]] int connect_to() const {
    return connect(client.get(), reinterpret_cast<const sockaddr*>(&address), size);
  }

  test::Fd server{open_socket(AF_UNIX, SOCK_STREAM)}, client{open_socket(AF_UNIX, SOCK_STREAM)};
  sockaddr_un address{};
  socklen_t size = 0;
};

int bind_port(int type) {
  const test::Fd fd(open_socket(AF_INET, type));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(50'123);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}
int bind_tcp() { return bind_port(SOCK_STREAM); }

int bind_udp6() {
  const test::Fd fd(open_socket(AF_INET6, SOCK_DGRAM));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// Binds a netlink socket in the same way as getaddrinfo, which uses it to query our addresses.
int bind_netlink() {
  const test::Fd fd(open_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

}  // namespace

TEST_CASE("sandbox: only allowed files can be read, and nothing can be written or created") {
  const Folder folder;
  const auto enter = [&] { return enter_sandbox({folder / "in", "/no/such/folder"}); };
  check_all(in_sandbox(enter,
                       [&](Attempts& attempts) {
                         const std::string in = folder / "in";
                         const auto writes = [&](const std::string& what, const std::string& path) {
                           attempts.note_opened(what + "-write", open(path.c_str(), O_WRONLY));
                           attempts.note_opened(what + "-both", open(path.c_str(), O_RDWR));
                           attempts.note_opened(what + "-truncate", open(path.c_str(), O_RDONLY | O_TRUNC));
                           attempts.note_opened(what + "-openat2", open2(path, O_WRONLY));
                         };
                         writes("readable", in + "/file");
                         writes("other", folder / "out/file");
                         writes("null", "/dev/null");
                         attempts.note_opened("create", open((in + "/new").c_str(), O_WRONLY | O_CREAT, 0600));
                         attempts.note_opened("create-read", open((in + "/new").c_str(), O_RDONLY | O_CREAT, 0600));
                         attempts.note_opened("create-openat2", open2(in + "/new", O_RDONLY | O_CREAT));
                         attempts.note_opened("unnamed", open(in.c_str(), O_RDWR | O_TMPFILE, 0600));
                         attempts.note("unlink", unlink((in + "/file").c_str()));
                         attempts.note("rename", rename((in + "/file").c_str(), (in + "/other").c_str()));
                         attempts.note("mkdir", mkdir((in + "/folder").c_str(), 0700));
                         attempts.note("chmod", chmod((in + "/file").c_str(), 0777));
                         attempts.note("link", symlink("/", (in + "/link").c_str()));
                         attempts.note("size", truncate((in + "/file").c_str(), 0));
                         attempts.note_opened("shadow", open("/etc/shadow", O_RDONLY));
                         attempts.note_opened("passwd", open("/etc/passwd", O_RDONLY));
                         attempts.note_opened("above", open((in + "/../out/file").c_str(), O_RDONLY));
                         attempts.note_opened("list", open("/etc", O_RDONLY | O_DIRECTORY));
                         attempts.note_opened("root", open("/", O_RDONLY | O_DIRECTORY));
                         attempts.note_opened("environ", open("/proc/self/environ", O_RDONLY));
                         attempts.note_opened("memory", open("/proc/self/mem", O_RDWR));
                         const auto parents = "/proc/" + std::to_string(getppid()) + "/environ";
                         attempts.note_opened("parent-environ", open(parents.c_str(), O_RDONLY));
                       }),
            {EPERM, EACCES});
  CHECK(std::filesystem::file_size(folder / "in/file") == 4);
  check_all(in_sandbox(enter,
                       [&](Attempts& attempts) {
                         attempts.note_opened("file", open((folder / "in/file").c_str(), O_RDONLY));
                         attempts.note_opened("folder", open((folder / "in").c_str(), O_RDONLY | O_DIRECTORY));
                         attempts.note_opened("openat2", open2(folder / "in/file", O_RDONLY));
                         attempts.note_opened("hosts", open("/etc/hosts", O_RDONLY));
                         attempts.note_opened("null", open("/dev/null", O_RDONLY));
                       }),
            {0});
}

TEST_CASE("sandbox: no program can start, and no other process can be accessed") {
  const auto outcomes = in_sandbox(
      [] { return enter_sandbox({}); },
      [](Attempts& attempts) {
        const pid_t parent = getppid();
        std::array<char*, 1> none = {nullptr};
        attempts.note("execve", execve("/bin/true", none.data(), none.data()));
        const int library = open("/lib/ld-linux.so.2", O_RDONLY);
        const int memory = memfd_create("program", MFD_CLOEXEC);
        attempts.note("execveat", syscall(SYS_execveat, memory, "", none.data(), none.data(), AT_EMPTY_PATH));
        close(library);
        attempts.note("fork", syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
        attempts.note("namespace", unshare(CLONE_NEWUSER));
        attempts.note("ptrace", ptrace(PTRACE_ATTACH, parent, nullptr, nullptr));
        attempts.note("traceme", ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
        char byte = 0;
        const iovec here{&byte, 1}, there{&byte, 1};
        attempts.note("read-memory", process_vm_readv(parent, &here, 1, &there, 1, 0));
        attempts.note("write-memory", process_vm_writev(parent, &here, 1, &there, 1, 0));
        attempts.note("kill", kill(parent, 0));
        attempts.note("tgkill", syscall(SYS_tgkill, parent, parent, 0));
        const int pid_fd = static_cast<int>(syscall(SYS_pidfd_open, parent, 0));
        attempts.note("pidfd-kill", syscall(SYS_pidfd_send_signal, pid_fd, 0, nullptr, 0));
        attempts.note("pidfd-steal", syscall(SYS_pidfd_getfd, pid_fd, 0, 0));
        const rlimit limit{64, 64};
        attempts.note("limit", setrlimit(RLIMIT_NOFILE, &limit));
        attempts.note("dumpable", prctl(PR_SET_DUMPABLE, 1));
        attempts.note("tty", ioctl(0, TIOCSTI, &byte));
        attempts.note("owner", fcntl(0, F_SETOWN, parent));
        for (const auto& [name, number] : std::map<std::string, long>{{"bpf", SYS_bpf},
                                                                      {"io_uring", SYS_io_uring_setup},
                                                                      {"perf", SYS_perf_event_open},
                                                                      {"keys", SYS_keyctl},
                                                                      {"mount", SYS_mount},
                                                                      {"root", SYS_chroot},
                                                                      {"namespace-of", SYS_setns},
                                                                      {"faults", SYS_userfaultfd},
                                                                      {"module", SYS_init_module},
                                                                      {"user", SYS_setuid}}) {
          attempts.note(name, syscall(number, 0, 0, 0, 0, 0, 0));
        }
      });
  check_all(outcomes, {EPERM});
}

TEST_CASE("sandbox: sockets are limited to TCP, UDP and the machine's own addresses, and none can listen") {
  const AbstractServer abstract;
  check_all(in_sandbox([] { return enter_sandbox({}); },
                       [&](Attempts& attempts) {
                         attempts.note_opened("packet", open_socket(AF_PACKET, SOCK_RAW));
                         attempts.note_opened("raw", open_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
                         attempts.note_opened("raw6", open_socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
                         attempts.note_opened("unix", open_socket(AF_UNIX, SOCK_STREAM));
                         attempts.note_opened("unix-datagram", open_socket(AF_UNIX, SOCK_DGRAM));
                         attempts.note_opened("netlink", open_socket(AF_NETLINK, SOCK_RAW, 9));  // protocol 9: audit
                         attempts.note_opened("crypto", open_socket(AF_ALG, SOCK_SEQPACKET));
                         attempts.note_opened("vsock", open_socket(AF_VSOCK, SOCK_STREAM));
                         std::array<int, 2> pair{};
                         attempts.note("datagram-pair", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair.data()));
                         attempts.note("abstract", abstract.connect_to());
                         attempts.note("bind", bind_tcp());
                         const test::Fd fd(open_socket(AF_INET, SOCK_STREAM));
                         attempts.note("listen", listen(fd.get(), 1));
                         attempts.note("accept", accept(abstract.server.get(), nullptr, nullptr));
                       }),
            {EPERM, EACCES});
}

TEST_CASE(
    "fault 115: in the sandbox no port can be bound, not even for UDP, and limits of other processes cannot be read") {
  const auto sandboxed = [] { return enter_sandbox({}); };
  check_all(in_sandbox(sandboxed,
                       [](Attempts& attempts) {
                         attempts.note("bind-tcp", bind_tcp());
                         attempts.note("bind-udp", bind_port(SOCK_DGRAM));
                         attempts.note("bind-udp6", bind_udp6());
                         rlimit limits{};
                         attempts.note("limits", prlimit(getppid(), RLIMIT_NOFILE, nullptr, &limits));
                         attempts.note("watch", inotify_init1(IN_CLOEXEC));
                         attempts.note("priority", setpriority(PRIO_PROCESS, 0, 5));
                         attempts.note("affinity", syscall(SYS_sched_setaffinity, 0, 0, nullptr));
                         attempts.note("kernel-log", syscall(SYS_syslog, 3, nullptr, 0));
                         attempts.note("handle", syscall(SYS_open_by_handle_at, AT_FDCWD, nullptr, 0));
                         attempts.note("compare", syscall(SYS_kcmp, getppid(), getpid(), 0, 0, 0));
                         attempts.note("shared-memory", syscall(SYS_shmget, 1, 4096, 0));
                         attempts.note("queue", syscall(SYS_mq_open, "queue", O_RDONLY, 0, nullptr));
                       }),
            {EPERM});
  check_all(in_sandbox(sandboxed,
                       [](Attempts& attempts) {
                         rlimit limits{};
                         attempts.note("netlink", bind_netlink());
                         attempts.note("own-limits", getrlimit(RLIMIT_NOFILE, &limits));
                       }),
            {0});
}

// docs/sandbox.md lists these limits with the reasons. Change it together with this test.
TEST_CASE("fault 116: the sandbox allows what its document lists as not hidden") {
  const Folder folder;
  const std::string other = folder / "out/file", link = folder / "out/link";
  std::filesystem::create_symlink("/target", link);
  check_all(in_sandbox([&] { return enter_sandbox({folder / "in"}); },
                       [&](Attempts& attempts) {
                         struct stat info{};
                         std::array<char, 64> text{};
                         attempts.note("stat", stat(other.c_str(), &info));
                         attempts.note("size", info.st_size == 4 ? 0 : -1);
                         attempts.note("access", access(other.c_str(), R_OK));
                         attempts.note("link", readlink(link.c_str(), text.data(), text.size()));
                         attempts.note("process", stat(("/proc/" + std::to_string(getppid())).c_str(), &info));
                         attempts.note_opened("process-end", static_cast<int>(syscall(SYS_pidfd_open, getppid(), 0)));
                         const int path = open(other.c_str(), O_PATH);
                         attempts.note("path", path);
                         attempts.note("path-stat", fstat(path, &info));
                         const test::Fd udp(open_socket(AF_INET, SOCK_DGRAM));
                         sockaddr_in address{};
                         address.sin_family = AF_INET;
                         address.sin_port = htons(9);
                         address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
                         attempts.note("datagram", sendto(udp.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&address),
                                                          sizeof address));
                       }),
            {0});
  check_all(in_sandbox([&] { return enter_sandbox({folder / "in"}); },
                       [&](Attempts& attempts) {
                         const int path = open(other.c_str(), O_PATH);
                         char byte = 0;
                         attempts.note("read", read(path, &byte, 1));
                         attempts.note_opened("reopen", openat(path, "", O_RDONLY));
                         const auto own = "/proc/self/fd/" + std::to_string(path);
                         attempts.note_opened("by-number", open(own.c_str(), O_RDONLY));
                         const auto program = "/proc/" + std::to_string(getppid()) + "/exe";
                         std::array<char, 64> text{};
                         attempts.note("program", readlink(program.c_str(), text.data(), text.size()));
                         attempts.note_opened("names", open((folder / "out").c_str(), O_RDONLY | O_DIRECTORY));
                       }),
            {EPERM, EACCES, EBADF, ENOENT});
}

TEST_CASE("sandbox: Landlock alone protects files, ports, processes and abstract sockets") {
  const Folder folder;
  const AbstractServer abstract;
  const auto enter = [&] {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return restrict_files({folder / "in"});
  };
  check_all(in_sandbox(enter,
                       [&](Attempts& attempts) {
                         attempts.note_opened("write", open((folder / "in/file").c_str(), O_WRONLY));
                         attempts.note_opened("create", open((folder / "in/new").c_str(), O_WRONLY | O_CREAT, 0600));
                         attempts.note_opened("shadow", open("/etc/shadow", O_RDONLY));
                         attempts.note("size", truncate((folder / "in/file").c_str(), 0));
                         attempts.note("bind", bind_tcp());
                         attempts.note("kill", kill(getppid(), 0));
                         attempts.note("abstract", abstract.connect_to());
                         std::array<char*, 1> none = {nullptr};
                         attempts.note("execve", execve("/bin/true", none.data(), none.data()));
                       }),
            {EPERM, EACCES});
}

TEST_CASE("sandbox: threads, memory, name look-ups, sockets and exit still work") {
  const auto outcomes = in_sandbox(
      [] { return enter_sandbox({}); },
      [](Attempts& attempts) {
        bool ran = false;
        std::thread([&] { ran = true; }).join();
        attempts.note("thread", ran ? 0 : -1);
        // Threads are confined, too.
        std::thread([&] { attempts.note("thread-confined", open("/etc/passwd", O_RDONLY) < 0 ? 0 : -1); }).join();
        addrinfo* found = nullptr;
        addrinfo hints{};
        hints.ai_flags = AI_ADDRCONFIG;
        attempts.note("localhost", getaddrinfo("localhost", "443", &hints, &found) == 0 ? 0 : -1);
        if (found != nullptr) freeaddrinfo(found);
        attempts.note_opened("tcp", open_socket(AF_INET, SOCK_STREAM));
        attempts.note_opened("udp6", open_socket(AF_INET6, SOCK_DGRAM));
        std::array<int, 2> pair{};
        attempts.note("pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()));
        void* const memory = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        attempts.note("memory", memory == MAP_FAILED ? -1 : 0);
        attempts.note_opened("memory-file", memfd_create("test", MFD_CLOEXEC));
        rlimit limit{};
        attempts.note("limit", getrlimit(RLIMIT_NOFILE, &limit));
        attempts.note("own-signal", raise(SIGURG));
      });
  check_all(outcomes, {0});
}

TEST_CASE("sandbox: TLS works, with a certificate that may be read") {
  const Folder folder;
  const std::string in_folder = "cd " + (folder / "in") + " && ";
  const auto make = in_folder +
                    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem "
                    "-out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null";
  if (std::system(make.c_str()) != 0) {
    MESSAGE("skipped: needs the openssl command");
    return;
  }
  const auto serve = in_folder +
                     "timeout 60 openssl s_server -accept 127.0.0.1:0 -naccept 1 -cert cert.pem -key key.pem -www "
                     "2>/dev/null";
  FILE* const server = popen(serve.c_str(), "r");
  REQUIRE(server != nullptr);
  std::array<char, 256> line{};
  std::string port;
  while (port.empty() && std::fgets(line.data(), line.size(), server) != nullptr) {
    const std::string_view text = line.data();
    if (text.starts_with("ACCEPT 127.0.0.1:")) port = text.substr(17, text.find_last_not_of("\r\n") - 16);
  }
  REQUIRE_FALSE(port.empty());
  const auto enter = [&] {
    load_libcurl();
    return enter_sandbox({folder / "in/cert.pem"});
  };
  check_all(in_sandbox(enter,
                       [&](Attempts& attempts) {
                         Loop loop;
                         struct Handler : HttpHandler {
                           void on_head(const ResponseHead& head) override { status = head.status; }
                           void on_body(std::string_view) override {}
                           void on_end(const Error*) override { loop->stop(); }
                           Loop* loop = nullptr;
                           int status = 0;
                         } handler;
                         handler.loop = &loop;
                         const auto client = make_curl_client(loop, {.ca_file = folder / "in/cert.pem"});
                         HttpRequest request;
                         request.method = "GET";
                         request.url = "https://localhost:" + port + "/";
                         const auto transfer = client->start(std::move(request), {}, handler);
                         test::run_until_stopped(loop);
                         attempts.note("answer", handler.status == 200 ? 0 : -1);
                       }),
            {0});
  pclose(server);
}

TEST_CASE("sandbox: a thread that started before the sandbox is reported") {
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    const auto pipe = test::make_pipe();
    std::thread([&] {
      char byte = 0;
      [[maybe_unused]] const auto got = read(pipe.read.get(), &byte, 1);
    }).detach();
    _exit(enter_sandbox({}).find("threads ran before") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  CHECK(status == 0);
}
