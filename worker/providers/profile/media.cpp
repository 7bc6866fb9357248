#include "worker/providers/profile/media.hpp"

#include <algorithm>
#include <array>

#include "protocol/ascii.hpp"
#include "protocol/codes.hpp"
#include "worker/base/base64.hpp"
#include "worker/providers/codec/media_type.hpp"

namespace aiw {
namespace {

bool takes(const MediaRule& rule, std::string_view type) {
  if (rule.any) return true;
  return std::ranges::any_of(rule.types, [&](std::string_view known) {
    return known.ends_with('/') ? type.starts_with(known) : type == known;
  });
}

// False if the bytes or the type contradict the part. A broken image or PDF blocks a conversation, because the server
// refuses each later request. An audio part with an image type is not audio.
bool is_what_it_says(const MediaPart& part, std::string_view type) {
  if (part.kind == MediaKind::audio && !type.empty() && !type.starts_with("audio/") && !type.starts_with("video/") &&
      !type.ends_with("/*") && type != "application/octet-stream" && type != "application/ogg") {
    return false;
  }
  const auto start = part.data.raw.substr(0, 32);
  const auto is_base64 = [](char c) { return is_ascii_alnum(c) || std::string_view("+/-_=\\").contains(c); };
  if (!std::ranges::all_of(start, is_base64)) return false;
  const auto shown = type_of_data(part.data);
  constexpr auto kShown =
      std::to_array<std::string_view>({"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"});
  return std::ranges::count(kShown, type) == 0 || shown == type;
}

bool is_plain_text(std::string_view text) {
  const auto is_control = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f';
  };
  return std::ranges::none_of(text, is_control) && sanitize_utf8(text) == text;
}

bool is_text_type(std::string_view type) {
  return type.starts_with("text/") || type == "application/json" || type == "application/xml";
}

}  // namespace

std::optional<std::string> text_instead(const MediaPart& part, const ServerProfile& profile, RequestNotes& notes) {
  if (!part.file_id.empty()) return std::nullopt;  // an uploaded file of the server
  const std::string type = media_type_of(part);
  const bool image = part.kind == MediaKind::image || type.starts_with("image/");
  const bool audio = !image && (part.kind == MediaKind::audio || type.starts_with("audio/"));
  const MediaRule& rule = image ? profile.images : audio ? profile.audio : profile.files;
  const bool is_link = part.data.empty();
  const bool as_it_says = is_what_it_says(part, type);
  if (is_link ? rule.links : takes(rule, type) && as_it_says) return std::nullopt;
  const std::string what_not = is_link      ? "media by URL"
                               : as_it_says ? type
                                            : "bytes that are not what they are said to be";
  notes.add(warning_code::media_replaced, "this provider takes no " + what_not + "; text stands in its place");
  if (is_link) return "[media at " + part.url.text() + " was left out: it cannot be read here]";
  std::string text;
  const bool textual = is_text_type(type) || (!image && !audio && !as_it_says);
  if (textual && base64_decode(part.data.text(), text) && is_plain_text(text)) {
    const std::string name = part.filename.empty() ? std::string() : part.filename.text() + ":\n";
    return sanitize_utf8(name + text);
  }
  const std::string_view what = image ? "an image" : audio ? "audio" : "a file";
  return "[" + std::string(what) + " of type " + type + " was left out: it cannot be read here]";
}

}  // namespace aiw
