//! A node inside the gap: a network of its own without a route, an `/etc` of its own, and a mirror that has a name.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::programs::{Daemon, is_root, program, run};

/// Where the mirror of the secure side listens, in the node's own network.
pub(crate) const MIRROR: &str = "mirror.secure.lan";
/// Its address there.
pub(crate) const ADDRESS: &str = "10.99.0.1";

/// Namespaces of network and mounts, kept by a process that sleeps. Nothing that runs in them reaches another machine.
#[derive(Debug)]
pub(crate) struct Node {
    keeper: Child,
    folder: tempfile::TempDir,
}

impl Node {
    /// A new one that knows the mirror's name, or `None` with a printed line where there is no right to make it.
    pub(crate) fn start() -> Option<Self> {
        Self::knowing(&[MIRROR])
    }

    /// A new one that has these names itself, all at one address.
    pub(crate) fn knowing(names: &[&str]) -> Option<Self> {
        let (unshare, _) = (program("unshare").filter(|_| is_root())?, program("ip")?);
        let keeper = Command::new(unshare)
            .args(["--net", "--mount", "--propagation", "private", "sleep", "600"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let node = Self {
            keeper,
            folder: tempfile::tempdir().unwrap(),
        };
        node.wait_for_namespaces();
        let setup = format!(
            "ip link set lo up && ip addr add {ADDRESS}/32 dev lo && cp -a /etc '{0}/etc' && mount --bind '{0}/etc' /etc \
             && mount -t tmpfs tmpfs /run && echo '{ADDRESS} {1}' >> /etc/hosts && test -z \"$(ip route)\"",
            node.folder.path().display(),
            names.join(" ")
        );
        run(node.command(Path::new("/bin/sh")).args(["-ec", &setup]));
        Some(node)
    }

    /// The keeper has its namespaces only after `unshare` has made them.
    fn wait_for_namespaces(&self) {
        let of = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/mnt")).ok();
        let own = of("self");
        for _ in 0..200 {
            let theirs = of(&self.keeper.id().to_string());
            if theirs.is_some() && theirs != own {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_ne!(of(&self.keeper.id().to_string()), own, "no namespaces");
    }

    /// A folder of the node's own, the same path inside and outside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command on the node. It finds no proxy in its environment.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg("--net")
            .arg("--mount")
            .args(["--target", &self.keeper.id().to_string(), "--"])
            .arg(program)
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("HOME", self.folder.path())
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs a script on the node, in a folder.
    pub(crate) fn script(&self, folder: &Path, script: &str) -> Command {
        let mut command = self.command(Path::new("/bin/bash"));
        let whole = format!("cd '{}'\n{script}", folder.display());
        command.args(["-euo", "pipefail", "-c", &whole]);
        command
    }

    /// Makes every program on the node trust an authority.
    pub(crate) fn trust(&self, tls: &TlsFiles) {
        let add = format!(
            "cat '{}' >> /etc/ssl/certs/ca-certificates.crt",
            tls.certificate.display()
        );
        run(&mut self.script(Path::new("/"), &add));
    }

    /// Starts Debian's `docker-registry` with TLS, its data in a folder of this name.
    pub(crate) fn docker_registry(&self, name: &str, address: &str, tls: &TlsFiles) -> Option<Daemon> {
        let (registry, data) = (program("docker-registry")?, self.path(name));
        let config = self.path(&format!("{name}.yml"));
        let text = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{address}:443', tls: {{certificate: {}, key: {}}}}}\n",
            data.display(),
            tls.certificate.display(),
            tls.key.display()
        );
        carrack::fsx::write(&config, text.as_bytes()).unwrap();
        let mut command = self.command(&registry);
        let log = self.path(&format!("{name}.log"));
        Some(Daemon::start_saying(
            command.arg("serve").arg(&config),
            "listening on",
            log,
        ))
    }

    /// Does what `INSTALL.txt` says: `cp -r etc /`, from the folder that it lies in.
    pub(crate) fn install(&self, folder: &Path) {
        let page = std::fs::read_to_string(folder.join("INSTALL.txt")).unwrap();
        assert!(page.contains("  cp -r etc /\n"), "{page}");
        run(&mut self.script(folder, "cp -r etc /"));
    }

    /// Starts `carrack serve` over a bundle, with TLS, and waits until it listens.
    pub(crate) fn serve(&self, bundle: &Path, certificates: &TlsFiles, more: &[&str]) -> Daemon {
        let ready = self.path("mirror.log");
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_carrack")));
        command
            .arg("serve")
            .arg(bundle)
            .args(["--listen", &format!("{ADDRESS}:443"), "--tls-cert"])
            .arg(&certificates.certificate)
            .arg("--tls-key")
            .arg(&certificates.key)
            .args(more);
        Daemon::start_saying(&mut command, "serving", ready)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// A certificate and its key, as PEM files. It is its own authority.
#[derive(Debug)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Removed when this is dropped.
    _folder: tempfile::TempDir,
}

impl TlsFiles {
    /// New ones for these names.
    pub(crate) fn new(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        carrack::fsx::write(&certificate, made.cert.pem().as_bytes()).unwrap();
        carrack::fsx::write(&key, made.signing_key.serialize_pem().as_bytes()).unwrap();
        Self {
            certificate,
            key,
            _folder: folder,
        }
    }
}
