#include "worker/providers/bedrock/media.hpp"

#include <algorithm>
#include <array>

#include "protocol/ascii.hpp"
#include "worker/providers/codec/media_type.hpp"

namespace aiw::bedrock {
namespace {

struct KnownType {
  std::string_view media_type, extension;
  MediaForm form;
};

// Formats of ImageBlock, DocumentBlock, VideoBlock and AudioBlock in the API reference.
constexpr std::array<KnownType, 35> kTypes = {{
    {"image/png", "png", {"image", "png"}},
    {"image/jpeg", "jpg", {"image", "jpeg"}},
    {"image/jpg", "jpeg", {"image", "jpeg"}},
    {"image/gif", "gif", {"image", "gif"}},
    {"image/webp", "webp", {"image", "webp"}},
    {"application/pdf", "pdf", {"document", "pdf"}},
    {"text/csv", "csv", {"document", "csv"}},
    {"application/msword", "doc", {"document", "doc"}},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", {"document", "docx"}},
    {"application/vnd.ms-excel", "xls", {"document", "xls"}},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", {"document", "xlsx"}},
    {"text/html", "html", {"document", "html"}},
    {"text/plain", "txt", {"document", "txt"}},
    {"text/markdown", "md", {"document", "md"}},
    {"application/json", "json", {"document", "txt"}},
    {"application/xml", "xml", {"document", "txt"}},
    {"video/mp4", "mp4", {"video", "mp4"}},
    {"video/quicktime", "mov", {"video", "mov"}},
    {"video/x-matroska", "mkv", {"video", "mkv"}},
    {"video/webm", "webm", {"video", "webm"}},
    {"video/x-flv", "flv", {"video", "flv"}},
    {"video/mpeg", "mpeg", {"video", "mpeg"}},
    {"video/mpg", "mpg", {"video", "mpg"}},
    {"video/x-ms-wmv", "wmv", {"video", "wmv"}},
    {"video/wmv", "wmv", {"video", "wmv"}},
    {"video/3gpp", "3gp", {"video", "three_gp"}},
    {"audio/mpeg", "mp3", {"audio", "mp3"}},
    {"audio/mp3", "mp3", {"audio", "mp3"}},
    {"audio/wav", "wav", {"audio", "wav"}},
    {"audio/x-wav", "wav", {"audio", "wav"}},
    {"audio/aac", "aac", {"audio", "aac"}},
    {"audio/flac", "flac", {"audio", "flac"}},
    {"audio/ogg", "ogg", {"audio", "ogg"}},
    {"audio/mp4", "m4a", {"audio", "m4a"}},
    {"audio/opus", "opus", {"audio", "opus"}},
}};

MediaForm by_media_type(std::string_view type) {
  const auto* found = std::ranges::find(kTypes, type, &KnownType::media_type);
  if (found != kTypes.end()) return found->form;
  if (type.starts_with("text/")) return {"document", "txt"};
  return {};
}

MediaForm by_extension(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return {};
  const auto* found = std::ranges::find(kTypes, name.substr(dot + 1), &KnownType::extension);
  return found == kTypes.end() ? MediaForm{} : found->form;
}

bool is_name_char(char c) { return is_ascii_alnum(c) || c == '-' || c == '(' || c == ')' || c == '[' || c == ']'; }

// Returns the name without its extension, with only letters, digits, hyphens, brackets and single spaces.
std::string clean_name(std::string_view name) {
  constexpr std::size_t kMaxBytes = 180;  // limit of 200, less room for a number
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos && dot > 0) name = name.substr(0, dot);
  std::string out;
  for (const char c : name.substr(0, kMaxBytes)) {
    if (is_name_char(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (out.ends_with(' ')) out.pop_back();
  return out.empty() ? "document" : out;
}

}  // namespace

MediaForm media_form(const MediaPart& media) {
  if (media.data.empty() && !media.url.raw.starts_with("s3:")) return {};
  const std::string type = media_type_of(media);
  auto form = by_media_type(type);
  const bool vague = type.empty() || type.ends_with("/*") || type == "application/octet-stream";
  if (form.block.empty() && vague) {
    form = by_extension(ascii_lower((media.url.empty() ? media.filename : media.url).text()));
  }
  return form;
}

std::string DocumentNames::name_for(RawString filename) {
  const std::string name = clean_name(filename.text());
  std::string unique = name;
  int& number = last_number_.try_emplace(name, 1).first->second;
  while (!taken_.insert(unique).second) unique = name + "-" + std::to_string(++number);
  return unique;
}

void write_media_block(BodyWriter& json, const MediaPart& media, MediaForm form, DocumentNames& names) {
  json.begin_object().key(form.block).begin_object().field("format", form.format);
  if (form.block == "document") json.field("name", names.name_for(media.filename));
  json.key("source").begin_object();
  if (media.data.empty()) {
    json.key("s3Location").begin_object().field("uri", media.url).end_object();
  } else {
    json.field("bytes", media.data);
  }
  json.end_object().end_object().end_object();
}

}  // namespace aiw::bedrock
