// The registry, the names of the wire APIs, the config's schema and the documents name the same APIs.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "worker/providers/provider.hpp"

using namespace aiw;

namespace {

std::string read_file(const char* path) {
  std::ifstream in(std::string(AIW_SOURCE_DIR) + "/" + path);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("every wire API has functions, a name in the schema, and a place in the documents") {
  const std::string guide = read_file("docs/providers.md"), protocol = read_file("docs/protocol-reference.md");
  std::set<std::string> named;
  for (int number = 0; number <= static_cast<int>(Api::mock); ++number) {
    const auto api = static_cast<Api>(number);
    const std::string name(to_string(api));
    CAPTURE(name);
    CHECK(named.insert(name).second);
    CHECK(api_from_name(name) == api);
    CHECK((wire_api(api) == nullptr) == (api == Api::mock));
    if (const WireApi* wire = wire_api(api)) {
      CHECK(static_cast<bool>(wire->build));
      CHECK(static_cast<bool>(wire->make_decoder));
      CHECK(static_cast<bool>(wire->http_error));
      CHECK((wire->list_models == nullptr) == (wire->read_models == nullptr));
    }
    CHECK(guide.find(name) != std::string::npos);
    CHECK(protocol.find("`" + name + "`") != std::string::npos);
  }
  std::set<std::string> of_schema;
  const auto schema = nlohmann::json::parse(read_file("schemas/config.schema.json"));
  const auto collect = [&](const auto& self, const nlohmann::json& value) -> void {
    if (value.is_object() && value.contains("enum") && value["enum"][0] == "openai-chat") {
      for (const auto& name : value["enum"]) of_schema.insert(name.template get<std::string>());
    }
    if (value.is_structured()) {
      for (const auto& member : value) self(self, member);
    }
  };
  collect(collect, schema);
  CHECK(of_schema == named);
}
