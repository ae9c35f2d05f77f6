use super::*;

#[test]
fn what_a_stranger_wrote_cannot_become_markup() {
    let text = "<script>\"'&\u{1b}[31m\u{202e}";
    assert_eq!(
        Safe(text).to_string(),
        "&lt;script&gt;&quot;&#39;&amp;\\u{1b}[31m\\u{202e}"
    );
}

#[test]
fn an_archive_is_a_name_and_a_version() {
    assert_eq!(named("cert-manager-v1.2.3"), Some(("cert-manager", "v1.2.3")));
    assert_eq!(named("argo-cd-7.6.12"), Some(("argo-cd", "7.6.12")));
    assert_eq!(named("x-1.0.0-rc.1+b"), Some(("x", "1.0.0-rc.1+b")));
}

#[test]
fn sizes_are_for_people() {
    for (bytes, text) in [
        (0, "0 B"),
        (999, "999 B"),
        (1_500, "1.5 kB"),
        (123_456, "123 kB"),
        (1_234_567, "1.2 MB"),
        (5_000_000_000, "5.0 GB"),
        (u64::MAX, "18446744 TB"),
    ] {
        assert_eq!(size(bytes), text);
    }
}
