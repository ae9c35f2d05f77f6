use serde_json::json;

use super::*;

const PINNED: &str = "quay.io/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn policy(value: serde_json::Value) -> Policy {
    serde_json::from_value(value).unwrap()
}

fn broken(policy: &Policy, reference: &str) -> Vec<String> {
    let reference: Reference = reference.parse().unwrap();
    let image = Image {
        reference: &reference,
        digest: None,
    };
    let violations = policy.check_name(image);
    violations.into_iter().map(|v| v.text).collect()
}

#[test]
fn a_misspelt_word_is_an_error_and_no_policy_without_it() {
    let wrong = json!({"images": [{"match": "*", "signatures": {"keys": ["a"]}}]});
    let error = serde_json::from_value::<Policy>(wrong).unwrap_err();
    assert!(error.to_string().contains("signatures"), "{error}");
}

#[test]
fn an_image_of_a_forbidden_registry_is_named_with_the_registry() {
    let policy = policy(json!({"registries": ["registry.example.com", "*.suse.com"]}));
    assert!(broken(&policy, "registry.suse.com/caasp:1.0").is_empty());
    assert_eq!(
        broken(&policy, "nginx:1.27"),
        ["the policy does not allow the registry docker.io"]
    );
    assert_eq!(
        broken(&policy, "registry.example.com.evil.example/a:1"),
        ["the policy does not allow the registry registry.example.com.evil.example"]
    );
}

#[test]
fn an_empty_list_of_registries_allows_none() {
    assert_eq!(broken(&policy(json!({"registries": []})), "nginx:1").len(), 1);
}

#[test]
fn a_floating_tag_is_refused_and_a_pinned_one_is_not() {
    let policy = policy(json!({"images": [{"match": "*", "latest": false}]}));
    assert_eq!(broken(&policy, "quay.io/a/b").len(), 1);
    assert_eq!(broken(&policy, "quay.io/a/b:latest").len(), 1);
    assert!(broken(&policy, "quay.io/a/b:1").is_empty());
    assert!(broken(&policy, PINNED).is_empty());
}

#[test]
fn the_first_rule_that_matches_holds() {
    let policy = policy(json!({"images": [
        {"match": "quay.io/a/*"},
        {"match": "quay.io/*", "pinned": true},
    ]}));
    assert!(broken(&policy, "quay.io/a/b:1").is_empty());
    assert_eq!(broken(&policy, "quay.io/c/d:1").len(), 1);
    assert!(broken(&policy, "docker.io/library/nginx:1").is_empty());
}

#[test]
fn a_digest_that_is_not_on_the_list_is_refused() {
    let policy = policy(json!({"images": [{"match": "*", "digests": [Digest::sha256(b"good")]}]}));
    let reference: Reference = "quay.io/a/b:1".parse().unwrap();
    let check = |bytes: &[u8]| {
        policy.check_name(Image {
            reference: &reference,
            digest: Some(&Digest::sha256(bytes)),
        })
    };
    assert!(check(b"good").is_empty());
    assert_eq!(check(b"other").len(), 1);
}

#[test]
fn an_old_image_and_one_without_a_date_are_refused() {
    let policy = policy(json!({"images": [{"match": "*", "max-age-days": 10}]}));
    let reference: Reference = "quay.io/a/b:1".parse().unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100 * 86_400);
    let days_ago = |days: u64| Some(now - Duration::from_secs(days * 86_400));
    assert_eq!(policy.check_age(&reference, days_ago(10), now), None);
    assert!(policy.check_age(&reference, days_ago(11), now).is_some());
    assert!(policy.check_age(&reference, None, now).is_some());
}

#[test]
fn a_rule_that_nobody_could_satisfy_is_an_error_of_the_policy() {
    let whom = json!([{"issuer": "https://a.example", "subject": "*"}]);
    for (signature, says) in [
        (json!({}), "names nobody"),
        (json!({"keys": []}), "names nobody"),
        (json!({"identities": whom}), "no `trusted-root`"),
        (json!({"trusted-root": "root.json"}), "no `identities`"),
        (
            json!({"keys": ["a.pub"], "trusted-root": "root.json"}),
            "no `identities`",
        ),
        (
            json!({"identities": whom, "trusted-root": "root.json"}),
            "root.json cannot be used as trusted root",
        ),
    ] {
        let policy = policy(json!({"images": [{"match": "*", "signature": signature}]}));
        let error = Keyring::of(&policy, |_| Ok::<_, crate::trust::Error>("{}".to_owned())).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.is_configuration(), "{error}");
    }
}
