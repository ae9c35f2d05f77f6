use super::*;

const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

fn nodes(policy: &str, repositories: &[&str]) -> Option<Verification> {
    let text = policy.replace("KEY", &serde_json::Value::from(KEY).to_string());
    let value = crate::goyaml::parse(text.as_bytes()).unwrap();
    let policy = serde_json::from_str(&crate::goyaml::to_json(&value).unwrap()).unwrap();
    let policed = Policed::new(policy, std::path::Path::new("")).unwrap();
    let repositories: Vec<Repository> = repositories
        .iter()
        .map(|name| {
            let (host, path) = name.split_once('/').unwrap();
            Repository::new(host, path).unwrap()
        })
        .collect();
    verification(
        &policed,
        &"mirror.lan".parse().unwrap(),
        &Mapping::default(),
        &repositories.iter().collect(),
    )
}

fn signed(identity: Identity) -> Vec<Demand> {
    vec![Demand::Signed {
        keys: vec![KEY.to_owned()],
        identity,
    }]
}

#[test]
fn one_address_is_asked_as_it_is_and_other_identities_are_refused_and_told() {
    let policy = |subject: &str, more: &str| {
        let policy = format!(
            "images: [{{match: reg.example/*, signature: {{identities: [{{issuer: https://a.example, subject: '{subject}'}}], trusted-root: fixtures/keyless/trusted_root.json{more}}}}}]"
        );
        nodes(&policy, &["reg.example/app"]).unwrap()
    };
    let found = policy("ops@example.com", "");
    let demands = &found.scopes["reg.example"];
    let [
        Demand::Keyless {
            signer,
            authorities,
            logs,
            identity,
        },
    ] = demands.as_slice()
    else {
        panic!("{demands:?}");
    };
    assert_eq!(
        (signer.email.as_str(), signer.issuer.as_str()),
        ("ops@example.com", "https://a.example")
    );
    assert!(
        authorities.starts_with("-----BEGIN CERTIFICATE-----"),
        "{authorities}"
    );
    assert_eq!((logs.len(), identity), (1, &Identity::Same));
    assert_eq!(found.gaps.len(), 1, "{:?}", found.gaps);
    for (subject, more) in [
        ("*@example.com", ""),
        ("https://git.example/a@refs/tags/v1", ""),
        ("ops@example.com", ", keys: [KEY]"),
    ] {
        let found = policy(subject, more);
        assert_eq!(found.scopes["reg.example"], [Demand::Refused], "{subject}");
        assert_eq!(found.gaps.len(), 2, "{:?}", found.gaps);
    }
}

#[test]
fn a_pattern_and_a_repository_are_asked_under_their_own_name_and_the_mirrors() {
    let found = nodes(
        "images: [{match: reg.example/shop/*, signature: {keys: [KEY]}}]",
        &["reg.example/shop/app", "quay.io/other"],
    )
    .unwrap();
    assert_eq!(found.others, []);
    let renamed = Identity::Renamed {
        from: "mirror.lan/reg.example/shop".to_owned(),
        to: "reg.example/shop".to_owned(),
    };
    let own = Identity::Repository("reg.example/shop/app".to_owned());
    let expected = [
        ("mirror.lan/reg.example/shop", signed(renamed)),
        ("mirror.lan/reg.example/shop/app", signed(own)),
        ("reg.example/shop", signed(Identity::Same)),
    ];
    let expected = expected.map(|(scope, demands)| (scope.to_owned(), demands));
    assert_eq!(found.scopes, BTreeMap::from(expected));
    assert!(found.gaps.is_empty(), "{:?}", found.gaps);
}

#[test]
fn registries_that_are_not_allowed_are_refused_whatever_comes_later() {
    let found = nodes(
        "registries: [reg.example, '*.suse.com']",
        &["reg.example/a", "registry.suse.com/b", "quay.io/c"],
    )
    .unwrap();
    assert_eq!(found.others, [Demand::Refused]);
    for (scope, demands) in [
        ("reg.example", vec![]),
        ("*.suse.com", vec![]),
        ("mirror.lan/reg.example", vec![]),
        ("mirror.lan/registry.suse.com/b", vec![]),
    ] {
        assert_eq!(found.scopes.get(scope), Some(&demands), "{scope}");
    }
    assert!(!found.scopes.keys().any(|scope| scope.contains("quay.io")));
}

#[test]
fn the_first_rule_counts_although_engines_take_the_longest_scope() {
    let found = nodes(
        "images: [{match: reg.example/*, signature: {keys: [KEY]}}, {match: reg.example/free/*}]",
        &["reg.example/free/app"],
    )
    .unwrap();
    assert_eq!(found.scopes["reg.example/free"], signed(Identity::Same));
    let other_way = nodes(
        "images: [{match: reg.example/free/*}, {match: '*', signature: {keys: [KEY]}}]",
        &["reg.example/free/app"],
    )
    .unwrap();
    assert_eq!(other_way.scopes["reg.example/free"], []);
    assert_eq!(other_way.others, signed(Identity::Same));
}

#[test]
fn what_engines_have_no_word_for_is_told_and_never_let_in() {
    let found = nodes(
        "images: [{match: 'reg.example/a*', signature: {keys: [KEY], signed-as: 'vendor.example/*'}, pinned: true}]",
        &["reg.example/app"],
    )
    .unwrap();
    assert_eq!(found.scopes["reg.example/app"], [Demand::Refused]);
    assert_eq!(found.gaps.len(), 3, "{:?}", found.gaps);
    assert_eq!(
        nodes("images: [{match: '*', pinned: true}]", &["reg.example/app"]),
        None
    );
}
