// Images, documents, video and audio as content blocks of the Converse API.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "protocol/chat.hpp"
#include "worker/providers/codec/body_writer.hpp"

namespace aiw::bedrock {

struct MediaForm {
  std::string_view block;   // "image", "document", "video" or "audio"; empty: the API has no block for it
  std::string_view format;  // in the words of the block
};

// Finds the block by media type, file name or the data's first bytes. The API accepts only bytes and s3:// URLs.
MediaForm media_form(const MediaPart& media);

// Names for documents. They must differ within a request and may hold few characters. Names are assigned in order, so
// that a longer history begins with the same ones.
class DocumentNames {
 public:
  std::string name_for(RawString filename);

 private:
  std::set<std::string> taken_;
  std::map<std::string, int> last_number_;  // by name: lower numbers are taken
};

// Writes the block. Requires a form with a block.
void write_media_block(BodyWriter& json, const MediaPart& media, MediaForm form, DocumentNames& names);

}  // namespace aiw::bedrock
