use super::super::Mark;
use super::*;

fn scalars(text: &str) -> Vec<String> {
    let mut scanner = Scanner::new(text);
    let mut found = Vec::new();
    loop {
        match scanner.take().unwrap().kind {
            Kind::StreamEnd => return found,
            Kind::Scalar { text, .. } => found.push(text.into_owned()),
            _ => {}
        }
    }
}

#[test]
fn a_plain_scalar_folds_its_lines() {
    assert_eq!(scalars("a b\n c\n\n\n d #e"), ["a b c\n\nd"]);
    assert_eq!(scalars("{a:b, c: d:}"), ["a:b", "c", "d:"]);
}

#[test]
fn a_quoted_scalar_folds_lines_and_knows_escapes() {
    assert_eq!(scalars(r#""a\x41\u00e9\U0001F600""#), ["aAé😀"]);
    assert_eq!(scalars("\"a  \n\n  b \\\n  c\""), ["a\nb c"]);
    assert_eq!(scalars("'it''s\n b'"), ["it's b"]);
}

#[test]
fn a_block_keeps_strips_or_clips_its_end() {
    assert_eq!(
        scalars("- |\n a\n  b\n\n- |-\n a\n- |+\n a\n\n"),
        ["a\n b\n", "a", "a\n\n"]
    );
    assert_eq!(scalars(">\n a\n b\n\n c\n  d\n e\n"), ["a b\nc\n d\ne\n"]);
    assert_eq!(scalars("|2\n   a\n"), [" a\n"]);
}

#[test]
fn a_scalar_as_it_is_meant_is_borrowed() {
    let mut scanner = Scanner::new("a b c");
    let token = scanner.take().unwrap();
    assert!(matches!(
        token.kind,
        Kind::Scalar {
            text: Cow::Borrowed("a b c"),
            plain: true
        }
    ));
    assert_eq!(token.start, Mark::default());
}
