//! The bill as Markdown.

use std::fmt::Write as _;

use super::Bill;
use crate::commands::size;

/// Writes the whole page.
pub(super) fn write(bill: &Bill) -> String {
    let mut text = format!("# {}\n\n", cell(&bill.title()));
    for fact in bill.facts() {
        let _ = writeln!(text, "- **{}:** {}", fact.name, cell(&fact.text));
    }
    if !bill.images.is_empty() {
        text.push_str("\n## Images\n\n| Image | Digest | Size | Platforms | Why it is here | Signed by |\n|---|---|--:|---|---|---|\n");
    }
    for line in &bill.images {
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {} | {} | {} |",
            cell(&line.reference.to_string()),
            line.digest,
            size(line.bytes),
            cell(&line.platforms.join(", ")),
            cell(&line.why.join("; ")),
            cell(&line.vouched()),
        );
    }
    if !bill.charts.is_empty() {
        text.push_str("\n## Charts\n\n| Chart | SHA-256 | Size |\n|---|---|--:|\n");
    }
    for line in &bill.charts {
        let _ = writeln!(
            text,
            "| {} | `{}` | {} |",
            cell(&line.path),
            line.digest.hex(),
            size(line.bytes)
        );
    }
    text
}

/// Text of strangers in a table: nothing in it ends the cell or begins markup.
fn cell(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match c {
            '|' | '<' | '>' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '&' => {
                shown.push('\\');
                shown.push(c);
            }
            '\n' | '\r' => shown.push(' '),
            c => shown.push(c),
        }
    }
    shown
}
