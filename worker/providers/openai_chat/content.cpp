#include "worker/providers/openai_chat/content.hpp"

#include <string>

#include "worker/providers/codec/media_type.hpp"
#include "worker/providers/codec/message_parts.hpp"

namespace aiw::openai_chat {
namespace {

// What follows the slash of a media type, as input_audio names formats.
std::string audio_format(const MediaPart& part) {
  const std::string type = media_type_of(part);
  const std::string format = type.substr(type.find('/') + 1);
  if (format == "mpeg" || format == "mpga") return "mp3";
  return format == "x-wav" || format == "wave" || format == "vnd.wave" ? "wav" : format;
}

bool is_video(const MediaPart& part) {
  return part.kind == MediaKind::file && part.media_type.raw.starts_with("video/");
}

}  // namespace

void ContentWriter::text(RawString text, CacheMark mark) {
  body_.append(R"({"type":"text","text":")");
  body_.splice(text.raw);
  body_.append("\"");
  end_part(mark);
}

void ContentWriter::end_part(CacheMark mark) {
  if (mark != CacheMark::none && quirks_.cache_marks) {
    body_.append(",\"cache_control\":");
    body_.append(cache_control(mark));
  }
  body_.append("}");
}

void ContentWriter::media(const MediaPart& part) {
  switch (part.kind) {
    case MediaKind::image: image(part); break;
    case MediaKind::audio: audio(part); break;
    case MediaKind::file: file(part); break;
  }
  end_part(part.cache);
}

void ContentWriter::image(const MediaPart& part) {
  if (!part.file_id.empty()) refused_ = "an image needs data or a URL: this API takes no file id for it";
  body_.append(R"({"type":"image_url","image_url":{"url":")");
  append_media_url(body_, part, "image/png");
  body_.append("\"}");
}

void ContentWriter::audio(const MediaPart& part) {
  if (part.data.empty()) refused_ = "audio needs data: this API takes no URL for it";
  body_.append(R"({"type":"input_audio","input_audio":{"data":")");
  body_.splice(part.data.raw);
  body_.append("\",\"format\":\"");
  append_escaped(body_, audio_format(part));
  body_.append("\"}");
}

void ContentWriter::file(const MediaPart& part) {
  if (quirks_.video_url && is_video(part)) {
    body_.append(R"({"type":"video_url","video_url":{"url":")");
    append_media_url(body_, part, {});
    return body_.append("\"}");
  }
  if (!part.file_id.empty()) {
    body_.append(R"({"type":"file","file":{"file_id":")");
    body_.splice(part.file_id.raw);
    return body_.append("\"}");
  }
  if (quirks_.document_url) {
    body_.append(R"({"type":"document_url","document_url":")");
    append_media_url(body_, part, "application/pdf");
    return body_.append("\"");
  }
  body_.append(R"({"type":"file","file":{"filename":")");
  body_.splice(part.filename.empty() ? std::string_view("file") : part.filename.raw);
  body_.append(R"(","file_data":")");
  append_media_url(body_, part, "application/octet-stream");
  body_.append("\"}");
}

}  // namespace aiw::openai_chat
