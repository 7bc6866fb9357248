// replay: flags and wiring.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "tools/replay/corpus_run.hpp"
#include "tools/replay/worker_driver.hpp"

namespace {

using namespace aiw::tools;

constexpr int kFailed = 1;  // something differed
constexpr int kCannot = 2;  // nothing could be compared

struct Flags {
  std::string worker = default_worker().string();
  std::string folder;
  CorpusSelection selection;
  Cut cut;
  std::size_t jobs = 32;
  std::string save_frames;
  std::string accepted;
};

int cannot(const std::string& why) {
  std::cerr << "replay: " << why << '\n';
  return kCannot;
}

int run_corpus_command(const Flags& flags) {
  const auto corpus = load_corpus(flags.folder, flags.selection);
  if (!corpus) return cannot(corpus.error());
  CorpusRunOptions options{.worker = flags.worker, .cut = flags.cut, .jobs = flags.jobs, .show_progress = true};
  auto accepted = load_accepted_differences(flags.accepted);
  if (!accepted) return cannot(accepted.error());
  options.accepted = *std::move(accepted);
  std::ofstream frames;
  if (!flags.save_frames.empty()) {
    frames.open(flags.save_frames, std::ios::binary);
    if (!frames) return cannot("cannot write " + flags.save_frames);
    options.frames = &frames;
  }
  const auto report = run_corpus(*corpus, options);
  if (!report) return cannot(report.error());
  report->print(std::cout);
  return report->passed() ? 0 : kFailed;
}

void add_corpus_flags(CLI::App& command, Flags& flags) {
  const std::map<std::string, Cut::Mode> cuts = {
      {"whole", Cut::Mode::kWhole}, {"random", Cut::Mode::kRandom}, {"bytes", Cut::Mode::kBytes}};
  command.add_option("dir", flags.folder, "folder with index.jsonl and cases/")->required();
  command.add_option("--api", flags.selection.apis, "only this wire API; may be repeated")->allow_extra_args(false);
  command.add_option("--filter", flags.selection.filter, "only cases whose id contains this");
  command.add_option("--cut", flags.cut.mode, "pieces in which a body is sent: whole, random (1 to 97 bytes), bytes")
      ->transform(CLI::CheckedTransformer(cuts));
  command.add_option("--seed", flags.cut.seed, "of the random cut (1)");
  command.add_option("--jobs", flags.jobs, "chats in flight at once (32)")->check(CLI::Range(1, 10000));
  command.add_option("--save-frames", flags.save_frames, "file for every line the worker writes");
  command.add_option("--accepted", flags.accepted, "JSON file of differences that are known, each with its reason");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Plays recorded provider traffic through a real worker and compares what it makes of it.");
  app.require_subcommand(1);
  Flags flags;
  flags.accepted = AIW_REPLAY_DIR "/accepted_differences.json";
  app.add_option("--worker", flags.worker, "the ai-worker to run (the one beside this program)");
  app.fallthrough();
  CLI::App* corpus = app.add_subcommand("corpus", "a folder of recorded cases with expected results");
  add_corpus_flags(*corpus, flags);
  CLI11_PARSE(app, argc, argv);
  if (corpus->parsed()) return run_corpus_command(flags);
  return kCannot;
}
