#include "worker/leanspec/markdown_blocks.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/ascii.hpp"
#include "worker/base/white_space.hpp"

namespace aiw {
namespace {

// Limit on the nesting of block quotes and list items. Deeper markers are read as text.
constexpr std::size_t kMaxContainers = 100;
constexpr std::size_t kCodeIndent = 4;

bool is_space(char c) { return c == ' ' || c == '\t'; }

// Position in a line, in bytes and in columns. A tab extends to the next multiple of four columns.
class LineCursor {
 public:
  explicit LineCursor(std::string_view line) : line_(line) {}

  [[nodiscard]] std::string_view rest() const { return line_.substr(at_); }
  // Returns the text after leading white space.
  [[nodiscard]] std::string_view text() const {
    return line_.substr(std::min(line_.find_first_not_of(" \t", at_), line_.size()));
  }
  // Returns the width of leading white space, in columns.
  [[nodiscard]] std::size_t indent() const {
    LineCursor ahead = *this;
    while (ahead.at_ < line_.size() && is_space(line_[ahead.at_])) ahead.skip_columns(1);
    return ahead.column_ - column_;
  }
  // Whether there are that many, without a look at what follows them.
  [[nodiscard]] bool is_indented(std::size_t columns) const {
    LineCursor ahead = *this;
    ahead.skip_columns(columns);
    return ahead.column_ - column_ == columns;
  }
  [[nodiscard]] bool is_blank() const { return text().empty(); }
  void skip_indent() { skip_columns(indent()); }
  void skip_bytes(std::size_t count) {
    at_ += count;
    column_ += count;
  }
  // Skips columns of white space. A tab may be consumed in part.
  void skip_columns(std::size_t count) {
    for (; count > 0 && at_ < line_.size() && is_space(line_[at_]); --count) {
      ++column_;
      if (line_[at_] == ' ' || column_ % 4 == 0) ++at_;
    }
  }

 private:
  std::string_view line_;
  std::size_t at_ = 0, column_ = 0;
};

std::size_t run_length(std::string_view text, char c) { return std::min(text.find_first_not_of(c), text.size()); }

// Level of an ATX heading (4.2); 0: not a heading.
int atx_level(std::string_view text) {
  const auto level = run_length(text, '#');
  const bool ends = level == text.size() || is_space(text[level]);
  return level >= 1 && level <= 6 && ends ? static_cast<int>(level) : 0;
}

// Level of a setext heading's underline (4.3); 0: not an underline.
int underline_level(std::string_view text) {
  if (text.empty() || (text.front() != '=' && text.front() != '-')) return 0;
  if (!is_blank(text.substr(run_length(text, text.front())))) return 0;
  return text.front() == '=' ? 1 : 2;
}

// --- HTML blocks (4.6) ----------------------------------------------------------------------------------------------

enum class Html { none, raw, comment, instruction, declaration, cdata, tag };  // `tag` ends at a blank line

// Returns the tag name at the beginning of the text, in lower case.
std::string tag_name(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && (is_ascii_alnum(text[length]) || (length > 0 && text[length] == '-'))) ++length;
  if (length > 0 && !is_ascii_letter(text.front())) return {};
  return ascii_lower(text.substr(0, length));
}

bool is_raw_tag(std::string_view name) {
  return name == "script" || name == "pre" || name == "textarea" || name == "style";
}

bool is_block_tag(std::string_view name) {
  static constexpr std::array<std::string_view, 62> kNames = {
      "address",  "article",    "aside",  "base",    "basefont", "blockquote", "body",     "caption",  "center",
      "col",      "colgroup",   "dd",     "details", "dialog",   "dir",        "div",      "dl",       "dt",
      "fieldset", "figcaption", "figure", "footer",  "form",     "frame",      "frameset", "h1",       "h2",
      "h3",       "h4",         "h5",     "h6",      "head",     "header",     "hr",       "html",     "iframe",
      "legend",   "li",         "link",   "main",    "menu",     "menuitem",   "nav",      "noframes", "ol",
      "optgroup", "option",     "p",      "param",   "search",   "section",    "summary",  "table",    "tbody",
      "td",       "tfoot",      "th",     "thead",   "title",    "tr",         "track",    "ul"};
  return std::ranges::find(kNames, name) != kNames.end();
}

void skip_space(std::string_view& text) { text = text.substr(std::min(text.find_first_not_of(" \t"), text.size())); }

// Returns the text after ` name` or ` name=value`; nothing if `text` does not begin with an attribute.
std::optional<std::string_view> behind_attribute(std::string_view text) {
  if (text.empty() || !is_space(text.front())) return std::nullopt;
  skip_space(text);
  const auto is_first = [](char c) { return is_ascii_letter(c) || c == '_' || c == ':'; };
  const auto is_name = [&](char c) { return is_first(c) || is_ascii_digit(c) || c == '.' || c == '-'; };
  if (text.empty() || !is_first(text.front())) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(std::ranges::find_if_not(text, is_name) - text.begin()));
  const std::string_view behind_name = text;
  skip_space(text);
  if (!text.starts_with('=')) return behind_name;
  text.remove_prefix(1);
  skip_space(text);
  if (text.starts_with('"') || text.starts_with('\'')) {
    const auto end = text.find(text.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    return text.substr(end + 1);
  }
  const auto length = std::min(text.find_first_of(" \t\"'=<>`"), text.size());
  if (length == 0) return std::nullopt;
  return text.substr(length);
}

// Returns true if the whole text is one opening or closing tag.
bool is_lone_tag(std::string_view text) {
  text.remove_prefix(1);
  const bool closes = text.starts_with('/');
  if (closes) text.remove_prefix(1);
  const std::string name = tag_name(text);
  if (name.empty() || (!closes && is_raw_tag(name))) return false;
  text.remove_prefix(name.size());
  while (!closes) {
    const auto behind = behind_attribute(text);
    if (!behind) break;
    text = *behind;
  }
  skip_space(text);
  if (!closes && text.starts_with('/')) text.remove_prefix(1);
  return text.starts_with('>') && is_blank(text.substr(1));
}

// Returns the kind of HTML block that begins at `text`, which follows the line's leading white space.
Html html_start(std::string_view text, bool in_paragraph) {
  if (!text.starts_with('<')) return Html::none;
  if (text.starts_with("<!--")) return Html::comment;
  if (text.starts_with("<?")) return Html::instruction;
  if (text.starts_with("<![CDATA[")) return Html::cdata;
  if (text.size() > 2 && text[1] == '!' && is_ascii_letter(text[2])) return Html::declaration;
  const bool closes = text.starts_with("</");
  const std::string name = tag_name(text.substr(closes ? 2 : 1));
  const std::string_view behind = text.substr((closes ? 2 : 1) + name.size());
  const bool ends = behind.empty() || is_space(behind.front()) || behind.front() == '>';
  if (!closes && is_raw_tag(name) && ends) return Html::raw;
  if (is_block_tag(name) && (ends || behind.starts_with("/>"))) return Html::tag;
  return !in_paragraph && is_lone_tag(text) ? Html::tag : Html::none;
}

bool html_ends(Html kind, std::string_view text) {
  const auto has = [&](std::string_view end) { return text.find(end) != std::string_view::npos; };
  switch (kind) {
    case Html::comment: return has("-->");
    case Html::instruction: return has("?>");
    case Html::declaration: return has(">");
    case Html::cdata: return has("]]>");
    case Html::raw: {
      const std::string lower = ascii_lower(text);
      return std::ranges::any_of(std::array<std::string_view, 4>{"</script>", "</pre>", "</textarea>", "</style>"},
                                 [&](auto end) { return lower.find(end) != std::string::npos; });
    }
    case Html::tag:
    case Html::none: break;
  }
  return false;
}

// --- reader ---------------------------------------------------------------------------------------------------------

struct Container {
  bool is_quote = false;
  std::size_t width = 0;     // columns of a list item's marker with the space around it
  bool has_content = false;  // an empty list item ends at the next blank line
};

struct Fence {
  char mark = '`';
  std::size_t length = 0;
};

// A character that is no part of a break of these marks.
struct Foreign {
  std::size_t line = 0, from_end = 0;
  char mark = 0;
};

class MarkdownReader {
 public:
  explicit MarkdownReader(std::span<const std::string_view> lines) : lines_(lines), read_(lines.size()) {}

  std::vector<MarkdownLine> read() {
    for (line_ = 0; line_ < lines_.size(); ++line_) {
      std::string_view text = lines_[line_];
      while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
      read_line(LineCursor(text));
    }
    return std::move(read_);
  }

 private:
  enum class Leaf { none, paragraph, fence, code, html };  // innermost open block that holds text

  void read_line(LineCursor at) {
    begins_plainly_ = true;
    const std::size_t matched = match_containers(at);
    all_matched_ = matched == open_.size();
    if (all_matched_ && continue_leaf(at)) return;
    open_blocks(at, matched);
  }

  // Skips the markers and white space of the open containers that continue. Returns their number.
  std::size_t match_containers(LineCursor& at) {
    if (at.is_blank()) return match_blank(at);
    std::size_t matched = 0;
    for (; matched < open_.size(); ++matched) {
      const Container& container = open_[matched];
      if (container.is_quote) {
        if (at.is_indented(kCodeIndent) || !at.text().starts_with('>')) break;
        skip_quote_mark(at);
      } else if (at.is_indented(container.width)) {
        at.skip_columns(container.width);
      } else if (!at.is_blank() || !container.has_content) {
        break;
      }
    }
    return matched;
  }

  // A blank line ends the outermost quote, and an item that has nothing yet. One look, however many are open.
  std::size_t match_blank(const LineCursor& at) {
    if (outer_items_ < open_.size()) return outer_items_;
    if (open_.empty() || open_.back().has_content) return open_.size();
    std::size_t columns = 0;
    for (const Container& item : open_) columns += item.width;
    return at.is_indented(columns) ? open_.size() : open_.size() - 1;
  }

  void skip_quote_mark(LineCursor& at) {
    begins_plainly_ = false;
    at.skip_indent();
    at.skip_bytes(1);
    at.skip_columns(1);
  }

  // Returns true if the line continues the open leaf, or is blank. Updates the leaf.
  bool continue_leaf(const LineCursor& at) {
    const bool blank = at.is_blank();
    switch (leaf_) {
      case Leaf::fence:
        mark_literal();
        if (at.indent() < kCodeIndent && closes_fence(at.text())) leaf_ = Leaf::none;
        return true;
      case Leaf::html:
        if (html_ == Html::tag && blank) leaf_ = Leaf::none;
        if (leaf_ == Leaf::none) return true;
        add_html(at);
        return true;
      case Leaf::code:
        if (blank || at.indent() >= kCodeIndent) return true;
        leaf_ = Leaf::none;
        return false;
      case Leaf::paragraph:
        if (blank) leaf_ = Leaf::none;
        return blank;
      case Leaf::none: break;
    }
    return blank;
  }

  void add_html(const LineCursor& at) {
    if (html_ == Html::tag) {
      mark_atx(at);
    } else {
      mark_literal();
    }
    if (html_ends(html_, at.rest())) leaf_ = Leaf::none;
  }

  bool closes_fence(std::string_view text) const {
    const auto length = run_length(text, fence_.mark);
    return length >= fence_.length && is_blank(text.substr(length));
  }

  // `matched` containers continue. The others end, unless the line lazily continues a paragraph in them.
  void open_blocks(LineCursor at, std::size_t matched) {
    // A paragraph can be interrupted or underlined only within the same containers.
    bool in_paragraph = all_matched_ && leaf_ == Leaf::paragraph;
    while (true) {
      const std::string_view text = at.text();
      if (at.indent() >= kCodeIndent) {
        if (leaf_ == Leaf::paragraph || text.empty()) break;
        end_to(matched);
        return set_leaf(Leaf::code);
      }
      if (text.starts_with('>') && matched < kMaxContainers) {
        end_to(matched);
        open({.is_quote = true, .has_content = true});
        skip_quote_mark(at);
      } else if (const int level = atx_level(text); level > 0) {
        end_to(matched);
        mark_atx(at);
        return set_leaf(Leaf::none);
      } else if (const auto fence = opens_fence(text)) {
        end_to(matched);
        fence_ = *fence;
        mark_literal();
        return set_leaf(Leaf::fence);
      } else if (const Html html = html_start(text, in_paragraph || leaf_ == Leaf::paragraph); html != Html::none) {
        end_to(matched);
        html_ = html;
        set_leaf(Leaf::html);
        return add_html(at);
      } else if (const int underline = in_paragraph ? underline_level(text) : 0; underline > 0) {
        mark_setext(underline);
        return set_leaf(Leaf::none);
      } else if (is_break(text)) {
        end_to(matched);
        return set_leaf(Leaf::none);
      } else if (!open_item(at, matched, in_paragraph)) {
        break;
      }
      matched = open_.size();
      in_paragraph = false;
    }
    add_text(at, matched);
  }

  void add_text(const LineCursor& at, std::size_t matched) {
    if (!at.is_blank() && leaf_ == Leaf::paragraph) return;  // the paragraph continues, perhaps lazily
    end_to(matched);
    if (at.is_blank()) return;
    paragraph_ = line_;
    // A setext heading counts only outside of containers.
    paragraph_is_plain_ = open_.empty();
    set_leaf(Leaf::paragraph);
  }

  // Thematic breaks (4.1). A line is asked again behind each of its markers: what was found in it then is in it still.
  bool is_break(std::string_view text) {
    if (text.empty() || std::string_view("*-_").find(text.front()) == std::string_view::npos) return false;
    const char mark = text.front();
    if (foreign_.line == line_ && foreign_.mark == mark && foreign_.from_end <= text.size()) return false;
    const auto found = std::ranges::find_if_not(text, [mark](char c) { return c == mark || is_space(c); });
    if (found == text.end()) return std::ranges::count(text, mark) >= 3;
    foreign_ = {line_, static_cast<std::size_t>(text.end() - found), mark};
    return false;
  }

  static std::optional<Fence> opens_fence(std::string_view text) {
    if (text.empty() || (text.front() != '`' && text.front() != '~')) return std::nullopt;
    const Fence fence{text.front(), run_length(text, text.front())};
    const bool is_inline = fence.mark == '`' && text.find('`', fence.length) != std::string_view::npos;
    if (fence.length < 3 || is_inline) return std::nullopt;
    return fence;
  }

  // Opens a list item (5.2) and skips its marker. Returns false if no item begins here.
  bool open_item(LineCursor& at, std::size_t matched, bool in_paragraph) {
    if (matched >= kMaxContainers) return false;
    const std::string_view text = at.text();
    const auto marker = marker_length(text, in_paragraph);
    if (marker == 0) return false;
    const std::string_view behind = text.substr(marker);
    if (!behind.empty() && !is_space(behind.front())) return false;
    if (in_paragraph && is_blank(behind)) return false;
    end_to(matched);
    begins_plainly_ = false;
    const std::size_t indent = at.indent();
    at.skip_indent();
    at.skip_bytes(marker);
    const std::size_t space = at.indent();
    const bool one = is_blank(behind) || space > kCodeIndent;
    at.skip_columns(one ? 1 : space);
    open({.width = indent + marker + (one ? 1 : space)});
    return true;
  }

  static std::size_t marker_length(std::string_view text, bool in_paragraph) {
    if (text.empty()) return 0;
    if (std::string_view("*+-").find(text.front()) != std::string_view::npos) return 1;
    const auto digits = static_cast<std::size_t>(std::ranges::find_if_not(text, is_ascii_digit) - text.begin());
    if (digits == 0 || digits > 9 || digits == text.size() || (text[digits] != '.' && text[digits] != ')')) return 0;
    const std::string_view number = text.substr(0, digits);
    if (in_paragraph && number.find_first_not_of('0') != digits - 1) return 0;
    if (in_paragraph && number.back() != '1') return 0;
    return digits + 1;
  }

  void open(Container container) {
    if (!open_.empty()) open_.back().has_content = true;
    if (outer_items_ == open_.size() && !container.is_quote) ++outer_items_;
    open_.push_back(container);
    leaf_ = Leaf::none;
  }
  void set_leaf(Leaf leaf) {
    if (!open_.empty()) open_.back().has_content = true;
    leaf_ = leaf;
  }
  void end_to(std::size_t containers) {
    if (open_.size() > containers || !all_matched_) leaf_ = Leaf::none;
    open_.resize(std::min(open_.size(), containers));
    outer_items_ = std::min(outer_items_, open_.size());
    all_matched_ = true;
  }

  void mark_literal() { read_[line_].is_literal = true; }
  void mark_atx(const LineCursor& at) {
    const int level = atx_level(at.text());
    const std::string_view line = lines_[line_];
    const auto first = std::min(line.find_first_not_of(' '), line.size());
    const bool plain = begins_plainly_ && first < kCodeIndent && line.substr(first).starts_with('#');
    if (level > 0 && plain) read_[line_].heading = level, read_[line_].heading_lines = 1;
  }
  void mark_setext(int level) {
    if (!paragraph_is_plain_) return;
    read_[paragraph_].heading = level;
    read_[paragraph_].heading_lines = line_ - paragraph_ + 1;
  }

  const std::span<const std::string_view> lines_;
  std::vector<MarkdownLine> read_;
  std::size_t line_ = 0;
  std::vector<Container> open_;
  std::size_t outer_items_ = 0;  // of open_: list items that no quote is around
  Leaf leaf_ = Leaf::none;
  Fence fence_;
  Html html_ = Html::none;
  Foreign foreign_;
  std::size_t paragraph_ = 0;  // first line of the current paragraph
  bool paragraph_is_plain_ = false;
  bool all_matched_ = true;
  bool begins_plainly_ = true;  // no quote mark or list marker before the text of the line
};

}  // namespace

std::vector<MarkdownLine> read_markdown_lines(std::span<const std::string_view> lines) {
  return MarkdownReader(lines).read();
}

}  // namespace aiw
