#include "worker/executors/mcp/lenient_json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <deque>
#include <tuple>

#include "protocol/json_reader.hpp"
#include "protocol/json_text.hpp"

namespace aiw {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// Tokenizer for JSON. Does not check the order of tokens.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}

  // Returns the next token: a bracket, a comma, a colon, a string with its quotes, or a run of other characters. Empty
  // at the end.
  std::string_view next() {
    at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size());
    const std::size_t begin = at_;
    if (at_ == text_.size()) return {};
    if (text_[at_] == '"') {
      skip_string();
    } else if (kPunctuation.find(text_[at_]) != std::string_view::npos) {
      ++at_;
    } else {
      at_ = std::min(text_.find_first_of(kEnds, at_), text_.size());
    }
    return text_.substr(begin, at_ - begin);
  }
  // Returns the offset of a token in the text.
  [[nodiscard]] std::size_t offset(std::string_view token) const {
    return static_cast<std::size_t>(token.data() - text_.data());
  }

 private:
  static constexpr std::string_view kPunctuation = "{}[]:,";
  static constexpr std::string_view kEnds = "{}[]:,\" \t\r\n";

  void skip_string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    at_ = std::min(at_ + 1, text_.size());
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

// Returns true for a number or keyword that JSON cannot represent, but JavaScript and Python can.
bool is_out_of_range(std::string_view token) {
  if (token == "NaN" || token == "Infinity" || token == "-Infinity") return true;
  double value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error != std::errc::result_out_of_range || end != token.data() + token.size()) return false;
  return std::isinf(std::strtod(std::string(token).c_str(), nullptr));  // underflow does not count
}

void append_escaped(std::string& out, std::string_view token) {
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (static_cast<unsigned char>(token[i]) >= 0x20) {
      out += token[i];
    } else {
      append_json_escaped(out, token.substr(i, 1));
    }
  }
}

// Returns the text with every token in valid JSON form.
std::string with_strict_tokens(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  Tokens tokens(text);
  for (auto token = tokens.next(); !token.empty(); token = tokens.next()) {
    const bool quote = is_out_of_range(token);
    // Keep a separator, so that two invalid adjacent tokens do not merge into a valid one.
    const std::size_t at = tokens.offset(token);
    if (at > 0 && kSpace.find(text[at - 1]) != std::string_view::npos) out += ' ';
    if (quote) out += '"';
    append_escaped(out, token);
    if (quote) out += '"';
  }
  return out;
}

struct Range {
  std::size_t begin, end;
};

// Collects the members of open objects and finds those that a later member with the same key replaces.
class DuplicateFinder {
 public:
  DuplicateFinder(std::string_view text, int max_depth)
      : tokens_(text), max_depth_(static_cast<std::size_t>(max_depth)) {}

  // Returns the members to remove, each up to the key of the next member. Returns nothing if the text nests too deeply.
  std::vector<Range> find() {
    for (auto token = tokens_.next(); !token.empty(); token = tokens_.next()) {
      if (token == "{" || token == "[") {
        if (open_.size() == max_depth_) return {};
        open_.push_back({members_.size(), token == "{"});
      } else if (token == "}" || token == "]") {
        if (open_.empty()) return {};
        close();
      } else if (token == "," && !open_.empty()) {
        open_.back().wants_key = open_.back().is_object;
      } else if (token.front() == '"' && !open_.empty() && open_.back().wants_key) {
        open_.back().wants_key = false;
        add(token);
      }
    }
    std::ranges::sort(replaced_, [](const Range& a, const Range& b) { return a.begin < b.begin; });
    return replaced_;
  }

 private:
  struct Open {
    std::size_t first_member;
    bool is_object;
    bool wants_key = is_object;
  };
  struct Member {
    std::string_view key;
    std::size_t begin, end = 0;  // `end`: beginning of the next member; 0: last member
  };

  void add(std::string_view token) {
    std::string_view key = token.substr(1, token.size() - 2);
    if (key.find('\\') != std::string_view::npos) key = decoded_.emplace_back(RawString{key}.text());
    const std::size_t begin = tokens_.offset(token);
    if (members_.size() > open_.back().first_member) members_.back().end = begin;
    members_.push_back({key, begin});
  }

  void close() {
    const auto first = members_.begin() + static_cast<std::ptrdiff_t>(open_.back().first_member);
    std::sort(first, members_.end(),
              [](const Member& a, const Member& b) { return std::tie(a.key, a.begin) < std::tie(b.key, b.begin); });
    for (auto member = first; member != members_.end(); ++member) {
      const auto next = member + 1;
      if (next != members_.end() && next->key == member->key) replaced_.push_back({member->begin, member->end});
    }
    members_.erase(first, members_.end());
    open_.pop_back();
  }

  Tokens tokens_;
  const std::size_t max_depth_;
  std::vector<Open> open_;
  std::vector<Member> members_;      // members of the open objects, innermost object last
  std::deque<std::string> decoded_;  // unescaped form of keys with escapes
  std::vector<Range> replaced_;
};

std::string without_duplicates(std::string text, int max_depth) {
  const auto replaced = DuplicateFinder(text, max_depth).find();
  if (replaced.empty()) return text;
  std::string out;
  std::size_t at = 0;
  for (const auto& range : replaced) {
    if (range.begin > at) out.append(text, at, range.begin - at);
    at = std::max(at, range.end);
  }
  return out.append(text, at);
}

}  // namespace

std::expected<std::string, std::string> to_strict_json(std::string_view text, int max_depth) {
  std::string strict = with_strict_tokens(text);
  // Check the grammar first: removing duplicates relies on it.
  JsonReader grammar(strict.data(), strict.size(), max_depth);
  grammar.skip();
  grammar.end();
  if (!grammar.ok()) return std::unexpected(grammar.error().message);
  return without_duplicates(std::move(strict), max_depth);
}

std::vector<std::string_view> find_response_ids(std::string_view text) {
  struct Seen {
    std::string_view id{};
    bool has_outcome = false, has_method = false;
    [[nodiscard]] bool is_response() const { return !id.empty() && has_outcome && !has_method; }
  } seen;
  std::vector<std::string_view> ids;
  Tokens tokens(text);
  std::size_t depth = 0, top = 0;  // `top`: depth inside the objects that are inspected
  std::string_view before, key;
  for (auto token = tokens.next(); !token.empty(); before = token, token = tokens.next()) {
    if (depth == 0) top = token == "[" ? 2 : 1;
    if (token == "{" || token == "[") {
      if (++depth == top) seen = {};
    } else if (token == "}" || token == "]") {
      if (depth == top && seen.is_response()) ids.push_back(seen.id);
      depth -= depth > 0 ? 1 : 0;
    } else if (depth == top && token == ":") {
      key = before;
      seen.has_method = seen.has_method || key == "\"method\"";
      seen.has_outcome = seen.has_outcome || key == "\"result\"" || key == "\"error\"";
    } else if (depth == top && before == ":" && key == "\"id\"") {
      seen.id = token;
    }
  }
  if (depth > 0 && seen.is_response()) ids.push_back(seen.id);  // the text was truncated
  return ids;
}

}  // namespace aiw
