// Format of --help: option, value type in one word, description, default.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace aiw {

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
};

}  // namespace aiw
