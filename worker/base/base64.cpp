#include "worker/base/base64.hpp"

#include <array>
#include <cstdint>
#include <utility>

namespace aiw {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::array<std::uint8_t, 256> kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
    values[static_cast<unsigned char>(kUrlAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

// Encodes 6 bits per digit, without padding.
std::string encode(std::string_view bytes, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) out += alphabet[bits >> (count - 6) & 63U];
  }
  if (count > 0) out += alphabet[bits << (6 - count) & 63U];
  return out;
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out = encode(bytes, kAlphabet);
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::string base64url_encode(std::string_view bytes) { return encode(bytes, kUrlAlphabet); }

bool base64_decode(std::string_view text, std::string& out) {
  out.clear();
  if (text.size() % 4 == 0) {
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return false;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const std::uint8_t value = kValues[static_cast<unsigned char>(c)];
    if (value == kNoDigit) return false;
    bits = bits << 6 | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(static_cast<unsigned char>(bits >> count & 0xFFU));
  }
  return (bits & ((1U << count) - 1U)) == 0;
}

void Base64Joiner::add(std::string_view piece) {
  if (empty() && form_ == Form::single) {
    text_ = piece;
    return;
  }
  if (form_ == Form::single) {
    form_ = base64_decode(text_, rest_) ? Form::bytes : Form::text;
    if (form_ == Form::bytes) text_.clear();
  }
  if (form_ == Form::bytes && !base64_decode(piece, piece_)) {
    text_ = take();
    form_ = Form::text;
  }
  if (form_ == Form::text) {
    text_ += piece;
    return;
  }
  rest_ += piece_;
  const std::size_t whole = rest_.size() - rest_.size() % 3;
  text_ += base64_encode(std::string_view(rest_).substr(0, whole));
  rest_.erase(0, whole);
}

std::string Base64Joiner::take() {
  std::string text = std::exchange(text_, {});
  if (form_ == Form::bytes) text += base64_encode(std::exchange(rest_, {}));
  form_ = Form::single;
  return text;
}

}  // namespace aiw
