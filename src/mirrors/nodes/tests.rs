use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::mirrors::Mapping;
use crate::mirrors::engines::{Mirror, Transport, write_plan};

/// Files in memory.
#[derive(Default)]
struct Disk(BTreeMap<String, String>);

impl Disk {
    fn with(path: &str, text: &str) -> Self {
        Self([(path.to_owned(), text.to_owned())].into())
    }
}

impl Files for Disk {
    fn text(&self, path: &str) -> Result<Option<String>, Error> {
        Ok(self.0.get(path).cloned())
    }

    fn names(&self, folder: &str) -> Result<Vec<String>, Error> {
        Ok(self
            .below(folder)
            .filter_map(|(name, rest)| rest.is_none().then_some(name))
            .collect())
    }

    fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        let names: BTreeSet<String> = self
            .below(folder)
            .filter_map(|(name, rest)| rest.map(|_| name))
            .collect();
        Ok(names.into_iter().collect())
    }
}

impl Disk {
    /// The first names below a folder, with what follows them.
    fn below(&self, folder: &str) -> impl Iterator<Item = (String, Option<&str>)> {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        self.0.keys().filter_map(move |path| {
            let below = path.strip_prefix(&prefix)?;
            let (name, rest) = match below.split_once('/') {
                Some((name, rest)) => (name, Some(rest)),
                None => (below, None),
            };
            Some((name.to_owned(), rest))
        })
    }
}

fn repository(text: &str) -> Repository {
    let (host, path) = text.split_once('/').unwrap();
    Repository::new(host, path).unwrap()
}

fn places(node: &Node, name: &str, by: By) -> Vec<String> {
    let lookup = node.lookup(&repository(name), by);
    lookup.places.iter().map(ToString::to_string).collect()
}

fn read(engine: Engine, disk: &Disk) -> Node {
    Node::read(engine, disk).unwrap().unwrap()
}

/// What our own writer makes of a mapping, as a node has it.
fn written(engine: Engine, mapping: Mapping, login: Option<(String, Secret)>) -> Disk {
    let mirror = Mirror {
        target: "mirror.lan:5000".parse().unwrap(),
        mapping,
        transport: Transport::TlsWith("PEM".into()),
        login,
        verification: None,
    };
    let repositories = [
        "docker.io/library/nginx",
        "quay.io/a/b",
        "reg.example:5000/team/app",
    ]
    .map(repository);
    let files = write_plan(&mirror, &repositories, [engine]).files;
    let prefix = format!("{engine}/");
    Disk(
        files
            .into_iter()
            .map(|file| (file.path.strip_prefix(&prefix).unwrap().to_owned(), file.text))
            .collect(),
    )
}

#[test]
fn every_engine_finds_in_the_files_that_are_written_what_the_mapping_says() {
    for engine in [
        Engine::Crio,
        Engine::Podman,
        Engine::Containerd,
        Engine::K3s,
        Engine::Rke2,
        Engine::OpenShift,
    ] {
        let node = read(engine, &written(engine, Mapping::default(), None));
        for (name, place) in [
            (
                "docker.io/library/nginx",
                "mirror.lan:5000/docker.io/library/nginx",
            ),
            ("quay.io/a/b", "mirror.lan:5000/quay.io/a/b"),
            (
                "reg.example:5000/team/app",
                "mirror.lan:5000/reg.example-5000/team/app",
            ),
        ] {
            for by in [By::Tag, By::Digest] {
                assert_eq!(places(&node, name, by), [place], "{engine} {name} {by:?}");
                assert_eq!(
                    node.lookup(&repository(name), by).then,
                    Then::Stop,
                    "{engine} {name}"
                );
            }
        }
        let unknown = node.lookup(&repository("ghcr.io/x/y"), By::Tag);
        assert_eq!(
            (unknown.places.len(), unknown.then),
            (0, Then::Upstream),
            "{engine}"
        );
    }
}

#[test]
fn docker_finds_docker_hub_at_the_root_and_asks_the_original_host_in_the_end() {
    let rule = "docker.io+=/".parse().unwrap();
    let disk = written(Engine::Docker, Mapping::default().with_rules([rule]), None);
    let node = read(Engine::Docker, &disk);
    assert_eq!(
        places(&node, "docker.io/library/nginx", By::Tag),
        ["mirror.lan:5000/library/nginx"]
    );
    let lookup = node.lookup(&repository("quay.io/a/b"), By::Tag);
    assert_eq!((lookup.places.len(), lookup.then), (0, Then::Upstream));
}

#[test]
fn the_docker_of_suse_finds_every_host_that_lies_at_the_root() {
    let mapping = Mapping::new(crate::mirrors::Place::AtRoot);
    let node = read(Engine::DockerSuse, &written(Engine::DockerSuse, mapping, None));
    assert_eq!(places(&node, "quay.io/a/b", By::Tag), ["mirror.lan:5000/a/b"]);
    assert_eq!(
        places(&node, "docker.io/library/nginx", By::Digest),
        ["mirror.lan:5000/library/nginx"]
    );
}

#[test]
fn authorities_and_passwords_of_the_files_are_found() {
    for engine in [Engine::Containerd, Engine::K3s, Engine::Podman] {
        let login = Some(("node".to_owned(), Secret::new("pass")));
        let disk = written(engine, Mapping::default(), login.clone());
        let node = read(engine, &disk);
        let access = node
            .accesses()
            .iter()
            .find(|a| a.host == "mirror.lan:5000")
            .unwrap();
        assert!(!access.is_plain, "{engine}");
        assert_eq!(access.authorities.len(), 1, "{engine}");
        assert!(disk.0.contains_key(&access.authorities[0]), "{engine}");
        if engine == Engine::Podman {
            assert!(disk.0.contains_key(&node.auth_files()[0]));
        } else {
            assert_eq!(access.login, login, "{engine}");
        }
    }
}

#[test]
fn the_longest_prefix_decides_and_mirrors_may_be_for_digests_only() {
    let node = read(
        Engine::Crio,
        &Disk::with(
            "etc/containers/registries.conf",
            r#"
            [[registry]]
            prefix = "quay.io"
            location = "quay.io"
            [[registry.mirror]]
            location = "mirror.lan/all"
            pull-from-mirror = "digest-only"
            [[registry]]
            prefix = "quay.io/team"
            location = "mirror.lan/team"
            [[registry]]
            prefix = "*.example.com"
            blocked = true
            "#,
        ),
    );
    assert_eq!(places(&node, "quay.io/team/x", By::Tag), ["mirror.lan/team/x"]);
    assert_eq!(
        places(&node, "quay.io/teams/x", By::Digest),
        ["mirror.lan/all/teams/x"]
    );
    let lookup = node.lookup(&repository("quay.io/teams/x"), By::Tag);
    assert_eq!((lookup.places.len(), lookup.then), (0, Then::Upstream));
    let blocked = node.lookup(&repository("a.example.com/x"), By::Tag);
    assert_eq!(blocked.then, Then::Stop);
    assert!(blocked.problems[0].contains("blocked"));
}

#[test]
fn a_drop_in_replaces_what_the_main_file_says_of_the_same_prefix() {
    let mut disk = Disk::with(
        "etc/containers/registries.conf",
        "[[registry]]\nprefix = \"quay.io\"\nlocation = \"old.lan\"\n",
    );
    disk.0.insert(
        "etc/containers/registries.conf.d/50.conf".into(),
        "[[registry]]\nprefix = \"quay.io\"\nlocation = \"new.lan\"\n".into(),
    );
    assert_eq!(
        places(&read(Engine::Podman, &disk), "quay.io/a", By::Tag),
        ["new.lan/a"]
    );
}

#[test]
fn containerd_asks_in_the_order_of_the_file_and_then_the_original_host() {
    let disk = Disk::with(
        "etc/containerd/certs.d/quay.io/hosts.toml",
        r#"
        [host."https://z.lan"]
        capabilities = ["pull", "resolve"]
        [host."https://a.lan/v2/quay.io"]
        capabilities = ["pull"]
        override_path = true
        [host."https://b.lan/quay.io"]
        "#,
    );
    let node = read(Engine::Containerd, &disk);
    assert_eq!(
        places(&node, "quay.io/x", By::Digest),
        ["z.lan/x", "a.lan/quay.io/x"]
    );
    let by_tag = node.lookup(&repository("quay.io/x"), By::Tag);
    assert_eq!(by_tag.places, [repository("z.lan/x")]);
    assert_eq!(by_tag.then, Then::Upstream);
    assert!(
        by_tag.problems[0].contains("override_path"),
        "{:?}",
        by_tag.problems
    );
}

#[test]
fn rewrites_that_do_not_agree_are_a_problem_because_the_engine_keeps_no_order() {
    let disk = Disk::with(
        "etc/rancher/k3s/registries.yaml",
        "mirrors:\n  quay.io:\n    endpoint: ['https://m.lan']\n    rewrite:\n      '^jet/(.*)$': 'j/$1'\n      '^(.*)$': 'quay.io/$1'\n",
    );
    let node = read(Engine::K3s, &disk);
    assert_eq!(places(&node, "quay.io/x", By::Tag), ["m.lan/quay.io/x"]);
    let lookup = node.lookup(&repository("quay.io/jet/x"), By::Tag);
    assert!(lookup.problems[0].contains("no order"), "{lookup:?}");
    assert_eq!(lookup.then, Then::Upstream, "the fallback is not switched off");
}

#[test]
fn a_file_that_its_engine_would_not_read_is_named_with_its_place() {
    let disk = Disk::with("etc/containerd/certs.d/quay.io/hosts.toml", "server = [\n");
    let error = Node::read(Engine::Containerd, &disk).unwrap_err().to_string();
    assert!(
        error.starts_with("etc/containerd/certs.d/quay.io/hosts.toml is not as containerd reads it"),
        "{error}"
    );
    assert!(Node::read(Engine::Crio, &Disk::default()).unwrap().is_none());
}
