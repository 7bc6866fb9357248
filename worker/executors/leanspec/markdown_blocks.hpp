// The block structure of a Markdown text (CommonMark 0.31), as far as an edit must know it: which lines are headings,
// and which only look like one. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace aiw {

struct MarkdownLine {
  // Level of the heading that begins in this line; 0: none. Headings in block quotes are none, nor is what stands
  // behind a list's marker. A line that begins with # counts in a block of HTML tags too, so that no edit takes it for
  // its own.
  int heading = 0;
  std::size_t heading_lines = 0;  // 1, or those of a title with its underline
  bool is_literal = false;        // of a fenced code block, or of HTML that Markdown means nothing in (a comment)
};

// One for each line; a line may have its line end. Takes time in proportion to the text.
std::vector<MarkdownLine> read_markdown_lines(std::span<const std::string_view> lines);

}  // namespace aiw
