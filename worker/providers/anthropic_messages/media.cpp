#include "worker/providers/anthropic_messages/media.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "worker/base/base64.hpp"
#include "worker/providers/codec/media_type.hpp"

namespace aiw::anthropic_messages {
namespace {

// An unknown file behind a URL is most likely a PDF.
std::string type_of(const MediaPart& media) {
  std::string type = media_type_of(media);
  return type.empty() && !media.url.empty() && media.kind == MediaKind::file ? "application/pdf" : type;
}

// Returns the text of a document. Data that is not base64 must be the text itself.
std::string text_of(RawString data) {
  std::string digits = data.text();
  std::erase_if(digits, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  std::string text;
  return sanitize_utf8(base64_decode(digits, text) ? text : data.text());
}

void write_source(BodyWriter& json, const MediaPart& media, MediaForm form) {
  json.key("source").begin_object();
  if (form == MediaForm::text) {
    json.field("type", "text").field("media_type", "text/plain").field("data", text_of(media.data));
  } else if (!media.file_id.empty()) {
    json.field("type", "file").field("file_id", media.file_id);
  } else if (!media.url.empty()) {
    json.field("type", "url").field("url", media.url);
  } else {
    json.field("type", "base64").field("media_type", form == MediaForm::pdf ? "application/pdf" : type_of(media));
    json.field("data", media.data);
  }
  json.end_object();
}

}  // namespace

MediaForm media_form(const MediaPart& media) {
  const std::string type = type_of(media);
  if (media.kind == MediaKind::audio) return MediaForm::unsupported;
  // The API knows the type of an uploaded file; only the block must fit.
  if (!media.file_id.empty()) {
    const bool is_image = media.kind == MediaKind::image || type.starts_with("image/");
    return is_image ? MediaForm::image : MediaForm::pdf;
  }
  if (type.starts_with("image/") || media.kind == MediaKind::image) {
    const bool has_type = type.starts_with("image/") && !type.ends_with("/*");
    return has_type || !media.url.empty() ? MediaForm::image : MediaForm::unsupported;
  }
  if (type == "application/pdf") return MediaForm::pdf;
  const bool is_text = type.starts_with("text/") || type == "application/json" || type == "application/xml";
  return is_text && media.url.empty() ? MediaForm::text : MediaForm::unsupported;
}

void begin_media_block(BodyWriter& json, const MediaPart& media) {
  const auto form = media_form(media);
  json.begin_object().field("type", form == MediaForm::image ? "image" : "document");
  write_source(json, media, form);
  if (form != MediaForm::image && !media.filename.empty()) json.field("title", media.filename);
}

}  // namespace aiw::anthropic_messages
