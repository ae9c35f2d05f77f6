use super::compile;

#[test]
fn what_would_be_huge_is_refused() {
    for pattern in [
        r"\pL{1000}{1000}",
        r"((\pL{100}){10}){10}",
        r"(\pL{1000}|\pN{1000}){1}",
    ] {
        assert!(compile(pattern.as_bytes()).is_err(), "{pattern}");
    }
    assert!(compile("(".repeat(100_000).as_bytes()).is_err());
    assert!(compile(format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000)).as_bytes()).is_err());
}

#[test]
fn an_error_names_what_is_wrong() {
    assert_eq!(
        compile(b"a[b").unwrap_err().to_string(),
        "error parsing regexp: missing closing ]: `[b`"
    );
}
