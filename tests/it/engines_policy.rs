//! Nodes ask what the policy of the import asks: a real podman, with the files that are written for it.

use std::path::Path;
use std::process::Command;

use crate::support::fixture_bundle;
use crate::support::node::{MIRROR, Node, TlsFiles};
use crate::support::programs::{program, run, said};
use crate::support::signing::{pem_key, put};

#[test]
fn podman_refuses_what_the_policy_of_the_import_refuses() {
    let (Some(podman), Some(node)) = (program("podman"), Node::start()) else {
        return;
    };
    let fixture = fixture_bundle::make();
    let tls = TlsFiles::new(&[MIRROR]);
    // The mirror holds what the import refused, too: what is tried is what nodes do about it.
    let _mirror = node.serve(fixture.path(), &tls, &[]);
    pem_key(&node.path(""), "shop").unwrap();
    put(
        &node.path("policy.yaml"),
        b"registries: [docker.io, quay.io]\nimages:\n- match: docker.io/*\n  signature: {keys: [shop.pub]}\n",
    );
    let imported = node
        .command(Path::new(env!("CARGO_BIN_EXE_carrack")))
        .args(["import", "--from"])
        .arg(fixture.path())
        .arg("--to")
        .arg(format!("dir:{}", node.path("inside").display()))
        .arg("--policy")
        .arg(node.path("policy.yaml"))
        .arg("--engine-config")
        .arg(node.path("engines"))
        .args(["--engine", "podman,docker", "--mirror", MIRROR, "--mirror-ca"])
        .arg(&tls.certificate)
        .output()
        .unwrap();
    assert_eq!(imported.status.code(), Some(4), "{}", said(&imported));
    assert!(
        said(&imported).contains("docker: the policy is not asked on nodes"),
        "{}",
        said(&imported)
    );
    node.install(&node.path("engines/podman"));
    let pull = |name: &str| -> Command {
        let mut command = node.command(&podman);
        command
            .arg("--root")
            .arg(node.path("podman-root"))
            .arg("--runroot")
            .arg(node.path("podman-run"))
            .args(["--storage-driver", "vfs", "pull", "--quiet", name]);
        command
    };
    run(&mut pull("quay.io/team/tool:3"));
    let mirrored = format!("{MIRROR}/docker.io/library/hello:1.0");
    for (name, reason) in [
        ("docker.io/library/hello:1.0", "A signature was required"),
        (mirrored.as_str(), "A signature was required"),
        (
            "registry.example:5000/team/sub/hello:1.0",
            "is rejected by policy",
        ),
    ] {
        let refused = pull(name).output().unwrap();
        assert!(!refused.status.success(), "{name} was pulled");
        assert!(said(&refused).contains(reason), "{name}: {}", said(&refused));
    }
}
