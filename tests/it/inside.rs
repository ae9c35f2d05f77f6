//! `verify --through` and `--node-config`: would nodes find everything? And what they did not find, on its way back.

use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::{Certificates, TestRegistry};

/// Two images in a bundle that was imported, and where they come from.
struct Inside {
    program: Program,
    target: TestRegistry,
    upstream: TestRegistry,
}

impl Inside {
    fn new(to: impl Fn(&TestRegistry) -> String, more: &[&str]) -> Self {
        let upstream = TestRegistry::start();
        let one = upstream.seed("team/one:1", &image().layer("one", 4000).build());
        let two = upstream.seed("team/deep/two:1", &image().layer("two", 4000).build());
        let (program, target) = (Program::new(), TestRegistry::start());
        program.export(&[&one, &two], &[]).ended_with(0);
        program.import(&to(&target), more).ended_with(0);
        Self {
            program,
            target,
            upstream,
        }
    }

    fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.upstream.host().replace(':', "-"))
    }

    fn through(&self, target: &str, code: i32) -> String {
        let arguments = ["verify", "bundle", "--quiet", "--through", target];
        self.program.run(&arguments).ended_with(code).out
    }
}

#[test]
fn a_mirror_that_has_everything_is_told_so_and_the_original_hosts_are_not_asked() {
    let inside = Inside::new(TestRegistry::host, &[]);
    inside.upstream.clear_log();
    let out = inside.through(&inside.target.host(), 0);
    assert!(
        out.contains("2 of 2 references are found under their own names"),
        "{out}"
    );
    assert!(inside.upstream.asked().is_empty());
    let ways = inside.target.asked();
    for at in ["/team/one/manifests/1", "/team/one/manifests/sha256:"] {
        assert!(
            ways.iter().any(|asked| asked.contains(at)),
            "by tag and by digest: {ways:#?}"
        );
    }
}

#[test]
fn what_a_node_would_not_find_is_listed_with_the_registrys_words() {
    let inside = Inside::new(TestRegistry::host, &[]);
    let layer = image().layer("one", 4000).build().layers()[0].descriptor.digest;
    inside.target.forget_blob(&inside.path("team/one"), &layer);
    let out = inside.through(&inside.target.host(), 3);
    assert!(
        out.contains("not found: ") && out.contains(&layer.to_string()),
        "{out}"
    );
    assert!(out.contains("1 of 2 references"), "{out}");
    let other = image().layer("other", 100).build();
    inside
        .target
        .seed(&format!("{}:1", inside.path("team/deep/two")), &other);
    let out = inside.through(&inside.target.host(), 4);
    assert!(
        out.contains("other content: ") && out.contains(&other.digest.to_string()),
        "{out}"
    );
}

#[test]
fn the_receipt_of_the_import_says_where_things_are() {
    let inside = Inside::new(
        |target| format!("{}/project", target.host()),
        &["--layout", "root"],
    );
    let target = format!("{}/project", inside.target.host());
    inside.through(&target, 0);
    // By host they are not there.
    let ran = inside.program.run(&[
        "verify",
        "bundle",
        "--quiet",
        "--through",
        &target,
        "--layout",
        "host",
    ]);
    ran.ended_with(3);
}

#[test]
fn every_engines_files_are_followed_as_the_engine_follows_them() {
    let inside = Inside::new(TestRegistry::host, &["--engine-config", "engines"]);
    let ran = inside
        .program
        .run(&[
            "verify",
            "bundle",
            "--quiet",
            "--node-config",
            "engines",
            "-o",
            "json",
        ])
        .ended_with(0);
    let viewers = &ran.json()["viewers"];
    for engine in ["crio", "podman", "containerd", "k3s", "rke2", "openshift"] {
        assert_eq!(viewers[engine]["found"], 2, "{engine}: {}", ran.out);
    }
    let text = inside
        .program
        .run(&[
            "verify",
            "bundle",
            "--quiet",
            "--node-config",
            "engines/containerd",
            "--engine",
            "containerd",
        ])
        .ended_with(0)
        .out;
    assert!(text.starts_with("containerd: 2 of 2"), "{text}");
    // Docker mirrors Docker Hub only, so that there is nothing for it here: who asks for it is told.
    let ran = inside
        .program
        .run(&[
            "verify",
            "bundle",
            "--quiet",
            "--node-config",
            "engines",
            "--engine",
            "docker",
        ])
        .ended_with(2);
    assert!(ran.err.contains("no configuration of docker"), "{}", ran.err);
}

#[test]
fn a_node_that_would_ask_the_internet_is_told_and_the_internet_is_not_asked() {
    let inside = Inside::new(
        TestRegistry::host,
        &["--engine-config", "engines", "--engine", "podman"],
    );
    let file = inside
        .program
        .path("engines/podman/etc/containers/registries.conf.d/50-carrack.conf");
    let text = format!(
        "[[registry]]\nprefix = \"{0}/team/deep\"\nlocation = \"{0}/team/deep\"\n",
        inside.upstream.host()
    );
    let old = std::fs::read_to_string(&file).unwrap();
    carrack::fsx::write(&file, (old + &text).as_bytes()).unwrap();
    inside.upstream.clear_log();
    let ran = inside
        .program
        .run(&["verify", "bundle", "--quiet", "--node-config", "engines"])
        .ended_with(3);
    let host = inside.upstream.host();
    assert!(
        ran.out.contains(&format!("the node asks {host} itself")),
        "{}",
        ran.out
    );
    assert!(inside.upstream.asked().is_empty());
}

#[test]
fn a_mirror_that_is_down_is_named_for_every_reference() {
    let mut inside = Inside::new(TestRegistry::host, &[]);
    let host = inside.target.host();
    inside.target = TestRegistry::start();
    let out = inside.through(&host, 3);
    assert_eq!(
        out.matches(&format!("{host} does not answer")).count(),
        2,
        "{out}"
    );
}

#[test]
fn the_authority_and_the_password_of_the_files_are_used() {
    let certificates = Certificates::new();
    let target = TestRegistry::start_tls(&certificates, false);
    let upstream = TestRegistry::start();
    let app = image().layer("one", 100).build();
    let name = upstream.seed("team/app:1", &app);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let path = format!("{}/team/app:1", upstream.host().replace(':', "-"));
    target.seed(&path, &app);
    let hosts = program.path("node/etc/containerd/certs.d/_default/hosts.toml");
    let table = |authority: &str| {
        format!(
            "server = \"https://{0}/v2/{1}\"\noverride_path = true\n{authority}",
            target.host().replace("127.0.0.1", "localhost"),
            upstream.host().replace(':', "-")
        )
    };
    carrack::fsx::write(&hosts, table("").as_bytes()).unwrap();
    let verify = ["verify", "bundle", "--quiet", "--node-config", "node"];
    let ran = program.run(&verify).ended_with(3);
    assert!(ran.out.contains("certificate"), "{}", ran.out);
    let pem = std::fs::read(certificates.authority()).unwrap();
    carrack::fsx::write(&program.path("node/etc/ca.pem"), &pem).unwrap();
    carrack::fsx::write(&hosts, table("ca = \"/etc/ca.pem\"\n").as_bytes()).unwrap();
    program.run(&verify).ended_with(0);
}

#[test]
fn a_folder_without_any_configuration_is_an_error() {
    let inside = Inside::new(TestRegistry::host, &[]);
    std::fs::create_dir(inside.program.path("empty")).unwrap();
    let ran = inside
        .program
        .run(&["verify", "bundle", "--node-config", "empty"])
        .ended_with(2);
    assert!(
        ran.err.contains("no configuration of any container engine"),
        "{}",
        ran.err
    );
}

#[test]
fn what_nodes_asked_for_in_vain_goes_home_with_the_drive() {
    let inside = Inside::new(TestRegistry::host, &[]);
    let host = inside.upstream.host();
    let log = format!(
        "Failed to pull image \"{host}/team/one:1\": not found\nFailed to pull image \"{host}/team/new:2\": not found\n"
    );
    carrack::fsx::write(&inside.program.path("kubelet.log"), log.as_bytes()).unwrap();
    let ran = inside
        .program
        .run(&[
            "import",
            "--quiet",
            "--from",
            "bundle",
            "--to",
            &inside.target.host(),
            "--wanted",
            "kubelet.log",
        ])
        .ended_with(0);
    assert!(
        ran.out
            .contains("1 images that nodes asked for are not in this bundle"),
        "{}",
        ran.out
    );
    let name = format!("{}.wanted.txt", inside.target.host().replace(':', "-"));
    let list = inside.program.path("bundle/carrack/have").join(name);
    let new = inside
        .upstream
        .seed("team/new:2", &image().layer("new", 100).build());
    // On the connected side the list is a source like any other.
    let list = list.to_str().unwrap();
    let ran = inside.program.export(&[list], &["--to", "next"]).ended_with(0);
    assert_eq!(ran.json()["rows"].as_array().unwrap().len(), 1, "{}", ran.out);
    assert_eq!(ran.row("new")["reference"], new);
    inside.program.verify().ended_with(0);
}

#[test]
fn the_list_of_the_wanted_is_read_from_events_and_access_logs() {
    let program = Program::new();
    let events = serde_json::json!({"kind": "List", "items": [
        {"kind": "Event", "message": "Failed to pull image \"quay.io/a/b:1\": not found",
         "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-1"}}]});
    carrack::fsx::write(&program.path("events.json"), events.to_string().as_bytes()).unwrap();
    let access = "10.0.0.7 GET /v2/jet/controller/manifests/v1?ns=quay.io 404 61 B in 0 ms\n";
    carrack::fsx::write(&program.path("access.log"), access.as_bytes()).unwrap();
    let ran = program
        .run(&[
            "images",
            "--wanted",
            "events.json",
            "--wanted",
            "access.log",
            "--map",
            "quay.io/jetstack=jet",
        ])
        .ended_with(0);
    assert!(
        ran.out.contains("quay.io/a/b:1 # once, pod shop/web-1\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("quay.io/jetstack/controller:v1 # once, access.log\n"),
        "{}",
        ran.out
    );
    program.run(&["images", "--wanted", "absent.log"]).ended_with(2);
}
