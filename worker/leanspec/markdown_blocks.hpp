// Block structure of a Markdown text (CommonMark 0.31), as far as edits need it: which lines are headings, and which
// only look like headings. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace aiw {

struct MarkdownLine {
  // Level of the heading that begins in this line; 0: none. A heading in a block quote or after a list marker does not
  // count. A line that begins with # counts even inside a block of HTML tags, so that an edit does not include it in
  // its section.
  int heading = 0;
  std::size_t heading_lines = 0;  // 1 for ATX; for setext, the lines of the title and its underline
  bool is_literal = false;        // line of a fenced code block, or of HTML without Markdown inside (such as a comment)
};

// Returns one entry for each line. Lines may include their line ends. Takes linear time.
std::vector<MarkdownLine> read_markdown_lines(std::span<const std::string_view> lines);

}  // namespace aiw
