//! Texts of `Chart.yaml` that may be shown.

/// Spaces of any kind become a space; what cannot be printed goes (CVE-2021-21303: terminal control codes).
pub(super) fn sanitise(text: &mut String) {
    let odd = |c: char| c != ' ' && (c.is_whitespace() || c.is_control() || !printable(c));
    if text.contains(odd) {
        *text = text
            .chars()
            .filter_map(|c| {
                if c.is_whitespace() {
                    Some(' ')
                } else {
                    (!c.is_control() && printable(c)).then_some(c)
                }
            })
            .collect();
    }
}

/// Whether a character has a shape: no format characters, private use, or surrogates' relatives.
fn printable(c: char) -> bool {
    !matches!(u32::from(c),
        0xAD | 0x600..=0x605 | 0x61C | 0x6DD | 0x70F | 0x180E
        | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0xE000..=0xF8FF
        | 0xFEFF | 0xFFF0..=0xFFFB | 0xFFFE | 0xFFFF | 0xE0000..=0x10_FFFF)
}
