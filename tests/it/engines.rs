//! Real container engines pull unchanged names through the configuration that is generated for them.
//!
//! The original hosts cannot be reached: every host but this machine is behind a proxy that refuses.

use std::path::{Path, PathBuf};
use std::process::Command;

use carrack::digest::Digest;
use carrack::fsx;
use carrack::mirrors::Mapping;
use carrack::mirrors::engines::{Engine, Mirror, Transport, Written, write_plan};

use crate::support::docker_registry::DockerRegistry;
use crate::support::fixture_bundle::{self, Fixture};
use crate::support::programs::{Daemon, is_root, program, run, said, without_internet};
use crate::support::serving::{Serving, open};

/// A bundle that is served, and a node's configuration for one engine.
struct Site {
    fixture: Fixture,
    serving: Serving,
    node: tempfile::TempDir,
    engine: Engine,
}

impl Site {
    fn start(engine: Engine, rules: &[&str]) -> Self {
        let fixture = fixture_bundle::make();
        let mapping = Mapping::default().with_rules(rules.iter().map(|rule| rule.parse().unwrap()));
        let settings = carrack::serve::Settings {
            mapping: mapping.clone(),
            ..open()
        };
        let serving = Serving::with(fixture.path(), settings);
        let mirror = Mirror {
            target: serving.address.to_string().parse().unwrap(),
            mapping,
            transport: Transport::Plain,
            login: None,
        };
        let node = tempfile::tempdir().unwrap();
        let bundle = carrack::bundle::Bundle::open(fixture.path()).unwrap();
        let repositories = bundle
            .entries()
            .keys()
            .map(carrack::reference::Reference::repository);
        let written: Written = write_plan(&mirror, repositories, [engine]);
        for file in written.files {
            fsx::write(&node.path().join(&file.path), file.text.as_bytes()).unwrap();
        }
        Self {
            fixture,
            serving,
            node,
            engine,
        }
    }

    /// A file of the node's configuration.
    fn file(&self, path: &str) -> PathBuf {
        self.node.path().join(self.engine.name()).join(path)
    }

    /// The names that charts use, and the digest that each must have.
    fn names(&self) -> Vec<(String, Digest)> {
        let index = self.fixture.index;
        vec![
            ("docker.io/library/hello:1.0".into(), index),
            (format!("docker.io/library/hello@{index}"), index),
            ("registry.example:5000/team/sub/hello:1.0".into(), index),
            ("quay.io/team/tool:3".into(), self.fixture.docker),
        ]
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.node.path().join(name)
    }
}

fn podman(site: &Site, podman: &Path) -> Command {
    let mut command = without_internet(podman);
    command
        .env(
            "CONTAINERS_REGISTRIES_CONF",
            site.file("etc/containers/registries.conf.d/50-carrack.conf"),
        )
        .arg("--root")
        .arg(site.folder("podman-root"))
        .arg("--runroot")
        .arg(site.folder("podman-run"))
        .args(["--storage-driver", "vfs"]);
    command
}

#[test]
fn podman_pulls_unchanged_names_by_tag_and_by_digest() {
    let Some(program) = program("podman").filter(|_| is_root()) else {
        return;
    };
    let mut site = Site::start(Engine::Podman, &[]);
    for (name, _) in site.names() {
        run(podman(&site, &program).args(["pull", "--quiet", &name]));
        let digests = run(podman(&site, &program).args([
            "image",
            "inspect",
            "--format",
            "{{.RepoTags}} {{.RepoDigests}}",
            &name,
        ]));
        let (repository, _) = name.split_once('@').unwrap_or((&name, ""));
        assert!(
            digests.contains(repository.rsplit_once(":1").map_or(repository, |(r, _)| r)),
            "{name}: {digests}"
        );
    }
    // A chart's bare name is Docker Hub's.
    run(podman(&site, &program).args(["pull", "--quiet", "hello:2.0"]));
    let host = site.serving.address.to_string();
    site.serving.stop();
    let failed = podman(&site, &program)
        .args(["pull", "--quiet", "quay.io/team/tool:9"])
        .output()
        .unwrap();
    assert!(!failed.status.success());
    assert!(
        said(&failed).contains(&host),
        "the mirror is named, not the internet: {}",
        said(&failed)
    );
}

#[test]
fn skopeo_reads_the_same_digests_under_unchanged_names() {
    let Some(program) = program("skopeo") else { return };
    let site = Site::start(Engine::Crio, &[]);
    for (name, digest) in site.names() {
        let raw = without_internet(&program)
            .arg("--registries-conf")
            .arg(site.file("etc/containers/registries.conf.d/50-carrack.conf"))
            .args(["inspect", "--raw", &format!("docker://{name}")])
            .output()
            .unwrap();
        assert!(raw.status.success(), "{name}: {}", said(&raw));
        assert_eq!(Digest::sha256(&raw.stdout), digest, "{name}");
    }
}

#[test]
fn containerd_pulls_unchanged_names_by_tag_and_by_digest() {
    let (Some(containerd), Some(ctr)) = (program("containerd"), program("ctr").filter(|_| is_root())) else {
        return;
    };
    let mut site = Site::start(Engine::Containerd, &["quay.io+=elsewhere"]);
    let socket = site.folder("containerd.sock");
    let config = site.folder("config.toml");
    fsx::write(
        &config,
        b"version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n",
    )
    .unwrap();
    let mut command = without_internet(&containerd);
    command
        .arg("--config")
        .arg(&config)
        .arg("--root")
        .arg(site.folder("containerd-root"))
        .arg("--state")
        .arg(site.folder("containerd-state"))
        .arg("--address")
        .arg(&socket);
    let _daemon = Daemon::start(&mut command, &socket, site.folder("containerd.log"));
    let hosts = site.file("etc/containerd/certs.d");
    let pull = |name: &str| {
        let mut command = without_internet(&ctr);
        command
            .arg("--address")
            .arg(&socket)
            .args(["image", "pull", "--snapshotter", "native", "--hosts-dir"])
            .arg(&hosts)
            .arg(name);
        command
    };
    for (name, digest) in site.names() {
        run(&mut pull(&name));
        let list = run(without_internet(&ctr).arg("--address").arg(&socket).args([
            "image",
            "ls",
            &format!("name=={name}"),
        ]));
        assert!(list.contains(&digest.to_string()), "{name}: {list}");
    }
    let host = site.serving.address.to_string();
    site.serving.stop();
    let failed = pull("quay.io/team/tool:9").output().unwrap();
    assert!(!failed.status.success());
    assert!(
        said(&failed).contains(&host),
        "the mirror is named, not the internet: {}",
        said(&failed)
    );
}

#[test]
fn docker_pulls_docker_hubs_names() {
    let (Some(dockerd), Some(docker)) = (program("dockerd"), program("docker").filter(|_| is_root())) else {
        return;
    };
    let site = Site::start(Engine::Docker, &["docker.io+=/"]);
    let socket = site.folder("docker.sock");
    let mut command = without_internet(&dockerd);
    command
        .arg("--config-file")
        .arg(site.file("etc/docker/daemon.json"))
        .args(["--iptables=false", "--bridge=none", "--storage-driver=vfs"])
        .arg("--data-root")
        .arg(site.folder("docker-data"))
        .arg("--exec-root")
        .arg(site.folder("docker-exec"))
        .arg("--pidfile")
        .arg(site.folder("docker.pid"))
        .arg("-H")
        .arg(format!("unix://{}", socket.display()));
    let daemon = Daemon::start(&mut command, &socket, site.folder("dockerd.log"));
    let ask = |words: &[&str]| {
        let mut command = without_internet(&docker);
        command
            .arg("-H")
            .arg(format!("unix://{}", socket.display()))
            .args(words);
        command
    };
    for name in ["hello:1.0".to_owned(), format!("hello@{}", site.fixture.index)] {
        let pulled = ask(&["pull", &name]).output().unwrap();
        assert!(
            pulled.status.success(),
            "{name}: {}\n{}",
            said(&pulled),
            daemon.log()
        );
    }
    let digests = run(&mut ask(&[
        "image",
        "inspect",
        "--format",
        "{{.RepoDigests}}",
        "hello:1.0",
    ]));
    assert!(digests.contains(&site.fixture.index.to_string()), "{digests}");
}

/// The whole way: the program imports a bundle into a real registry and writes the configuration; podman
/// finds every original name there.
#[test]
fn what_import_writes_leads_podman_to_every_reference_of_the_bundle() {
    let (Some(podman), Some(registry)) = (program("podman").filter(|_| is_root()), DockerRegistry::start())
    else {
        return;
    };
    let fixture = fixture_bundle::make();
    let node = tempfile::tempdir().unwrap();
    let said = run(Command::new(env!("CARGO_BIN_EXE_carrack"))
        .args(["import", "--quiet", "--from"])
        .arg(fixture.path())
        .args([
            "--to",
            &format!("{}/project", registry.host()),
            "--engine",
            "podman,docker",
            "--engine-config",
        ])
        .arg(node.path()));
    assert!(
        said.contains("docker: it mirrors Docker Hub only"),
        "what cannot work is said: {said}"
    );
    let bundle = carrack::bundle::Bundle::open(fixture.path()).unwrap();
    let configuration = node
        .path()
        .join("podman/etc/containers/registries.conf.d/50-carrack.conf");
    for (reference, descriptor) in bundle.entries() {
        if descriptor.digest == fixture.signature {
            // A signature is no image that podman would take.
            continue;
        }
        let name = reference.to_string();
        let mut command = without_internet(&podman);
        command
            .env("CONTAINERS_REGISTRIES_CONF", &configuration)
            .arg("--root")
            .arg(node.path().join("podman-root"))
            .arg("--runroot")
            .arg(node.path().join("podman-run"))
            .args(["--storage-driver", "vfs", "pull", "--quiet", &name]);
        run(&mut command);
    }
}
