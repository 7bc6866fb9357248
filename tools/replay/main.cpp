// Entry point of replay: flags and wiring.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "tools/replay/cassette_run.hpp"
#include "tools/replay/corpus_run.hpp"
#include "tools/replay/record.hpp"
#include "tools/replay/requests/request_run.hpp"
#include "tools/replay/self_test.hpp"
#include "tools/replay/worker_driver.hpp"

namespace {

using namespace aiw::tools;

constexpr int kFailed = 1;  // at least one difference
constexpr int kCannot = 2;  // no comparison was possible

struct Flags {
  std::string worker = default_worker().string();
  std::string save_frames;
  std::string corpus;
  CorpusSelection selection;
  Cut cut;
  std::size_t jobs = 32;
  std::string accepted = AIW_REPLAY_DIR "/accepted_differences.json";
  std::string accepted_requests = AIW_REPLAY_DIR "/requests/accepted_differences.json";
  std::vector<std::string> cassettes;
  std::string record;
};

int cannot(const std::string& why) {
  std::cerr << "replay: " << why << '\n';
  return kCannot;
}

int run_corpus_command(const Flags& flags, std::ostream* frames) {
  const auto corpus = load_corpus(flags.corpus, flags.selection);
  if (!corpus) return cannot(corpus.error());
  const auto accepted = load_accepted_differences(flags.accepted);
  if (!accepted) return cannot(accepted.error());
  const auto report = run_corpus(*corpus, {.worker = flags.worker,
                                           .cut = flags.cut,
                                           .jobs = flags.jobs,
                                           .frames = frames,
                                           .show_progress = true,
                                           .accepted = *accepted});
  if (!report) return cannot(report.error());
  report->print(std::cout);
  return report->passed() ? 0 : kFailed;
}

int run_requests_command(const Flags& flags, std::ostream* frames) {
  const auto recorded = load_recorded_requests(flags.corpus, flags.selection);
  if (!recorded) return cannot(recorded.error());
  const auto accepted = load_accepted_differences(flags.accepted_requests);
  if (!accepted) return cannot(accepted.error());
  const auto report =
      run_requests(*recorded, {.worker = flags.worker, .jobs = flags.jobs, .frames = frames, .accepted = *accepted});
  if (!report) return cannot(report.error());
  report->print(std::cout);
  return report->passed() ? 0 : kFailed;
}

std::vector<std::filesystem::path> cassette_files(const std::vector<std::string>& places) {
  std::vector<std::filesystem::path> files;
  for (const auto& place : places) {
    if (!std::filesystem::is_directory(place)) {
      files.emplace_back(place);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(place)) {
      if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

int run_cassettes_command(const Flags& flags, std::ostream* frames) {
  const auto files = cassette_files(flags.cassettes);
  if (files.empty()) return cannot("no cassettes");
  std::size_t differed = 0;
  for (const auto& file : files) {
    const auto cassette = load_cassette(file);
    if (!cassette) return cannot(cassette.error());
    const auto report = run_cassette(*cassette, {.worker = flags.worker, .frames = frames});
    if (!report) return cannot(report.error());
    std::cout << (report->passed() ? "passed   " : "differed ") << file.string() << '\n';
    for (const auto& difference : report->differences) std::cout << to_text(difference);
    for (const auto& problem : report->problems) std::cout << "    " << problem << '\n';
    differed += report->passed() ? 0u : 1u;
  }
  std::cout << files.size() << " cassettes, " << differed << " differed\n";
  return differed == 0 ? 0 : kFailed;
}

int run_record_command(const Flags& flags) {
  if (flags.cassettes.size() > 1) return cannot("--record takes one file with the request line");
  const bool from_stdin = flags.cassettes.empty() || flags.cassettes.front() == "-";
  const auto request = from_stdin ? parse_cassette("stdin", std::string(std::istreambuf_iterator<char>(std::cin), {}))
                                  : load_cassette(flags.cassettes.front());
  if (!request) return cannot(request.error());
  std::cerr << "replay: asking the provider\n";
  const auto text = record_cassette(*request, flags.worker);
  if (!text) return cannot(text.error());
  std::ofstream out(flags.record, std::ios::binary);
  out << *text << std::flush;
  if (!out) return cannot("cannot write " + flags.record);
  std::cerr << "replay: wrote " << flags.record << "; replaying it\n";
  Flags again = flags;
  again.cassettes = {flags.record};
  return run_cassettes_command(again, nullptr);
}

int run_self_test_command(const Flags& flags) {
  const std::filesystem::path here = AIW_REPLAY_DIR;
  SelfTest test(std::cout);
  test_frames(test);
  std::cerr << "replay: corpus\n";
  test_corpus(test, here / "selftest", flags.worker);
  std::cerr << "replay: requests\n";
  test_requests(test, flags.worker);
  std::cerr << "replay: cassettes\n";
  test_cassettes(test, here / "../../schemas/examples/cassettes", flags.worker);
  test_recording(test, flags.worker);
  test.print_total();
  return test.passed() ? 0 : kFailed;
}

void add_selection_flags(CLI::App& command, Flags& flags) {
  command.add_option("dir", flags.corpus, "folder with index.jsonl and cases/")->required();
  command.add_option("--api", flags.selection.apis, "only this wire API; may be repeated")->allow_extra_args(false);
  command.add_option("--filter", flags.selection.filter, "only cases whose id contains this");
  command.add_option("--jobs", flags.jobs, "chats in flight at once (32)")->check(CLI::Range(1, 10000));
}

void add_request_flags(CLI::App& command, Flags& flags) {
  add_selection_flags(command, flags);
  command.add_option("--accepted", flags.accepted_requests,
                     "JSON file of differences that are known, each with its reason");
}

void add_corpus_flags(CLI::App& command, Flags& flags) {
  add_selection_flags(command, flags);
  const std::map<std::string, Cut::Mode> cuts = {
      {"whole", Cut::Mode::kWhole}, {"random", Cut::Mode::kRandom}, {"bytes", Cut::Mode::kBytes}};
  command.add_option("--cut", flags.cut.mode, "pieces in which a body is sent: whole, random (1 to 97 bytes), bytes")
      ->transform(CLI::CheckedTransformer(cuts))
      ->option_text("whole|random|bytes");
  command.add_option("--seed", flags.cut.seed, "of the random cut (1)");
  command.add_option("--accepted", flags.accepted, "JSON file of differences that are known, each with its reason");
}

void add_cassette_flags(CLI::App& command, Flags& flags) {
  command.add_option("files", flags.cassettes, "cassettes, or folders of them (docs/cassettes.md)");
  command.add_option(
      "--record", flags.record,
      "make this cassette: the request line comes from the one file, or stdin, and goes to its provider");
}

int run(const CLI::App& app, const Flags& flags) {
  std::ofstream file;
  if (!flags.save_frames.empty()) {
    file.open(flags.save_frames, std::ios::binary);
    if (!file) return cannot("cannot write " + flags.save_frames);
  }
  std::ostream* frames = file.is_open() ? &file : nullptr;
  if (app.got_subcommand("corpus")) return run_corpus_command(flags, frames);
  if (app.got_subcommand("requests")) return run_requests_command(flags, frames);
  if (app.got_subcommand("self-test")) return run_self_test_command(flags);
  return flags.record.empty() ? run_cassettes_command(flags, frames) : run_record_command(flags);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Plays recorded provider traffic through a real worker and compares what it makes of it.\n"
      "Exit codes: 0 all as expected, 1 something differed, 2 nothing could be compared.");
  app.require_subcommand(1);
  app.fallthrough();
  Flags flags;
  app.add_option("--worker", flags.worker, "the ai-worker to run (the one beside this program)");
  app.add_option("--save-frames", flags.save_frames, "file for every line that the worker writes");
  add_corpus_flags(*app.add_subcommand("corpus", "recorded cases with expected results"), flags);
  add_request_flags(
      *app.add_subcommand("requests", "recorded requests: what the worker sends for the same conversation"), flags);
  add_cassette_flags(*app.add_subcommand("cassettes", "a parent's own recordings"), flags);
  app.add_subcommand("self-test", "alter one thing at a time and see the comparison fail");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(app, flags);
  } catch (const std::exception& error) {
    return cannot(error.what());
  }
}
