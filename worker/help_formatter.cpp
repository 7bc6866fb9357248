#include "worker/help_formatter.hpp"

namespace aiw {

HelpFormatter::HelpFormatter() { column_width(28); }

// Returns the name of a flag without its value suffix.
std::string HelpFormatter::make_option_name(const CLI::Option* option, bool is_positional) const {
  const std::string name = CLI::Formatter::make_option_name(option, is_positional);
  return name.substr(0, name.find('{'));
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  if (option->get_items_expected_max() == 0) return {};  // a flag
  const std::string name = option->get_name();
  if (name.ends_with("-ms")) return " MS";
  if (name.ends_with("-bytes") || name.ends_with("-memory")) return " BYTES";
  const std::string type = option->get_type_name().substr(0, option->get_type_name().find(':'));
  if (type == "INT" || type == "UINT") return " N";
  return type == "TEXT" ? " NAME" : " " + type;
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  const std::string& preset = option->get_default_str();
  return option->get_description() + (preset.empty() ? "" : " [" + preset + "]");
}

}  // namespace aiw
