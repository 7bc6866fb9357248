#include "worker/providers/codec/media_type.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "protocol/ascii.hpp"

namespace aiw {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

}  // namespace

std::string_view type_of_data(RawString data) {
  static constexpr std::array<Pair, 10> kMagic = {{
      {"iVBORw0KGgo", "image/png"},
      {"/9j/", "image/jpeg"},
      {"_9j_", "image/jpeg"},
      {"R0lGOD", "image/gif"},
      {"JVBERi", "application/pdf"},
      {"PHN2Zy", "image/svg+xml"},
      {"ZnR5cGhlaWM", "image/heic"},
      {"SUQz", "audio/mpeg"},
      {"T2dnUw", "audio/ogg"},
      {"ZkxhQw", "audio/flac"},
  }};
  std::string start(data.raw.substr(0, 24));
  std::erase(start, '\\');  // some serialisers write "\/"
  for (const auto& [magic, type] : kMagic) {
    if (start.starts_with(magic)) return type;
  }
  if (!start.starts_with("UklGR") || start.size() < 16) return {};
  // RIFF: the last three bytes of its format code, "EBP" or "AVE", fill four base64 digits.
  const auto kind = std::string_view(start).substr(12, 4);
  if (kind == "RUJQ") return "image/webp";
  if (kind == "QVZF") return "audio/wav";
  return {};
}

namespace {

std::string_view type_of_extension(std::string_view url) {
  static constexpr std::array<Pair, 14> kExtensions = {{
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".jpeg", "image/jpeg"},
      {".gif", "image/gif"},
      {".webp", "image/webp"},
      {".pdf", "application/pdf"},
      {".mp3", "audio/mpeg"},
      {".wav", "audio/wav"},
      {".ogg", "audio/ogg"},
      {".flac", "audio/flac"},
      {".mp4", "video/mp4"},
      {".txt", "text/plain"},
      {".html", "text/html"},
      {".csv", "text/csv"},
  }};
  const std::string path = ascii_lower(url.substr(0, url.find_first_of("?#")));
  const auto* found = std::ranges::find_if(kExtensions, [&](const Pair& known) { return path.ends_with(known.first); });
  return found == kExtensions.end() ? std::string_view() : found->second;
}

}  // namespace

// The detected type overrides the declared one: servers look at the bytes and refuse an image with another declared
// type.
std::string media_type_of(const MediaPart& media) {
  std::string given = ascii_lower(media.media_type.text());
  given = given.substr(0, given.find(';'));
  if (given == "image/jpg") given = "image/jpeg";
  const bool vague = given.empty() || given.ends_with("/*") || given == "application/octet-stream";
  const bool shows = vague || given.starts_with("image/") || given.starts_with("audio/");
  if (!shows) return given;
  const auto seen = media.url.empty() ? type_of_data(media.data) : type_of_extension(media.url.raw);
  return seen.empty() || (!media.url.empty() && !vague) ? given : std::string(seen);
}

}  // namespace aiw
