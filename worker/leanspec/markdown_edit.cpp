#include "worker/leanspec/markdown_edit.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "protocol/ascii.hpp"
#include "worker/base/white_space.hpp"
#include "worker/leanspec/markdown_blocks.hpp"

namespace aiw {
namespace {

// More than any spec has. What an edit keeps for each line would otherwise be many times an empty line's byte.
constexpr std::ptrdiff_t kMaxLines = 250'000;
constexpr std::size_t kMaxDependencies = 10'000;
// Each item of a spec is searched for it.
constexpr std::size_t kMaxItemBytes = 1'024;

bool has_too_many_lines(std::string_view text) { return std::ranges::count(text, '\n') > kMaxLines; }

std::unexpected<std::string> too_many_lines(std::string_view what) {
  return std::unexpected(std::string(what) + " has more than " + std::to_string(kMaxLines) + " lines");
}

// Parts of the text, each with its line end.
using Lines = std::vector<std::string_view>;

Lines split_lines(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// Where the line begins in the text that was split; its end for the line behind the last one.
std::size_t offset_of(std::string_view text, const Lines& lines, std::size_t line) {
  return line == lines.size() ? text.size() : static_cast<std::size_t>(lines[line].data() - text.data());
}

// Returns the text without blank lines at the beginning and white space at the end. The first line keeps its indent.
std::string_view trim_lines(std::string_view text) {
  const auto first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  const auto line = text.rfind('\n', first) + 1;  // 0 without a line break
  return text.substr(line, text.find_last_not_of(kWhiteSpace) + 1 - line);
}

// Returns the line end that the text uses.
std::string_view line_end(const Lines& lines) {
  return !lines.empty() && lines.front().ends_with("\r\n") ? "\r\n" : "\n";
}

// Returns the index of the line after the frontmatter's closing ---; 0 without frontmatter.
std::size_t body_start(const Lines& lines) {
  if (lines.empty() || trim(lines[0]) != "---") return 0;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].starts_with("---") && trim(lines[i]) == "---") return i + 1;
  }
  return 0;
}

// --- depends_on -----------------------------------------------------------------------------------------------------

// Returns the text of a YAML scalar, for the forms that the name of a spec can have.
std::string unquoted(std::string_view scalar) {
  scalar = trim(scalar);
  const bool quoted =
      scalar.size() >= 2 && (scalar.front() == '\'' || scalar.front() == '"') && scalar.back() == scalar.front();
  if (!quoted) return std::string(trim(scalar.substr(0, scalar.find(" #"))));
  std::string text;
  const bool single = scalar.front() == '\'';
  scalar = scalar.substr(1, scalar.size() - 2);
  for (std::size_t i = 0; i < scalar.size(); ++i) {
    if (i + 1 < scalar.size() && (single ? scalar.substr(i, 2) == "''" : scalar[i] == '\\')) ++i;
    text += scalar[i];
  }
  return text;
}

// Returns the text as a YAML scalar. It stays plain only if YAML cannot read it as a number, a date or a keyword.
std::string quoted(std::string_view text) {
  const auto is_name_char = [](char c) { return is_ascii_alnum(c) || c == '-' || c == '_'; };
  const bool plain = std::ranges::all_of(text, is_name_char) && std::ranges::any_of(text, is_ascii_letter) &&
                     text.find('-') != std::string_view::npos && text.front() != '-';
  if (plain) return std::string(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

struct Dependencies {
  std::size_t begin, end;  // line range of the entry; empty: insertion point
  std::vector<std::string> names;
};

bool is_list_item(std::string_view line) {
  const std::string_view item = trim(line);
  return item == "-" || item.starts_with("- ");
}

// Returns nothing if the entry has an unsupported form, which an edit would damage.
std::optional<Dependencies> find_dependencies(const Lines& lines, std::size_t frontmatter_end) {
  constexpr std::string_view kKey = "depends_on:";
  Dependencies found{frontmatter_end, frontmatter_end, {}};
  for (std::size_t i = 1; i < frontmatter_end; ++i) {
    if (!lines[i].starts_with(kKey)) continue;
    found.begin = i;
    found.end = i + 1;
    std::string_view rest = trim(lines[i].substr(kKey.size()));
    if (rest.starts_with('#')) rest = {};
    if (rest.starts_with('[')) {
      if (!rest.ends_with(']')) return std::nullopt;
      rest = rest.substr(1, rest.size() - 2);
      while (!trim(rest).empty() && found.names.size() <= kMaxDependencies) {
        const auto comma = std::min(rest.find(','), rest.size());
        found.names.push_back(unquoted(rest.substr(0, comma)));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
      }
    } else if (!rest.empty() && rest != "null" && rest != "~") {
      if (rest.find_first_of("&*!|>{") == 0) return std::nullopt;
      found.names.push_back(unquoted(rest));
    }
    for (; found.end < frontmatter_end; ++found.end) {
      const std::string_view line = trim(lines[found.end]);
      if (is_list_item(lines[found.end])) {
        found.names.push_back(unquoted(line.substr(1)));
      } else if (!line.empty() && !line.starts_with('#')) {
        break;
      }
    }
    return found;
  }
  return found;
}

Edited edit_dependencies(std::string_view text, std::string_view spec, bool add) {
  const bool usable =
      std::ranges::none_of(spec, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (trim(spec).empty() || !usable) return std::unexpected("dependsOn is not the name of a spec");
  if (has_too_many_lines(text)) return too_many_lines("the spec");
  const Lines lines = split_lines(text);
  const std::size_t body = body_start(lines);
  if (body == 0) return std::unexpected("the spec has no frontmatter");
  auto found = find_dependencies(lines, body - 1);
  if (!found) return std::unexpected("depends_on in the frontmatter is not a list of names");
  if (found->names.size() > kMaxDependencies) {
    return std::unexpected("depends_on has more than " + std::to_string(kMaxDependencies) + " names");
  }
  const bool is_there = std::ranges::count(found->names, spec) > 0;
  if (add && is_there) return std::string(text);
  if (!add && !is_there) return std::unexpected("the spec does not depend on " + std::string(spec));
  if (add) {
    found->names.emplace_back(spec);
  } else {
    std::erase(found->names, spec);
  }
  const std::string end(line_end(lines));
  std::string edited(text.substr(0, offset_of(text, lines, found->begin)));
  if (!found->names.empty()) edited += "depends_on:" + end;
  for (const auto& name : found->names) edited += "  - " + quoted(name) + end;
  return edited.append(text.substr(offset_of(text, lines, found->end)));
}

// --- sections -------------------------------------------------------------------------------------------------------

// Reads the lines below the frontmatter. The lines of the frontmatter get default values.
std::vector<MarkdownLine> read_body(const Lines& lines) {
  const std::size_t body = body_start(lines);
  std::vector<MarkdownLine> read(body);
  const auto below = read_markdown_lines(std::span(lines).subspan(body));
  read.insert(read.end(), below.begin(), below.end());
  return read;
}

// Returns the heading text that begins in `line`, without # marks, in lower case.
std::string heading_text(const Lines& lines, std::size_t line, const MarkdownLine& heading) {
  std::string text;
  for (std::size_t i = line; i + 1 < line + heading.heading_lines; ++i) {
    text += text.empty() ? "" : " ";
    text += trim(lines[i]);
  }
  if (heading.heading_lines > 1) return ascii_lower(text);
  std::string_view title = trim(lines[line]);
  title = trim(title.substr(std::min(title.find_first_not_of('#'), title.size())));
  // Closing # marks count only after a space.
  const std::string_view open = title.substr(0, title.find_last_not_of('#') + 1);
  if (open.empty() || open.ends_with(' ') || open.ends_with('\t')) title = trim(open);
  return ascii_lower(title);
}

struct Range {
  std::size_t begin, end;
};

// Returns the range of lines below the section's heading.
std::optional<Range> find_section(const Lines& lines, const std::vector<MarkdownLine>& read, std::string_view section) {
  const std::string wanted = ascii_lower(trim(section));
  std::optional<Range> found;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const int level = read[i].heading;
    if (found && (level == 1 || level == 2)) return Range{found->begin, i};
    if (!found && level == 2 && heading_text(lines, i, read[i]) == wanted) {
      found = Range{i + read[i].heading_lines, lines.size()};
    }
  }
  return found;
}

// Returns true if the lines of `before` from `from` on still have the same meaning at the end of the text.
bool keeps_end(std::string_view text, const std::vector<MarkdownLine>& before, std::size_t from) {
  const auto after = read_body(split_lines(text));
  const auto count = before.size() - from;
  if (after.size() < count) return false;
  return std::equal(before.end() - static_cast<std::ptrdiff_t>(count), before.end(),
                    after.end() - static_cast<std::ptrdiff_t>(count), [](const MarkdownLine& a, const MarkdownLine& b) {
                      return a.heading == b.heading && a.is_literal == b.is_literal;
                    });
}

// The lines of the content, trimmed, each with this line end.
std::string with_line_ends(std::string_view content, std::string_view end) {
  std::string out;
  for (std::string_view line : split_lines(trim_lines(content))) {
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    out.append(line).append(end);
  }
  return out;
}

Edited edit_section(std::string_view text, std::string_view section, std::string_view content, bool keep) {
  if (has_too_many_lines(text)) return too_many_lines("the spec");
  if (has_too_many_lines(content)) return too_many_lines("the content");
  const Lines lines = split_lines(text);
  const auto before = read_body(lines);
  const auto found = find_section(lines, before, section);
  if (!found) return std::unexpected("Section not found: " + std::string(section));
  const std::string end(line_end(lines));
  std::size_t kept = keep ? found->end : found->begin;
  while (kept > found->begin && trim(lines[kept - 1]).empty()) --kept;
  std::string edited(text.substr(0, offset_of(text, lines, kept)));
  if (!edited.ends_with('\n')) edited += end;
  if (!trim(content).empty()) edited += end + with_line_ends(content, end);
  if (found->end < lines.size()) edited += end;
  edited += text.substr(offset_of(text, lines, found->end));
  if (!keeps_end(edited, before, found->end)) {
    return std::unexpected(
        "the edit would change what the lines below the section mean: does the content leave a code block or a comment "
        "open?");
  }
  return edited;
}

}  // namespace

Edited add_dependency(std::string_view text, std::string_view spec) { return edit_dependencies(text, spec, true); }
Edited remove_dependency(std::string_view text, std::string_view spec) { return edit_dependencies(text, spec, false); }

Edited replace_section(std::string_view text, std::string_view section, std::string_view content) {
  return edit_section(text, section, content, false);
}
Edited append_to_section(std::string_view text, std::string_view section, std::string_view content) {
  return edit_section(text, section, content, true);
}

Edited check_item(std::string_view text, std::string_view item, bool checked) {
  if (has_too_many_lines(text)) return too_many_lines("the spec");
  if (item.size() > kMaxItemBytes) {
    return std::unexpected("itemText has more than " + std::to_string(kMaxItemBytes) + " bytes; a part of it will do");
  }
  const Lines lines = split_lines(text);
  const auto read = read_body(lines);
  const std::string wanted = ascii_lower(trim(item));
  for (std::size_t i = body_start(lines); i < lines.size(); ++i) {
    if (read[i].is_literal) continue;
    const std::string line = ascii_lower(trim(lines[i]));
    const bool is_item = line.starts_with("- [ ]") || line.starts_with("- [x]");
    if (!is_item || line.find(wanted) == std::string::npos) continue;
    std::string edited(text);
    edited[edited.find('[', offset_of(text, lines, i)) + 1] = checked ? 'x' : ' ';
    return edited;
  }
  return std::unexpected("Checklist item not found: " + std::string(item));
}

}  // namespace aiw
