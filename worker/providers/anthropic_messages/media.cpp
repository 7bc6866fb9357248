#include "worker/providers/anthropic_messages/media.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "worker/base/base64.hpp"
#include "worker/providers/codec/media_type.hpp"

namespace aiw::anthropic_messages {
namespace {

// A file behind a URL that nothing is known of is most likely a PDF.
std::string type_of(const MediaPart& media) {
  std::string type = media_type_of(media);
  return type.empty() && !media.url.empty() && media.kind == MediaKind::file ? "application/pdf" : type;
}

// The text of a document. Data that is no base64 can only be the text itself.
std::string text_of(RawString data) {
  std::string digits = data.text();
  std::erase_if(digits, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  std::string text;
  return sanitize_utf8(base64_decode(digits, text) ? text : data.text());
}

void append_quoted(Rope& body, std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);
  body.append(quoted);
}

void write_source(Rope& body, const MediaPart& media, std::string_view media_type) {
  body.append(R"("source":{)");
  if (!media.file_id.empty()) {
    body.append(R"("type":"file","file_id":")");
    body.splice(media.file_id.raw);
    body.append("\"}");
    return;
  }
  if (!media.url.empty()) {
    body.append(R"("type":"url","url":")");
    body.splice(media.url.raw);
    body.append("\"}");
    return;
  }
  body.append(R"("type":"base64","media_type":)");
  append_quoted(body, media_type);
  body.append(R"(,"data":")");
  body.splice(media.data.raw);
  body.append("\"}");
}

}  // namespace

MediaForm media_form(const MediaPart& media) {
  const std::string type = type_of(media);
  if (media.kind == MediaKind::audio) return MediaForm::unsupported;
  // What an uploaded file is, the API knows; only the block must fit.
  if (!media.file_id.empty()) {
    const bool is_image = media.kind == MediaKind::image || type.starts_with("image/");
    return is_image ? MediaForm::image : MediaForm::pdf;
  }
  if (type.starts_with("image/")) {
    return media.url.empty() && type.ends_with("/*") ? MediaForm::unsupported : MediaForm::image;
  }
  if (media.kind == MediaKind::image) {
    return media.url.empty() ? MediaForm::unsupported : MediaForm::image;
  }
  if (type == "application/pdf") return MediaForm::pdf;
  const bool is_text = type.starts_with("text/") || type == "application/json" || type == "application/xml";
  return is_text && media.url.empty() ? MediaForm::text : MediaForm::unsupported;
}

void write_media_block(Rope& body, const MediaPart& media) {
  const auto form = media_form(media);
  if (form == MediaForm::image) {
    body.append(R"({"type":"image",)");
    write_source(body, media, type_of(media));
    return;
  }
  body.append(R"({"type":"document",)");
  if (form == MediaForm::pdf) {
    write_source(body, media, "application/pdf");
  } else {
    body.append(R"("source":{"type":"text","media_type":"text/plain","data":)");
    append_quoted(body, text_of(media.data));
    body.append("}");
  }
  if (!media.filename.empty()) {
    body.append(R"(,"title":")");
    body.splice(media.filename.raw);
    body.append("\"");
  }
}

}  // namespace aiw::anthropic_messages
