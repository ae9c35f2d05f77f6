use super::grammar::is_path_component;
use super::*;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn canonical(text: &str) -> String {
    text.parse::<Reference>()
        .map_or_else(|e| panic!("{text}: {e}"), |r| r.to_string())
}

fn error(text: &str) -> Error {
    match text.parse::<Reference>() {
        Err(error) => error,
        Ok(reference) => panic!("{text} parsed as {reference}"),
    }
}

#[test]
fn short_forms_are_written_out() {
    for (text, expected) in [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("bitnami/redis:7", "docker.io/bitnami/redis:7"),
        ("index.docker.io/library/nginx:1", "docker.io/library/nginx:1"),
        ("registry-1.docker.io/nginx:1", "docker.io/library/nginx:1"),
        ("registry.suse.com/caasp:1.0", "registry.suse.com/caasp:1.0"),
        ("localhost/a:1", "localhost/a:1"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b:1"),
        ("[::1]:5000/a:1", "[::1]:5000/a:1"),
        ("Registry.Example.com/a:V1", "registry.example.com/a:V1"),
        (" \"quay.io/a/b:1\" ", "quay.io/a/b:1"),
        ("docker://quay.io/a/b:1", "quay.io/a/b:1"),
    ] {
        assert_eq!(canonical(text), expected);
    }
}

#[test]
fn a_pinned_tag_keeps_tag_and_digest() {
    let text = format!("gcr.io/distroless/base:nonroot@sha256:{HEX}");
    assert_eq!(canonical(&text), text);
    let digest_only: Reference = format!("gcr.io/distroless/base@sha256:{HEX}").parse().unwrap();
    assert!(digest_only.tag().is_none());
    assert!(!digest_only.is_floating());
}

#[test]
fn what_is_no_reference_says_why() {
    assert_eq!(error(""), Error::Empty);
    assert_eq!(error("repo/x@"), Error::EmptyDigest);
    assert_eq!(error("repo/x:"), Error::EmptyTag);
    assert_eq!(error("/x:1"), Error::NoRepository);
    assert_eq!(error(HEX), Error::ImageId);
    assert!(matches!(error("a/{{ .x }}:1"), Error::Unfilled { marker: "{{" }));
    assert!(matches!(error("a/$(TAG):1"), Error::Unfilled { marker: "$(" }));
    assert!(matches!(error("quay.io/A/b:1"), Error::UpperCase { .. }));
    assert!(matches!(error("Bitnami/redis:7"), Error::UpperCase { .. }));
    assert!(matches!(error("quay.io/a..b/c:1"), Error::BadComponent { .. }));
    assert!(matches!(error("quay.io/a/../b:1"), Error::BadComponent { .. }));
    assert!(matches!(error("quay.io/a:1.0+x"), Error::BadTag { .. }));
    assert!(error("quay.io/a:1.0+x").to_string().contains("written `_`"));
    assert!(matches!(error("quay.io/a@sha256:abc"), Error::BadDigest(_)));
    assert!(matches!(error("-bad.example.com/a:1"), Error::BadHost { .. }));
    assert!(matches!(error("host:port/a:1"), Error::BadHost { .. }));
}

#[test]
fn a_port_that_is_too_large_is_named_with_the_limit() {
    for (text, port) in [
        ("registry.example.com:65536/a:1", "65536"),
        ("registry.example.com:99999/a:1", "99999"),
        ("localhost:123456789012345678901/a", "123456789012345678901"),
        ("[::1]:70000/a:1", "70000"),
    ] {
        assert_eq!(
            error(text).to_string(),
            format!("the port {port} is above 65535, the highest there is")
        );
    }
    for text in ["registry.example.com:65535/a:1", "[::1]:443/a:1"] {
        assert_eq!(canonical(text), text);
    }
    for text in [
        "h.example:-1/a:1",
        "h.example:+80/a:1",
        "h.example:0000080/a:1",
        "h.example:/a:1",
    ] {
        assert!(matches!(error(text), Error::BadHost { .. }), "{text}");
    }
}

#[test]
fn references_are_ordered_by_host_then_path_then_tag() {
    // A dash comes before a slash: as whole texts they would be in another order.
    let ordered = [
        "a.lan/b:1",
        "a.lan/b:2",
        "a.lan/b-c:1",
        "a.lan-x/a:1",
        "b.lan/a:1",
    ];
    let references = ordered.map(|text| text.parse::<Reference>().unwrap());
    assert!(references.is_sorted(), "{references:?}");
    let repository = references[0].repository();
    assert_eq!((repository.host(), repository.path()), ("a.lan", "b"));
}

#[test]
fn a_repository_has_no_tag_and_no_digest() {
    for (text, expected) in [
        ("nginx", "docker.io/library/nginx"),
        ("localhost:5000/a/b", "localhost:5000/a/b"),
        ("docker://quay.io/a/b", "quay.io/a/b"),
    ] {
        assert_eq!(text.parse::<Repository>().unwrap().to_string(), expected);
    }
    for text in [
        "nginx:1",
        "quay.io/a/b:latest",
        &format!("quay.io/a/b@sha256:{HEX}"),
    ] {
        assert!(
            matches!(text.parse::<Repository>(), Err(Error::NotARepository { .. })),
            "{text}"
        );
    }
}

#[test]
fn separators_follow_the_grammar() {
    for good in ["a", "a.b", "a_b", "a__b", "a--b", "a-b_c.d", "0"] {
        assert!(is_path_component(good), "{good}");
    }
    for bad in ["", ".", "..", "a___b", "a._b", "-a", "a-", "a b", "ä"] {
        assert!(!is_path_component(bad), "{bad}");
    }
}

#[test]
fn what_is_printed_parses_to_the_same_value() {
    for text in ["nginx", "localhost:5000/a/b", "quay.io/a/b:1", "[::1]:5000/a:1"] {
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
    }
}
