#include "worker/executors/mcp/mcp_messages.hpp"

#include <algorithm>
#include <array>

#include "protocol/json_writer.hpp"
#include "worker/executors/mcp/json_rpc.hpp"

namespace aiw {
namespace {

constexpr std::array<std::string_view, 4> kRevisions = {kMcpNewestRevision, "2025-06-18", "2025-03-26", "2024-11-05"};
constexpr std::size_t kMaxNameBytes = 256;
constexpr std::size_t kMaxDescriptionBytes = 64 << 10;
constexpr int kMaxSchemaDepth = 100;  // no provider accepts deeper schemas
constexpr std::string_view kAnySchema = R"({"type":"object"})";

// Returns the text of a string member. Skips any other value and returns an empty string.
std::string read_optional_string(JsonReader& in) {
  if (in.type() == JsonType::string) return in.string();
  in.skip();
  return {};
}

bool read_list_changed(JsonReader& in) {
  bool yes = false;
  in.object([&](std::string_view key) {
    if (key == "listChanged" && in.type() == JsonType::boolean) {
      yes = in.boolean();
    } else {
      in.skip();
    }
  });
  return yes;
}

// Reads a server's capabilities: true if it may send notifications on its own.
bool read_sends_notifications(JsonReader& in) {
  bool yes = false;
  if (in.type() != JsonType::object) {
    in.skip();
    return false;
  }
  in.object([&](std::string_view key) {
    yes = yes || key == "logging";
    if (key == "tools" && in.type() == JsonType::object) {
      yes = read_list_changed(in) || yes;
    } else {
      in.skip();
    }
  });
  return yes;
}

bool read_needs_task(JsonReader& in) {
  bool needed = false;
  if (in.type() != JsonType::object) {
    in.skip();
    return false;
  }
  in.object([&](std::string_view key) {
    if (key == "taskSupport") {
      needed = read_optional_string(in) == "required";
    } else {
      in.skip();
    }
  });
  return needed;
}

// Returns the schema without the keys. If the result is invalid JSON, or nests too deeply for a request, returns a
// schema that accepts any object.
std::string schema_without(const SecretValues& keys, std::string_view schema) {
  std::string left = keys.remove_from(schema);
  JsonReader reader(left.data(), left.size(), kMaxSchemaDepth);
  reader.validate();
  return reader.ok() ? left : std::string(kAnySchema);
}

void read_tool(JsonReader& in, const SecretValues& keys, std::vector<McpTool>& tools) {
  McpTool tool;
  std::string title;
  bool needs_task = false;
  in.object([&](std::string_view key) {
    if (key == "name") {
      tool.name = read_optional_string(in);
    } else if (key == "description") {
      tool.description = read_optional_string(in);
    } else if (key == "title") {
      title = read_optional_string(in);
    } else if (key == "inputSchema") {
      const JsonSpan schema = in.value();
      if (schema.is_object()) tool.input_schema = schema.json;
    } else if (key == "execution") {
      needs_task = read_needs_task(in);
    } else {
      in.skip();
    }
  });
  if (tool.name.empty() || tool.name.size() > kMaxNameBytes || needs_task) return;
  if (tool.description.empty()) tool.description = std::move(title);
  if (keys.remove_from(tool.name) != tool.name) return;
  tool.description = sanitize_utf8(keys.remove_from_beginning(tool.description, kMaxDescriptionBytes));
  tool.input_schema = tool.input_schema.empty() ? kAnySchema : schema_without(keys, tool.input_schema);
  tools.push_back(std::move(tool));
}

}  // namespace

std::string initialize_params(std::string_view client_version) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("protocolVersion", kMcpNewestRevision);
  json.key("capabilities").begin_object().end_object();
  json.key("clientInfo").begin_object().field("name", "ai-worker").field("version", client_version).end_object();
  json.end_object();
  return out;
}

std::expected<McpAgreement, std::string> read_initialize_result(JsonSpan result) {
  if (!result.is_object()) return std::unexpected("its response to initialize is not an object");
  McpAgreement agreed;
  JsonReader in = reader_of(result);
  in.object([&](std::string_view key) {
    if (key == "protocolVersion") {
      agreed.revision = read_optional_string(in);
    } else if (key == "capabilities") {
      agreed.sends_notifications = read_sends_notifications(in);
    } else {
      in.skip();
    }
  });
  if (std::ranges::find(kRevisions, agreed.revision) == kRevisions.end()) {
    return std::unexpected("it speaks no revision of the protocol that this worker speaks");
  }
  return agreed;
}

std::string list_params(std::string_view cursor) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  if (!cursor.empty()) json.field("cursor", cursor);
  json.end_object();
  return out;
}

std::expected<McpToolPage, std::string> read_tool_page(JsonSpan result, const SecretValues& keys) {
  McpToolPage page;
  bool has_tools = false;
  if (!result.is_object()) return std::unexpected("its tool list is not an object");
  JsonReader in = reader_of(result);
  in.object([&](std::string_view key) {
    if (key == "tools" && in.type() == JsonType::array) {
      has_tools = true;
      in.array([&] {
        if (in.type() == JsonType::object) {
          read_tool(in, keys, page.tools);
        } else {
          in.skip();
        }
      });
    } else if (key == "nextCursor") {
      page.next_cursor = read_optional_string(in);
    } else {
      in.skip();
    }
  });
  if (!has_tools || !in.ok()) return std::unexpected("its tool list has no tools");
  return page;
}

std::string call_params(std::string_view tool, std::string_view arguments, std::int64_t progress_token) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("name", tool).field("arguments", JsonSpan{arguments});
  json.key("_meta").begin_object().field("progressToken", progress_token).end_object();
  json.end_object();
  return out;
}

std::string cancelled_params(std::int64_t request_id) {
  std::string out;
  JsonWriter(out).begin_object().field("requestId", request_id).field("reason", "no longer wanted").end_object();
  return out;
}

}  // namespace aiw
