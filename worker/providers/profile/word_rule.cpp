#include "worker/providers/profile/word_rule.hpp"

#include <algorithm>

#include "protocol/ascii.hpp"
#include "worker/base/crypto.hpp"

namespace aiw {
namespace {

using Charset = WordRule::Charset;

bool is_in(Charset charset, char c, bool first) {
  const bool letter = is_ascii_letter(c);
  switch (charset) {
    case Charset::any: return true;
    case Charset::word: return is_ascii_alnum(c) || c == '_' || c == '-';
    case Charset::alphanumeric: return is_ascii_alnum(c);
    case Charset::identifier: return letter || c == '_' || (!first && is_ascii_digit(c));
    case Charset::word_or_dot: return is_ascii_alnum(c) || c == '_' || c == '-' || c == '.';
    case Charset::letter_first: return letter || c == '_' || (!first && (is_ascii_digit(c) || c == '-'));
    case Charset::dotted:
      return letter || c == '_' || (!first && (is_ascii_digit(c) || c == '-' || c == '.' || c == ':'));
  }
  return false;
}

// Returns letters and digits as a hash of a text.
std::string digest_of(std::string_view text, std::size_t length) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const auto digest = sha256(text);
  std::string out;
  for (const char byte : digest ? bytes_of(*digest) : text) {
    if (out.size() == length) break;
    out += kDigits[static_cast<unsigned char>(byte) % kDigits.size()];
  }
  out.resize(length, '0');
  return out;
}

}  // namespace

bool fits(const WordRule& rule, std::string_view text) {
  if (rule.exact > 0 && text.size() != rule.exact) return false;
  if (rule.most > 0 && text.size() > rule.most) return false;
  if (rule.charset == Charset::any) return true;
  if (text.empty()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_in(rule.charset, text[i], i == 0)) return false;
  }
  return true;
}

std::string fitted(const WordRule& rule, std::string_view text) {
  if (fits(rule, text)) return std::string(text);
  if (rule.exact > 0) return digest_of(text, rule.exact);
  // Keeps the usable start of the text, and adds a digest that makes it unique among texts with the same start.
  constexpr std::size_t kDigest = 10;
  constexpr std::size_t kLongest = 256;
  const std::size_t most = rule.most > 0 ? rule.most : kLongest;
  std::string out(text.substr(0, most - kDigest - 1));
  for (char& c : out) {
    if (!is_in(rule.charset, c, false) || static_cast<unsigned char>(c) >= 0x80) c = '_';
  }
  if (out.empty() || !is_in(rule.charset, out.front(), true)) out.insert(0, 1, '_');
  out.resize(std::min(out.size(), most - kDigest - 1));
  return out + '_' + digest_of(text, kDigest);
}

}  // namespace aiw
