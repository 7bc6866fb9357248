#include "worker/providers/anthropic_messages/sources.hpp"

#include <string>

namespace aiw::anthropic_messages {

// docs.anthropic.com, "Citations" and "Search results": a web_search_result_location has url and title, a
// search_result_location source (what the request called it, mostly a URL) and title; char_location, page_location and
// content_block_location have document_index, document_title and, for uploaded files, file_id.
Source to_source(const EventJson& json, const JsonElement& citation) {
  const auto text = [&](std::string_view key) { return json.plain_text(get_string_or_empty(citation, key)); };
  Source source;
  source.quote = text("cited_text");
  source.url = text("url");
  if (source.url.empty()) source.url = text("source");
  if (!source.url.empty()) {
    source.title = text("title");
    return source;
  }
  source.type = Source::Type::document;
  source.id = text("file_id");
  const auto index = get_count(citation, "document_index");
  if (source.id.empty() && index) source.id = std::to_string(*index);
  source.title = text("document_title");
  return source;
}

}  // namespace aiw::anthropic_messages
