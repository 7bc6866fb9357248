#include "tools/support/corpus.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>

#include "worker/base/base64.hpp"

namespace aiw::tools {

using nlohmann::json;

namespace {

// Headers of one connection or of the body's coding. The recording has already removed that coding.
const std::set<std::string, std::less<>> kFramingHeaders = {"transfer-encoding", "content-length", "content-encoding",
                                                            "connection", "keep-alive"};

std::optional<json> read_json(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  json value = json::parse(in, nullptr, false);
  if (!in || value.is_discarded()) return std::nullopt;
  return value;
}

std::optional<Script> read_response(const json& response) {
  Script script;
  script.status = response.at("status").get<int>();
  for (const auto& [name, value] : response.at("headers").items()) {
    if (!kFramingHeaders.contains(name)) script.headers.emplace_back(name, value.get<std::string>());
  }
  script.body = response.at("body").get<std::string>();
  if (response.value("encoding", "utf-8") == "base64") {
    std::string bytes;
    if (!base64_decode(script.body, bytes)) return std::nullopt;
    script.body = std::move(bytes);
  }
  script.framing = response.at("streaming").get<bool>() ? Framing::kChunked : Framing::kContentLength;
  return script;
}

std::expected<CorpusCase, std::string> load_case(const std::filesystem::path& folder, const json& entry) {
  const std::filesystem::path file = folder / entry.at("file").get<std::string>();
  std::filesystem::path expected_file = file;
  expected_file.replace_extension(".expected.json");
  const auto recorded = read_json(file);
  auto expected = read_json(expected_file);
  if (!recorded || !expected) return std::unexpected("cannot read " + (recorded ? expected_file : file).string());
  auto response = read_response(recorded->at("response"));
  if (!response) return std::unexpected("no base64 in " + file.string());
  return CorpusCase{entry.at("id"),        entry.at("api"),      entry.at("provider"), entry.at("confidence"),
                    entry.at("streaming"), *std::move(response), *std::move(expected)};
}

std::expected<Corpus, std::string> load_index(const std::filesystem::path& folder, const CorpusSelection& selection) {
  std::ifstream in(folder / "index.jsonl", std::ios::binary);
  if (!in) return std::unexpected("no index.jsonl in " + folder.string());
  Corpus corpus;
  // A selected API without any case must appear with a count of 0, so that it is reported.
  for (const auto& api : selection.apis) corpus.listed[api] = 0;
  for (std::string line; std::getline(in, line);) {
    const json entry = json::parse(line);
    if (!is_selected(entry, selection)) continue;
    ++corpus.listed[entry.at("api").get<std::string>()];
    auto loaded = load_case(folder, entry);
    if (!loaded) return std::unexpected(loaded.error());
    corpus.cases.push_back(*std::move(loaded));
  }
  return corpus;
}

}  // namespace

bool is_selected(const json& entry, const CorpusSelection& selection) {
  const std::string api = entry.at("api"), id = entry.at("id");
  const bool wanted = selection.apis.empty() || std::ranges::find(selection.apis, api) != selection.apis.end();
  return wanted && id.find(selection.filter) != std::string::npos;
}

std::expected<Corpus, std::string> load_corpus(const std::filesystem::path& folder, const CorpusSelection& selection) {
  // The shape of the files is a contract with their author. A violation is reported as a whole, not for each member.
  try {
    return load_index(folder, selection);
  } catch (const json::exception& error) {
    return std::unexpected(folder.string() + " is not a corpus: " + error.what());
  }
}

std::expected<std::vector<AcceptedDifference>, std::string> load_accepted_differences(
    const std::filesystem::path& file) {
  std::vector<AcceptedDifference> out;
  const auto list = read_json(file);
  if (!list) return std::unexpected("cannot read " + file.string());
  try {
    for (const auto& entry : *list) {
      out.push_back({entry.at("id"), entry.at("field"), entry.at("reason")});
      if (out.back().reason.empty())
        return std::unexpected("an accepted difference without a reason: " + out.back().id);
    }
  } catch (const json::exception& error) {
    return std::unexpected(file.string() + ": " + error.what());
  }
  return out;
}

}  // namespace aiw::tools
