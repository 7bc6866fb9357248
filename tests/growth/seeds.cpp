// Writes the shapes as seeds for the fuzz targets. Usage: fuzz_seeds FOLDER; the folder has a subfolder for each
// target.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/growth/shapes.hpp"

namespace {

using namespace aiw::growth;

constexpr std::size_t kMaxBytes = 8192;  // input limit of tests/fuzz/run

// Returns the fuzz target that reads the responses of an API, by its folder name.
std::string target_of(std::string api) {
  if (api.starts_with("ollama")) return "ollama";
  if (api == "vertex") return "gemini_generate";
  if (api == "azure-openai") return "openai_chat";
  for (char& c : api) {
    if (c == '-') c = '_';
  }
  return api;
}

// Writes a seed. The space at its start marks an input without cuts.
void write(const std::filesystem::path& folder, std::string name, std::string_view text) {
  if (text.empty() || text.size() > kMaxBytes || !std::filesystem::is_directory(folder)) return;
  for (char& c : name) {
    if (c == '/' || c == ' ' || c == ':') c = '_';
  }
  std::ofstream(folder / ("growth_" + name), std::ios::binary) << ' ' << text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "fuzz_seeds FOLDER\n"), 64;
  const std::filesystem::path root = argv[1];
  for (const auto& shape : all_shapes()) {
    const Scene scene = shape.scene(2);
    const std::string api = shape.name.substr(0, shape.name.find('/'));
    for (const auto& line : scene.lines) write(root / "lines", shape.name, line);
    if (!scene.provider.empty()) write(root / target_of(api), shape.name, scene.provider.front().body);
    if (api == "mcp") {
      write(root / "mcp_messages", shape.name,
            scene.mcp_noise + R"({"jsonrpc":"2.0","id":3,"result":)" + scene.mcp_result + "}\n" +
                R"({"jsonrpc":"2.0","id":2,"result":)" + scene.mcp_lists.front() + "}\n");
    }
  }
  return 0;
}
