use super::*;

fn repositories() -> Vec<Repository> {
    [
        ("docker.io", "library/nginx"),
        ("quay.io", "jetstack/cert-manager"),
        ("reg.example:5000", "team/sub/app"),
    ]
    .map(|(host, path)| Repository::new(host, path).unwrap())
    .to_vec()
}

fn mirror(rules: &[&str], transport: Transport) -> Mirror {
    Mirror {
        target: "mirror.lan:5000".parse().unwrap(),
        mapping: Mapping::default().with_rules(rules.iter().map(|rule| rule.parse().unwrap())),
        transport,
        login: None,
        verification: None,
    }
}

fn write(mirror: &Mirror, engine: Engine) -> Written {
    write_plan(mirror, &repositories(), [engine])
}

fn text<'a>(written: &'a Written, path: &str) -> &'a str {
    let file = written.files.iter().find(|file| file.path == path);
    file.map_or_else(|| panic!("no {path} in {:?}", written.files), |file| &file.text)
}

#[test]
fn registries_conf_replaces_the_location_and_never_falls_back() {
    let written = write(
        &mirror(&["quay.io/jetstack=jet"], Transport::Plain),
        Engine::Podman,
    );
    let text = text(
        &written,
        "podman/etc/containers/registries.conf.d/50-carrack.conf",
    );
    let document: toml::Table = text.parse().unwrap();
    let registries: Vec<(&str, &str)> = document["registry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            (
                r.get("prefix").map_or("", |p| p.as_str().unwrap()),
                r["location"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        registries,
        [
            ("docker.io", "mirror.lan:5000/docker.io"),
            ("quay.io/jetstack", "mirror.lan:5000/jet"),
            ("quay.io", "mirror.lan:5000/quay.io"),
            ("reg.example:5000", "mirror.lan:5000/reg.example-5000"),
            ("", "mirror.lan:5000"),
        ]
    );
    assert!(!text.contains("registry.mirror"));
}

#[test]
fn containerd_gets_a_folder_for_each_host_and_says_what_it_cannot_map() {
    let written = write(
        &mirror(&["quay.io/jetstack=jet"], Transport::TlsWith("PEM\n".into())),
        Engine::Containerd,
    );
    let text_of = text(
        &written,
        "containerd/etc/containerd/certs.d/reg.example_5000_/hosts.toml",
    );
    let document: toml::Table = text_of.parse().unwrap();
    let url = "https://mirror.lan:5000/v2/reg.example-5000";
    assert_eq!(document["server"].as_str(), Some(url));
    assert_eq!(document["host"][url]["override_path"].as_bool(), Some(true));
    assert_eq!(
        document["host"][url]["ca"].as_str(),
        Some("/etc/containerd/certs.d/carrack-ca.crt")
    );
    assert_eq!(
        text(&written, "containerd/etc/containerd/certs.d/carrack-ca.crt"),
        "PEM\n"
    );
    assert_eq!(written.gaps.len(), 1);
    assert!(written.gaps[0].text.contains("quay.io/jetstack"));
}

#[test]
fn k3s_rewrites_by_regular_expressions() {
    let mut with_login = mirror(&["quay.io=/", "quay.io/jetstack=jet"], Transport::Tls);
    with_login.login = Some(("node".into(), Secret::new("pass\"word")));
    let written = write(&with_login, Engine::K3s);
    let file = written
        .files
        .iter()
        .find(|file| file.path == "k3s/etc/rancher/k3s/registries.yaml")
        .unwrap();
    assert!(file.is_secret);
    assert!(!format!("{file:?}").contains("pass"));
    for line in [
        "  \"quay.io\":\n    endpoint:\n      - \"https://mirror.lan:5000\"\n    rewrite:\n      \"^jetstack/(.*)$\": \"jet/$1\"\n      \"^jetstack$\": \"jet\"\n",
        "  \"docker.io\":\n    endpoint:\n      - \"https://mirror.lan:5000\"\n    rewrite:\n      \"^(.*)$\": \"docker.io/$1\"\n",
        "    auth:\n      username: \"node\"\n      password: \"pass\\\"word\"\n",
    ] {
        assert!(file.text.contains(line), "{}", file.text);
    }
    let config = text(&written, "k3s/etc/rancher/k3s/config.yaml.d/50-carrack.yaml");
    assert!(config.ends_with("disable-default-registry-endpoint: true\n"));
}

#[test]
fn k3s_gets_no_two_rewrites_that_fit_one_name_because_it_keeps_no_order() {
    let written = write(&mirror(&["quay.io/jetstack=jet"], Transport::Tls), Engine::K3s);
    let text = text(&written, "k3s/etc/rancher/k3s/registries.yaml");
    assert!(!text.contains("jet"), "{text}");
    assert!(
        written.gaps[0].text.contains("--map 'quay.io/jetstack+=…'"),
        "{:?}",
        written.gaps
    );
}

#[test]
fn docker_needs_the_root_and_says_so() {
    let written = write(&mirror(&[], Transport::Plain), Engine::Docker);
    assert!(written.files.is_empty());
    assert!(written.gaps[0].text.contains("quay.io, reg.example:5000"));
    assert!(written.gaps[1].text.contains("--map 'docker.io+=/'"));
    let written = write(&mirror(&["docker.io+=/"], Transport::Plain), Engine::Docker);
    let settings: serde_json::Value =
        serde_json::from_str(text(&written, "docker/etc/docker/daemon.json")).unwrap();
    assert_eq!(settings["registry-mirrors"][0], "http://mirror.lan:5000");
    assert_eq!(settings["insecure-registries"][0], "mirror.lan:5000");
}

#[test]
fn the_docker_of_suse_has_mirrors_for_each_registry_at_the_root() {
    let written = write(&mirror(&["quay.io=/"], Transport::Tls), Engine::DockerSuse);
    let settings: serde_json::Value =
        serde_json::from_str(text(&written, "docker-suse/etc/docker/daemon.json")).unwrap();
    assert_eq!(
        settings["registries"],
        serde_json::json!([{"Prefix": "https://quay.io", "Mirrors": [{"URL": "https://mirror.lan:5000"}]}])
    );
    assert_eq!(written.gaps.len(), 2);
}

#[test]
fn openshift_never_contacts_the_source() {
    let written = write(
        &mirror(&[], Transport::TlsWith("A\nB\n".into())),
        Engine::OpenShift,
    );
    let tags = text(&written, "openshift/51-tags.yaml");
    assert!(tags.contains("  - source: \"quay.io\"\n    mirrors:\n    - \"mirror.lan:5000/quay.io\"\n    mirrorSourcePolicy: NeverContactSource\n"));
    assert!(
        text(&written, "openshift/40-authority.yaml").contains("  \"mirror.lan..5000\": |\n    A\n    B\n")
    );
}

#[test]
fn every_engine_has_a_page_with_the_way_back_and_a_name_that_parses() {
    for engine in Engine::ALL {
        assert_eq!(engine.name().parse::<Engine>(), Ok(engine));
        let at_root = Mirror {
            mapping: Mapping::new(crate::mirrors::Place::AtRoot),
            ..mirror(&[], Transport::Tls)
        };
        let written = write(&at_root, engine);
        let page = text(&written, &format!("{engine}/INSTALL.txt"));
        assert!(
            page.contains("Take it back:") && page.contains("mirror.lan:5000"),
            "{page}"
        );
        assert!(
            written
                .files
                .iter()
                .all(|file| !file.path.contains("..") && !file.path.starts_with('/'))
        );
    }
    assert!(
        "rkt"
            .parse::<Engine>()
            .unwrap_err()
            .to_string()
            .contains("docker-suse")
    );
}

#[test]
fn the_mirror_itself_is_no_source() {
    let own = Repository::new("mirror.lan:5000", "x").unwrap();
    let written = write_plan(&mirror(&[], Transport::Tls), [&own], [Engine::Containerd]);
    assert_eq!(written.files.len(), 1, "{:?}", written.files);
}

#[test]
fn a_keyless_signer_is_asked_by_address_issuer_authority_and_log() {
    let mut mirror = mirror(&[], Transport::Tls);
    mirror.verification = Some(Verification {
        others: vec![Demand::Keyless {
            signer: Person {
                email: "ops@example.com".to_owned(),
                issuer: "https://accounts.example.com".to_owned(),
            },
            authorities: "A".to_owned(),
            logs: vec!["B".to_owned()],
            identity: Identity::Same,
        }],
        ..Verification::default()
    });
    let written = write(&mirror, Engine::Crio);
    let policy: serde_json::Value =
        serde_json::from_str(text(&written, "crio/etc/containers/policy.json")).unwrap();
    assert_eq!(
        policy["transports"]["docker"][""],
        serde_json::json!([{
            "type": "sigstoreSigned",
            "fulcio": {
                "caData": "QQ==",
                "oidcIssuer": "https://accounts.example.com",
                "subjectEmail": "ops@example.com",
            },
            "rekorPublicKeyData": "Qg==",
            "signedIdentity": {"type": "matchRepository"},
        }])
    );
}

#[test]
fn nodes_that_check_signatures_get_a_policy_and_others_are_told_that_they_do_not() {
    let signed = |keys: &[&str]| Demand::Signed {
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        identity: Identity::Same,
    };
    let mut mirror = mirror(&[], Transport::Tls);
    mirror.verification = Some(Verification {
        others: vec![Demand::Refused],
        scopes: [
            ("quay.io".to_owned(), vec![]),
            (
                "quay.io/jetstack".to_owned(),
                vec![signed(&["A"]), signed(&["B", "C"])],
            ),
        ]
        .into(),
        gaps: vec!["nodes do not ask for age".to_owned()],
    });
    let written = write(&mirror, Engine::Crio);
    let policy: serde_json::Value =
        serde_json::from_str(text(&written, "crio/etc/containers/policy.json")).unwrap();
    let accept = serde_json::json!([{"type": "insecureAcceptAnything"}]);
    assert_eq!(
        policy["default"], accept,
        "images that were built on the node are no matter of the mirror"
    );
    let docker = &policy["transports"]["docker"];
    assert_eq!(docker[""], serde_json::json!([{"type": "reject"}]));
    assert_eq!(docker["quay.io"], accept);
    let identity = serde_json::json!({"type": "matchRepository"});
    assert_eq!(
        docker["quay.io/jetstack"],
        serde_json::json!([
            {"type": "sigstoreSigned", "keyData": "QQ==", "signedIdentity": identity},
            {"type": "sigstoreSigned", "keyDatas": ["Qg==", "Qw=="], "signedIdentity": identity},
        ])
    );
    assert!(
        text(&written, "crio/etc/containers/registries.d/50-carrack.yaml")
            .ends_with("docker:\n  \"mirror.lan:5000\":\n    use-sigstore-attachments: true\n")
    );
    assert!(text(&written, "crio/INSTALL.txt").contains("keep a copy"));
    assert_eq!(written.gaps.len(), 2, "{:?}", written.gaps);
    let other = write(&mirror, Engine::Containerd);
    assert!(
        other
            .gaps
            .iter()
            .any(|gap| gap.text.contains("checks no signatures"))
    );
}
