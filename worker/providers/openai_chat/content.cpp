#include "worker/providers/openai_chat/content.hpp"

#include <string>

#include "worker/providers/codec/media_type.hpp"
#include "worker/providers/codec/message_parts.hpp"

namespace aiw::openai_chat {
namespace {

// Returns the media type after its slash, which is the format name of input_audio.
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
  begin_part("text").raw(text);
  end_part(mark);
}

void ContentWriter::end_part(CacheMark mark) {
  write_cache_mark(json_, quirks_, mark);
  json_.end_object();
}

void ContentWriter::media(const MediaPart& part) {
  switch (part.kind) {
    case MediaKind::image:
      if (!part.file_id.empty()) refused_ = "an image needs data or a URL: this API takes no file id for it";
      begin_part("image_url");
      url(part, "image/png");
      break;
    case MediaKind::audio: audio(part); break;
    case MediaKind::file: file(part); break;
  }
  end_part(part.cache);
}

void ContentWriter::url(const MediaPart& part, std::string_view otherwise) {
  json_.begin_object().key("url");
  write_media_url(json_, part, otherwise);
  json_.end_object();
}

void ContentWriter::audio(const MediaPart& part) {
  if (part.data.empty()) refused_ = "audio needs data: this API takes no URL for it";
  begin_part("input_audio").begin_object().field("data", part.data).field("format", audio_format(part)).end_object();
}

void ContentWriter::file(const MediaPart& part) {
  if (quirks_.video_url && is_video(part)) {
    begin_part("video_url");
    return url(part, {});
  }
  if (!part.file_id.empty()) {
    begin_part("file").begin_object().field("file_id", part.file_id).end_object();
    return;
  }
  if (quirks_.document_url) {
    begin_part("document_url");
    return write_media_url(json_, part, "application/pdf");
  }
  begin_part("file").begin_object();
  json_.field("filename", part.filename.empty() ? RawString{"file"} : part.filename).key("file_data");
  write_media_url(json_, part, "application/octet-stream");
  json_.end_object();
}

}  // namespace aiw::openai_chat
