use super::*;

fn repository(text: &str) -> Repository {
    let (host, path) = text.split_once('/').unwrap();
    Repository::new(host, path).unwrap()
}

fn rules(texts: &[&str]) -> Vec<Rule> {
    texts.iter().map(|t| t.parse().unwrap()).collect()
}

#[test]
fn the_three_schemes_of_the_design() {
    let source = repository("registry.suse.com/caasp/v4");
    assert_eq!(Mapping::default().path_of(&source), "registry.suse.com/caasp/v4");
    assert_eq!(Mapping::new(Place::AtRoot).path_of(&source), "caasp/v4");
    let prefixed = Mapping::default().with_prefix(Some("project")).unwrap();
    assert_eq!(prefixed.path_of(&source), "project/registry.suse.com/caasp/v4");
}

#[test]
fn a_port_is_written_with_a_dash() {
    for (source, path) in [
        ("reg.example:5000/a/b", "reg.example-5000/a/b"),
        ("[fd00::1]:5000/a", "fd00--1-5000/a"),
        ("[::1]:5000/a", "0--1-5000/a"),
        ("localhost/a", "localhost/a"),
    ] {
        let path_of = Mapping::default().path_of(&repository(source));
        assert_eq!(path_of, path);
        assert!(
            Repository::new("x.invalid", &path_of).is_ok(),
            "{path_of} is no legal path"
        );
    }
}

#[test]
fn the_longest_source_decides_and_a_part_of_a_component_does_not() {
    let mapping = Mapping::default().with_rules(rules(&[
        "quay.io=q",
        "quay.io/jetstack=jet",
        "quay.io/jetstack/cert-manager=certs",
    ]));
    for (source, path) in [
        ("quay.io/a/b", "q/a/b"),
        ("quay.io/jetstack/x", "jet/x"),
        ("quay.io/jetstack-more/x", "q/jetstack-more/x"),
        ("quay.io/jetstack/cert-manager", "certs"),
        ("ghcr.io/a", "ghcr.io/a"),
    ] {
        assert_eq!(mapping.path_of(&repository(source)), path);
    }
}

#[test]
fn an_additional_rule_adds_a_place() {
    let mapping = Mapping::default().with_rules(rules(&["docker.io+=/", "docker.io+=host"]));
    assert_eq!(
        mapping.paths_of(&repository("docker.io/library/nginx")),
        ["docker.io/library/nginx", "library/nginx"]
    );
    assert_eq!(mapping.paths_of(&repository("quay.io/a")), ["quay.io/a"]);
}

#[test]
fn prefixes_say_the_same_as_paths() {
    let mapping = Mapping::default()
        .with_prefix(Some("p"))
        .unwrap()
        .with_rules(rules(&[
            "quay.io=q",
            "quay.io/jetstack=jet",
            "quay.io/a=/",
            "ghcr.io/b=host",
            "docker.io+=/",
        ]));
    for source in [
        "quay.io/x/y",
        "quay.io/jetstack/z",
        "quay.io/a/b",
        "ghcr.io/b/c",
        "ghcr.io/d",
        "reg:5000/x",
    ] {
        let repository = repository(source);
        let prefixes = mapping.prefixes_of(repository.host());
        let under = |from: &String| source == from || source.starts_with(&format!("{from}/"));
        let (from, to) = prefixes.iter().find(|(from, _)| under(from)).unwrap();
        let path = format!("{to}{}", source.strip_prefix(from.as_str()).unwrap());
        assert_eq!(
            path.trim_start_matches('/'),
            mapping.path_of(&repository),
            "{source}"
        );
    }
    assert_eq!(mapping.additional_prefixes_of("docker.io"), ["p"]);
}

#[test]
fn the_hosts_of_docker_hub_are_one_source() {
    let mapping = Mapping::default().with_rules(rules(&["index.docker.io=hub"]));
    assert_eq!(
        mapping.path_of(&repository("docker.io/library/nginx")),
        "hub/library/nginx"
    );
}

#[test]
fn a_rule_that_makes_an_illegal_name_is_refused() {
    for text in [
        "",
        "quay.io",
        "quay.io=",
        "=x",
        "quay.io=../x",
        "quay.io=A",
        "quay.io/..=x",
        "a b=x",
    ] {
        assert!(text.parse::<Rule>().is_err(), "{text}");
    }
    assert!(Mapping::default().with_prefix(Some("../x")).is_err());
}

#[test]
fn a_mapping_goes_through_json_and_back() {
    let mapping = Mapping::new(Place::AtRoot)
        .with_prefix(Some("p"))
        .unwrap()
        .with_rules(rules(&["quay.io/a=b", "docker.io+=/"]));
    let text = serde_json::to_string(&mapping).unwrap();
    assert_eq!(
        text,
        r#"{"prefix":"p","place":"/","rules":["quay.io/a=b","docker.io+=/"]}"#
    );
    assert_eq!(serde_json::from_str::<Mapping>(&text).unwrap(), mapping);
}
