//! Text on a terminal: broken between words where it is wider than the screen, and the words that matter in colour.

/// What follows a line that was broken stands so much further in.
const HANG: usize = 4;

/// The text as a screen of so many columns shows it best; unchanged if nobody looks (`None`).
///
/// Lines are broken between words, so that a name or a `command` stays whole and can be copied. Excerpts of files and
/// lines that are a command to copy (`next: …`) are left to the terminal.
pub fn fitted(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns.filter(|columns| *columns >= 2 * HANG) else {
        return text.to_owned();
    };
    let mut fitted = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if width(line) <= columns || line.starts_with("next: ") || is_excerpt(line) {
            fitted.push_str(line);
        } else {
            break_line(line, columns, &mut fitted);
        }
        fitted.push_str(end);
    }
    fitted
}

/// The labels of an error in colour: they are found at a glance, on dark screens and on light ones.
pub fn painted(text: &str, in_color: bool) -> String {
    const LABELS: [(&str, &str); 4] = [
        ("error:", "\u{1b}[1;31m"),
        ("failed ", "\u{1b}[31m"),
        ("warning ", "\u{1b}[1m"),
        ("hint:", "\u{1b}[1;36m"),
    ];
    if !in_color {
        return text.to_owned();
    }
    let lines = text.split_inclusive('\n').map(|line| {
        let label = LABELS.iter().find(|(label, _)| line.starts_with(label));
        label.map_or_else(
            || line.to_owned(),
            |(label, color)| line.replacen(label, &format!("{color}{label}\u{1b}[0m"), 1),
        )
    });
    lines.collect()
}

fn break_line(line: &str, columns: usize, out: &mut String) {
    let indent = line.chars().take_while(|c| *c == ' ').count();
    let hang = if indent + HANG < columns / 2 {
        indent + HANG
    } else {
        indent
    };
    let mut at = 0;
    let mut gap = indent;
    let mut is_first = true;
    for (word, behind) in words(line.trim_start_matches(' ')) {
        let length = width(word);
        if !is_first && at + gap + length > columns {
            out.push('\n');
            (at, gap) = (0, hang);
        }
        out.extend(std::iter::repeat_n(' ', gap));
        out.push_str(word);
        at += gap + length;
        gap = behind;
        is_first = false;
    }
}

/// The words of a line, each with the number of spaces behind it. What stands in backquotes is one word.
fn words(line: &str) -> Vec<(&str, usize)> {
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let mut quoted = false;
        let end = rest.find(|c| {
            quoted ^= c == '`';
            c == ' ' && !quoted
        });
        let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
        let next = behind.trim_start_matches(' ');
        words.push((word, behind.len() - next.len()));
        rest = next;
    }
    words
}

/// Whether a line belongs to an excerpt of a file: `  3 | images:`.
fn is_excerpt(line: &str) -> bool {
    line.split_once('|')
        .is_some_and(|(margin, _)| margin.chars().all(|c| c == ' ' || c.is_ascii_digit()))
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_between_words_and_hangs() {
        let text = "error: could not copy docker.io/library/nginx:1.27 to the drive\nhint: short\n";
        assert_eq!(
            fitted(text, Some(40)),
            "error: could not copy\n    docker.io/library/nginx:1.27 to the\n    drive\nhint: short\n"
        );
        assert_eq!(fitted(text, None), text);
        assert_eq!(fitted(text, Some(200)), text);
    }

    #[test]
    fn what_is_copied_from_the_screen_stays_whole() {
        let long = "registry.example.com/a/very/long/name/of/an/image:1.2.3";
        assert_eq!(
            fitted(&format!("  {long}  Deployment/web\n"), Some(30)),
            format!("  {long}\n      Deployment/web\n")
        );
        assert_eq!(
            fitted("hint: run `helm dependency build .` first", Some(30)),
            "hint: run\n    `helm dependency build .`\n    first"
        );
        let next = "next: on the other side, carrack import --from /media/usb --to REGISTRY";
        assert_eq!(fitted(next, Some(30)), next);
        let excerpt = " 12 | a line of a file that is longer than the screen is wide";
        assert_eq!(fitted(excerpt, Some(30)), excerpt);
    }

    #[test]
    fn labels_are_painted_and_nothing_else() {
        assert_eq!(
            painted("error: no\n  caused by: error: x\nhint: y", true),
            "\u{1b}[1;31merror:\u{1b}[0m no\n  caused by: error: x\n\u{1b}[1;36mhint:\u{1b}[0m y"
        );
        assert_eq!(painted("error: no", false), "error: no");
    }
}
