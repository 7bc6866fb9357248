#include "tools/support/script.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <random>

namespace aiw::tools {

namespace {

std::size_t body_bytes_sent(const Script& script) {
  if (script.ending == Ending::kProper) return script.body.size();
  return std::min(script.end_after.value_or(script.body.size() / 2), script.body.size());
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 404: return "Not Found";
    case 413: return "Content Too Large";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Status";
  }
}

// Bytes after the last piece: the proper end of the framing, or bytes that violate it.
std::string ending_bytes(const Script& script) {
  bool chunked = script.framing == Framing::kChunked;
  switch (script.ending) {
    case Ending::kProper: return chunked ? "0\r\n\r\n" : "";
    case Ending::kTruncatedChunk: return "1000\r\ndata: {\"cut";
    case Ending::kGarbage: return "\x01\x02 this is no HTTP \xff\xfe\r\n\r\n";
    default: return "";
  }
}

}  // namespace

std::vector<std::size_t> piece_lengths(const Cut& cut, std::size_t total) {
  std::vector<std::size_t> lengths;
  std::mt19937_64 random(cut.seed);
  std::size_t longest = std::max(cut.max_piece, std::size_t{1});
  for (std::size_t at = 0, turn = 0; at < total; at += lengths.back(), ++turn) {
    std::size_t length = total - at;
    switch (cut.mode) {
      case Cut::Mode::kWhole: break;
      case Cut::Mode::kBytes: length = 1; break;
      case Cut::Mode::kRandom: length = 1 + random() % longest; break;
      case Cut::Mode::kSizes:
        if (turn < cut.sizes.size()) length = std::max(cut.sizes[turn], std::size_t{1});
        break;
    }
    lengths.push_back(std::min(length, total - at));
  }
  return lengths;
}

std::string http_chunk(std::string_view bytes) {
  std::array<char, 16> digits{};
  char* end = std::to_chars(digits.data(), digits.data() + digits.size(), bytes.size(), 16).ptr;
  std::string chunk(digits.data(), end);
  return chunk.append("\r\n").append(bytes).append("\r\n");
}

std::string response_head(const Script& script) {
  std::string head =
      "HTTP/1.1 " + std::to_string(script.status) + " " + std::string(reason_phrase(script.status)) + "\r\n";
  for (const auto& [name, value] : script.headers) head.append(name).append(": ").append(value).append("\r\n");
  switch (script.framing) {
    case Framing::kChunked: head += "Transfer-Encoding: chunked\r\n"; break;
    case Framing::kContentLength: {
      std::size_t missing = script.ending == Ending::kShortLength ? 1000 : 0;
      head += "Content-Length: " + std::to_string(script.body.size() + missing) + "\r\n";
      break;
    }
    case Framing::kClose: head += "Connection: close\r\n"; break;
  }
  return head + "\r\n";
}

std::vector<std::string> body_writes(const Script& script) {
  std::vector<std::string> writes;
  std::string_view body = std::string_view(script.body).substr(0, body_bytes_sent(script));
  bool chunked = script.framing == Framing::kChunked;
  for (std::size_t length : piece_lengths(script.cut, body.size())) {
    std::string_view piece = body.substr(0, length);
    body.remove_prefix(length);
    writes.push_back(chunked ? http_chunk(piece) : std::string(piece));
  }
  // Without delays, the pieces of a chunked body leave in one write: the framing keeps them apart.
  if (chunked && script.delay_between.count() == 0 && writes.size() > 1) {
    writes = {std::accumulate(writes.begin(), writes.end(), std::string())};
  }
  if (std::string last = ending_bytes(script); !last.empty()) {
    if (writes.empty()) writes.emplace_back();
    writes.back() += last;
  }
  return writes;
}

Script json_script(int status, std::string body) {
  return {.status = status,
          .headers = {{"Content-Type", "application/json"}},
          .body = std::move(body),
          .framing = Framing::kContentLength};
}

}  // namespace aiw::tools
