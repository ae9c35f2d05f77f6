//! docs/voyage.md, followed word by word: its blocks are run as they stand, on two hosts that cannot reach each other.

use std::path::{Path, PathBuf};

use crate::support::fixture_bundle;
use crate::support::node::{MIRROR, Node, TlsFiles};
use crate::support::programs::{Daemon, program, run, said};

/// Names on the connected side; all of them are one server here.
const CONNECTED: [&str; 4] = [
    "registry.suse.com",
    "registry-1.docker.io",
    "charts.local.lan",
    "mirror.local.lan",
];

/// A block of commands, and the side it is for.
struct Block {
    side: String,
    line: usize,
    commands: String,
}

/// The blocks that begin with ```` ```sh SIDE ````.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(kind) if !inside => {
                inside = true;
                blocks.push(Block {
                    side: kind.strip_prefix("sh ").unwrap_or_default().to_owned(),
                    line: number + 1,
                    commands: String::new(),
                });
            }
            Some(_) => inside = false,
            None if inside => blocks.last_mut().unwrap().commands.extend([line, "\n"]),
            None => {}
        }
    }
    blocks.retain(|block| !block.side.is_empty());
    blocks
}

/// A host of the tutorial, with the drive and a folder that its operator works in.
struct Host {
    node: Node,
    work: PathBuf,
}

impl Host {
    fn start(names: &[&str], drive: &Path, tls: &TlsFiles) -> Option<Self> {
        let node = Node::knowing(names)?;
        let work = node.path("work");
        std::fs::create_dir_all(&work).unwrap();
        let place = work.parent().unwrap().display();
        let setup = format!(
            "mkdir -p {place}/srv {place}/bin {place}/media/usb /etc/pki
             mount --bind {place}/media /media
             mount --bind {place}/srv /srv
             mount --bind '{}' /media/usb
             ln -s '{}' {place}/bin/carrack
             cp '{}' /etc/pki/mirror.pem
             printf '[storage]\\ndriver = \"vfs\"\\ngraphroot = \"{place}/images\"\\nrunroot = \"{place}/running\"\\n' > /etc/containers/storage.conf",
            drive.display(),
            env!("CARGO_BIN_EXE_carrack"),
            tls.certificate.display(),
        );
        run(&mut node.script(Path::new("/"), &setup));
        node.trust(tls);
        Some(Self { node, work })
    }

    fn run(&self, block: &Block) {
        let bin = self.node.path("bin");
        let script = format!(
            "export PATH={}:$PATH CONTAINERD_SNAPSHOTTER=native\n{}",
            bin.display(),
            block.commands
        );
        let output = self.node.script(&self.work, &script).output().unwrap();
        assert!(
            output.status.success(),
            "docs/voyage.md line {} ({}):\n{}\n{}",
            block.line,
            block.side,
            block.commands,
            said(&output)
        );
    }

    fn containerd(&self) -> Option<Daemon> {
        let config = self.node.path("containerd.toml");
        let text = format!(
            "version = 2\nroot = \"{0}\"\nstate = \"{0}-state\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n",
            self.node.path("containerd").display()
        );
        carrack::fsx::write(&config, text.as_bytes()).unwrap();
        let mut command = self.node.command(&program("containerd")?);
        let log = self.node.path("containerd.log");
        Some(Daemon::start_saying(
            command.arg("--config").arg(&config),
            "containerd successfully booted",
            log,
        ))
    }
}

#[test]
fn the_tutorial_works_word_by_word() {
    if ["podman", "skopeo", "ctr"]
        .iter()
        .any(|name| program(name).is_none())
    {
        return;
    }
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/voyage.md")).unwrap();
    let images = [
        "registry.suse.com/suse/caasp:1.0",
        "registry.suse.com/suse/tools:1.2",
        "registry.suse.com/suse/new:3",
        "docker.io/library/pilot:3",
    ];
    let internet = fixture_bundle::upstream(&images, "stable", "caasp", &[images[0], "pilot:3"]);
    let drive = tempfile::tempdir().unwrap();
    let (outside_tls, inside_tls) = (TlsFiles::new(&CONNECTED), TlsFiles::new(&[MIRROR]));
    let Some(outside) = Host::start(&CONNECTED[..3], drive.path(), &outside_tls) else {
        return;
    };
    let Some(inside) = Host::start(&[MIRROR], drive.path(), &inside_tls) else {
        return;
    };
    // The mirror of the connected side has an address of its own, since both speak on the port of https.
    run(&mut outside.node.script(
        Path::new("/"),
        "ip addr add 10.99.0.2/32 dev lo && echo '10.99.0.2 mirror.local.lan' >> /etc/hosts",
    ));
    let _internet = outside.node.serve(internet.path(), &outside_tls, &[]);
    let (Some(_local), Some(_secure), Some(_containerd)) = (
        outside
            .node
            .docker_registry("mirror.local.lan", "10.99.0.2", &outside_tls),
        inside
            .node
            .docker_registry("mirror.secure.lan", "10.99.0.1", &inside_tls),
        inside.containerd(),
    ) else {
        return;
    };
    let log = "Failed to pull image \"registry.suse.com/suse/new:3\": not found\n";
    carrack::fsx::write(&inside.work.join("kubelet.log"), log.as_bytes()).unwrap();
    let blocks = blocks(&text);
    assert!(blocks.len() > 10, "the tutorial has lost its commands");
    for block in &blocks {
        match block.side.as_str() {
            "connected" => outside.run(block),
            "secure" | "node" => inside.run(block),
            other => panic!("line {}: there is no side {other}", block.line),
        }
    }
    let next = carrack::bundle::Bundle::open(&drive.path().join("next")).unwrap();
    let names: Vec<String> = next.entries().keys().map(ToString::to_string).collect();
    assert_eq!(names, ["registry.suse.com/suse/new:3"]);
}
