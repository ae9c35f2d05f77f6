//! Real container engines pull unchanged names through the configuration that is generated for them, on a node that has
//! no route to anywhere: each folder is installed the way its INSTALL.txt says.

use std::path::{Path, PathBuf};
use std::process::Command;

use carrack::digest::Digest;

use crate::support::fixture_bundle::{self, Fixture};
use crate::support::node::{ADDRESS, MIRROR, Node, TlsFiles};
use crate::support::programs::{Daemon, program, run, said};

/// A bundle inside that is served as the mirror, and a node that is configured for it.
struct Site {
    engine: String,
    fixture: Fixture,
    node: Node,
    mirror: Option<Daemon>,
}

impl Site {
    /// `map` are rules of the import, which the mirror is told as well.
    fn start(engine: &str, map: &[&str]) -> Option<Self> {
        let node = Node::start()?;
        let fixture = fixture_bundle::make();
        let tls = TlsFiles::new(&[MIRROR]);
        let rules: Vec<&str> = map.iter().flat_map(|rule| ["--map", rule]).collect();
        let inside = node.path("inside");
        let configuration = node.path("engines");
        let mirror_carrack = Path::new(env!("CARGO_BIN_EXE_carrack"));
        let mirror = node.serve(fixture.path(), &tls, &rules);
        // Into a registry the names would be written by the import; here the bundle itself is served, and the import
        // into a folder writes the same files.
        run(node
            .command(mirror_carrack)
            .args(["import", "--quiet", "--from"])
            .arg(fixture.path())
            .arg("--to")
            .arg(format!("dir:{}", inside.display()))
            .args(&rules)
            .arg("--engine-config")
            .arg(&configuration)
            .args(["--engine", engine, "--mirror", MIRROR, "--mirror-ca"])
            .arg(&tls.certificate));
        node.install(&configuration.join(engine));
        Some(Self {
            engine: engine.to_owned(),
            fixture,
            node,
            mirror: Some(mirror),
        })
    }

    /// Every original name by tag and by digest: a library image of Docker Hub, a nested path, a port in the host,
    /// images of several platforms and one of one.
    fn names(&self) -> Vec<(String, Digest)> {
        let (index, docker) = (self.fixture.index, self.fixture.docker);
        [
            ("docker.io/library/hello", "1.0", index),
            ("registry.example:5000/team/sub/hello", "1.0", index),
            ("quay.io/team/tool", "3", docker),
        ]
        .into_iter()
        .flat_map(|(repository, tag, digest)| {
            [
                (format!("{repository}:{tag}"), digest),
                (format!("{repository}@{digest}"), digest),
            ]
        })
        .collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.node.path(name)
    }

    /// Runs the line of the installed `INSTALL.txt` that begins with this text, on the node.
    fn follow_install_page(&self, start: &str) {
        let folder = self.path("engines").join(&self.engine);
        let page = std::fs::read_to_string(folder.join("INSTALL.txt")).unwrap();
        let line = page.lines().find(|line| line.trim_start().starts_with(start));
        run(&mut self.node.script(&folder, line.expect("INSTALL.txt has the line")));
    }

    /// Stops the mirror and checks that a pull then fails, names the mirror, and asked for no other host.
    fn fails_at_the_mirror(&mut self, mut pull: Command) {
        self.mirror.take();
        let failed = pull.output().unwrap();
        let said = said(&failed);
        assert!(!failed.status.success());
        assert!(said.contains(MIRROR), "the mirror is named: {said}");
        assert!(
            !said.contains("lookup quay.io") && !said.contains("https://quay.io"),
            "the internet is not: {said}"
        );
    }
}

fn podman(site: &Site, podman: &Path, words: &[&str]) -> Command {
    let mut command = site.node.command(podman);
    command
        .arg("--root")
        .arg(site.path("podman-root"))
        .arg("--runroot")
        .arg(site.path("podman-run"))
        .args(["--storage-driver", "vfs"])
        .args(words);
    command
}

#[test]
fn podman_pulls_unchanged_names_by_tag_and_by_digest() {
    let Some(program) = program("podman") else { return };
    let Some(mut site) = Site::start("podman", &[]) else {
        return;
    };
    for (name, digest) in site.names() {
        run(&mut podman(&site, &program, &["pull", "--quiet", &name]));
        let format = "{{.RepoTags}} {{.RepoDigests}}";
        let known = run(&mut podman(
            &site,
            &program,
            &["image", "inspect", "--format", format, &name],
        ));
        assert!(known.contains(&digest.to_string()), "{name}: {known}");
    }
    // A chart's bare name is Docker Hub's.
    run(&mut podman(&site, &program, &["pull", "--quiet", "hello:2.0"]));
    let pull = podman(&site, &program, &["pull", "--quiet", "quay.io/team/tool:9"]);
    site.fails_at_the_mirror(pull);
}

#[test]
fn the_library_of_cri_o_reads_the_same_digests_under_unchanged_names() {
    let Some(program) = program("skopeo") else { return };
    let Some(mut site) = Site::start("crio", &[]) else {
        return;
    };
    let inspect = |site: &Site, name: &str| {
        let mut command = site.node.command(&program);
        command.args(["inspect", "--raw", &format!("docker://{name}")]);
        command
    };
    for (name, digest) in site.names() {
        let raw = inspect(&site, &name).output().unwrap();
        assert!(raw.status.success(), "{name}: {}", said(&raw));
        assert_eq!(Digest::sha256(&raw.stdout), digest, "{name}");
    }
    let pull = inspect(&site, "quay.io/team/tool:3");
    site.fails_at_the_mirror(pull);
}

#[test]
fn containerd_pulls_unchanged_names_by_tag_and_by_digest() {
    let (Some(containerd), Some(ctr)) = (program("containerd"), program("ctr")) else {
        return;
    };
    let Some(mut site) = Site::start("containerd", &["quay.io+=elsewhere"]) else {
        return;
    };
    let socket = site.path("containerd.sock");
    let config = site.path("config.toml");
    carrack::fsx::write(
        &config,
        b"version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n",
    )
    .unwrap();
    let mut command = site.node.command(&containerd);
    command
        .arg("--config")
        .arg(&config)
        .arg("--root")
        .arg(site.path("containerd-root"))
        .arg("--state")
        .arg(site.path("containerd-state"))
        .arg("--address")
        .arg(&socket);
    let _daemon = Daemon::start(&mut command, &socket, site.path("containerd.log"));
    let ask = |site: &Site, words: &[&str]| {
        let mut command = site.node.command(&ctr);
        command.arg("--address").arg(&socket).args(words);
        command
    };
    let hosts = [
        "--snapshotter",
        "native",
        "--hosts-dir",
        "/etc/containerd/certs.d",
    ];
    let pull = |site: &Site, name: &str| {
        let mut command = ask(site, &["image", "pull"]);
        command.args(hosts).arg(name);
        command
    };
    for (name, digest) in site.names() {
        run(&mut pull(&site, &name));
        let list = run(&mut ask(&site, &["image", "ls", &format!("name=={name}")]));
        assert!(list.contains(&digest.to_string()), "{name}: {list}");
    }
    let failing = pull(&site, "quay.io/team/tool:9");
    site.fails_at_the_mirror(failing);
}

#[test]
fn docker_pulls_docker_hubs_names_and_what_it_saves_crosses_with_its_id() {
    let (Some(dockerd), Some(docker)) = (program("dockerd"), program("docker")) else {
        return;
    };
    let Some(mut site) = Site::start("docker", &["docker.io+=/"]) else {
        return;
    };
    site.follow_install_page("getent hosts");
    let socket = site.path("docker.sock");
    let mut command = site.node.command(&dockerd);
    command
        .args(["--iptables=false", "--bridge=none", "--storage-driver=vfs"])
        .arg("--data-root")
        .arg(site.path("docker-data"))
        .arg("--exec-root")
        .arg(site.path("docker-exec"))
        .arg("--pidfile")
        .arg(site.path("docker.pid"))
        .arg("-H")
        .arg(format!("unix://{}", socket.display()));
    let daemon = Daemon::start(&mut command, &socket, site.path("dockerd.log"));
    let ask = |words: &[&str]| {
        let mut command = site.node.command(&docker);
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
    let saved = site.path("saved.tar").display().to_string();
    run(&mut ask(&["save", "--output", &saved, "hello:1.0"]));
    let id = run(&mut ask(&[
        "image",
        "inspect",
        "--format",
        "{{.Id}}",
        "hello:1.0",
    ]));
    let exported = site.path("exported");
    run(site
        .node
        .command(Path::new(env!("CARGO_BIN_EXE_carrack")))
        .args(["export", "--quiet", &format!("docker-archive:{saved}"), "--to"])
        .arg(&exported));
    let bundle = carrack::bundle::Bundle::open(&exported).unwrap();
    let (reference, root) = bundle.entries().first_key_value().unwrap();
    assert_eq!(reference.to_string(), "docker.io/library/hello:1.0");
    let manifest: serde_json::Value =
        serde_json::from_slice(&bundle.manifest(&root.digest).unwrap()).unwrap();
    assert_eq!(manifest["config"]["digest"], id.trim());
    // Docker asks registry-1.docker.io after the mirror and prints that error alone: it must be the mirror's.
    let absent = said(&ask(&["pull", "hello:9"]).output().unwrap());
    assert!(
        absent.contains(&format!("certificate is valid for {MIRROR}, not")),
        "{absent}"
    );
    site.mirror.take();
    let refused = said(&ask(&["pull", "hello:9"]).output().unwrap());
    assert!(
        refused.contains(&format!("{ADDRESS}:443: connect: connection refused"))
            && !refused.contains("lookup"),
        "{refused}"
    );
    let asked = format!("https://{MIRROR}/v2/");
    assert!(daemon.log().contains(&asked), "{}", daemon.log());
}

/// The whole way: the program imports a bundle into a real registry and writes the configuration; podman finds every
/// original name there, and so does `verify --node-config`.
#[test]
fn what_import_writes_leads_podman_to_every_reference_of_the_bundle() {
    use crate::support::docker_registry::DockerRegistry;
    use crate::support::program::Program;
    use crate::support::programs::{is_root, without_internet};
    let (Some(podman), Some(registry)) = (program("podman").filter(|_| is_root()), DockerRegistry::start())
    else {
        return;
    };
    let fixture = fixture_bundle::make();
    let program = Program::new();
    let bundle_path = fixture.path().to_str().unwrap();
    let said = program
        .run(&[
            "import",
            "--quiet",
            "--from",
            bundle_path,
            "--to",
            &format!("{}/project", registry.host()),
            "--engine",
            "podman,docker",
            "--engine-config",
            "engines",
        ])
        .ended_with(0);
    assert!(
        said.out.contains("docker: it mirrors Docker Hub only"),
        "what cannot work is said: {}",
        said.out
    );
    let seen = program
        .run(&["verify", bundle_path, "--node-config", "engines", "-o", "json"])
        .ended_with(0);
    assert_eq!(seen.json()["viewers"]["podman"]["missing"], 0);
    let bundle = carrack::bundle::Bundle::open(fixture.path()).unwrap();
    let configuration = program.path("engines/podman/etc/containers/registries.conf.d/50-carrack.conf");
    for (reference, descriptor) in bundle.entries() {
        if descriptor.digest == fixture.signature {
            // A signature is no image that podman would take.
            continue;
        }
        let mut command = without_internet(&podman);
        command
            .env("CONTAINERS_REGISTRIES_CONF", &configuration)
            .arg("--root")
            .arg(program.path("podman-root"))
            .arg("--runroot")
            .arg(program.path("podman-run"))
            .args([
                "--storage-driver",
                "vfs",
                "pull",
                "--quiet",
                &reference.to_string(),
            ]);
        run(&mut command);
    }
}
