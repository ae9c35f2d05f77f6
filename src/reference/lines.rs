//! Lists of references as people write them: one a line.

use super::Reference;

/// An entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'t> {
    /// The line's number, from 1.
    pub number: u32,
    /// What stands on it, without comment, quotes and the dash of a YAML list. It need not be a reference.
    pub text: &'t str,
}

/// The entries of a list of references; `None` if the text is something else.
///
/// One line that can be read makes a list, unless the text begins as a YAML mapping or as JSON: that a line cannot be read
/// must not make a list into something in which nobody looks for references. The lines of a YAML list of single words are
/// entries, too, where one of them has a tag, a digest or a path.
pub fn lines(text: &str) -> Option<Vec<Line<'_>>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let numbered = (1..).zip(text.lines()).filter_map(|(number, line)| {
        let line = line.split(" #").next().unwrap_or_default().trim();
        (!line.is_empty() && !line.starts_with('#') && !matches!(line, "---" | "..."))
            .then_some((number, line))
    });
    let mut entries = Vec::new();
    let mut is_sequence = false;
    for (number, line) in numbered {
        let item = line.strip_prefix("- ").map(str::trim_start);
        is_sequence |= item.is_some();
        let text = item.unwrap_or(line);
        if entries.is_empty() && begins_structure(text) {
            return None;
        }
        entries.push(Line {
            number,
            text: unquoted(text),
        });
    }
    let is_telling = |text: &str| !is_sequence || text.contains(['/', ':', '@']);
    entries
        .iter()
        .any(|line| is_entry(line.text) && is_telling(line.text))
        .then_some(entries)
}

/// Whether YAML or JSON that begins with this line is a mapping, a list in brackets or a directive, and no plain words.
fn begins_structure(line: &str) -> bool {
    line.ends_with(':')
        || line.contains(": ")
        || line.contains(":\t")
        || line.starts_with(['{', '[', '%', '-'])
}

fn unquoted(text: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(text)
}

/// Whether a line could be an entry of a list: one word with a slash, or one that reads as a reference.
fn is_entry(line: &str) -> bool {
    let word = !line.contains(char::is_whitespace) && !line.ends_with(':');
    word && (line.contains('/') || line.parse::<Reference>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Option<Vec<&str>> {
        Some(lines(text)?.into_iter().map(|line| line.text).collect())
    }

    #[test]
    fn a_list_has_comments_blank_lines_and_a_byte_order_mark() {
        let text = "\u{feff}# images\nnginx:1\n\n  quay.io/a/b:2 # pinned\n";
        assert_eq!(texts(text).unwrap(), ["nginx:1", "quay.io/a/b:2"]);
        assert_eq!(lines(text).unwrap().last().unwrap().number, 4);
        assert_eq!(texts("nginx\nredis\n").unwrap(), ["nginx", "redis"]);
    }

    #[test]
    fn a_line_that_cannot_be_read_leaves_the_list_a_list() {
        for bad in [
            "Bad_Ref:1",
            "nginx:1.27,",
            "nginx:1.27 extra",
            "nginx: 1.27",
            ";words",
            "nginx:1\tx",
            "{a",
        ] {
            let text = format!("nginx:1.27\n{bad}\n");
            assert_eq!(texts(&text).unwrap(), ["nginx:1.27", bad], "{bad}");
        }
        assert_eq!(texts("Bad_Ref:1\nnginx:1\n").unwrap().len(), 2);
    }

    #[test]
    fn a_yaml_list_of_references_is_a_list() {
        let text = "---\n- nginx:1.27\n- \"quay.io/a/b:2\"\n- 'c:3'\n";
        assert_eq!(texts(text).unwrap(), ["nginx:1.27", "quay.io/a/b:2", "c:3"]);
        assert_eq!(texts("- one\n- two\n"), None);
        assert_eq!(texts("- op: replace\n  path: /a\n"), None);
        assert_eq!(texts("- - nginx:1\n"), None);
    }

    #[test]
    fn what_begins_as_yaml_or_json_is_no_list() {
        for text in [
            "",
            "# nothing\n---\n",
            "kind: Pod\nspec: {}\n",
            "kind:\tPod\nspec:\n  x\n",
            "kind: ConfigMap\ndata:\n  images: |\n    nginx:1\n    quay.io/a/b:2\n",
            "{\"kind\": \"List\"}",
            "[\"nginx:1\"]",
            "{{- if .Values.a }}\nnginx:1\n{{- end }}\n",
            "two words\nand three more\n",
        ] {
            assert_eq!(texts(text), None, "{text}");
        }
    }
}
