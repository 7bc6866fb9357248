// Edits of a spec's Markdown that LeanSpec's server has no route for. Pure functions. Unchanged parts keep their bytes.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace aiw {

// Edited text, or an error message for the model. Text with more lines than an edit reads is such an error.
using Edited = std::expected<std::string, std::string>;

// Adds `spec` to depends_on in the frontmatter. Changes nothing if it is already listed.
Edited add_dependency(std::string_view text, std::string_view spec);
Edited remove_dependency(std::string_view text, std::string_view spec);

// A section extends from its level-2 heading (case-insensitive) to the next heading of level 1 or 2. Fails if the
// content would change the meaning of the lines below the section.
Edited replace_section(std::string_view text, std::string_view section, std::string_view content);
Edited append_to_section(std::string_view text, std::string_view section, std::string_view content);

// Checks or unchecks the first `- [ ]` or `- [x]` line that contains `item` (case-insensitive). Lines in fenced code
// blocks and HTML comments do not count.
Edited check_item(std::string_view text, std::string_view item, bool checked);

}  // namespace aiw
