//! `registries.conf` of CRI-O, podman, buildah and skopeo.
//!
//! Each source gets a `[[registry]]` whose `location` is the mirror. There is no `[[registry.mirror]]`: with one the
//! engine would try the original host after the mirror, and report that failure.

use std::fmt::Write;

use super::{Engine, HEADER, Work, quoted};

pub(super) fn write(mut work: Work<'_>) {
    let mirror = work.mirror;
    let mut text = HEADER.to_owned();
    if work.hosts.contains(crate::reference::DOCKER_HUB) {
        // Charts write `nginx`; the mirror holds it as docker.io/library/nginx.
        text.push_str("unqualified-search-registries = [\"docker.io\"]\n");
    }
    for host in &work.hosts {
        for (source, path) in mirror.mapping.prefixes_of(host) {
            let _ = write!(
                text,
                "\n[[registry]]\nprefix = {}\nlocation = {}\n",
                quoted(&source),
                quoted(&mirror.location(&path))
            );
            if mirror.is_plain() {
                text.push_str("insecure = true\n");
            }
        }
    }
    if mirror.is_plain() {
        let _ = write!(
            text,
            "\n[[registry]]\nlocation = {}\ninsecure = true\n",
            quoted(mirror.host())
        );
    }
    work.file("etc/containers/registries.conf.d/50-carrack.conf", text);
    if let Some(pem) = mirror.authority() {
        let path = format!("etc/containers/certs.d/{}/carrack-ca.crt", mirror.host());
        work.file(&path, pem);
    }
    if let Some(basic) = mirror.basic() {
        let path = match work.engine {
            Engine::Crio => "etc/crio/carrack-auth.json",
            _ => "root/.config/containers/auth.json",
        };
        let auths = serde_json::json!({ "auths": { mirror.host(): { "auth": basic } } });
        work.secret_file(path, format!("{auths:#}\n"));
        if work.engine == Engine::Crio {
            let text = format!("{HEADER}[crio.image]\nglobal_auth_file = \"/etc/crio/carrack-auth.json\"\n");
            work.file("etc/crio/crio.conf.d/50-carrack.conf", text);
        }
    }
    let page = page(&work);
    work.file("INSTALL.txt", page);
}

const NAME: &str = "podman, buildah and skopeo";
const NO_RESTART: &str = "  (nothing to restart: the next command reads it)\n";
const LOGIN: &str = "\nroot/.config/containers/auth.json replaces root's own file: where there is one already, run `podman login` instead.\nOther users have theirs in ~/.config/containers/auth.json.\n";

fn page(work: &Work<'_>) -> String {
    let host = work.mirror.host();
    let with_login = work.mirror.login.is_some();
    let (name, restart, folders, extra) = match (work.engine, with_login) {
        (Engine::Crio, _) => ("CRI-O", "  systemctl restart crio\n", "etc", ""),
        (_, false) => (NAME, NO_RESTART, "etc", ""),
        (_, true) => (NAME, NO_RESTART, "etc root", LOGIN),
    };
    let mut remove = String::from("  rm /etc/containers/registries.conf.d/50-carrack.conf\n");
    let mut first = "";
    if work.mirror.verification.is_some() {
        first = super::verification::PAGE;
        remove.push_str("  rm /etc/containers/registries.d/50-carrack.yaml\n");
        remove.push_str("  (put the copy of /etc/containers/policy.json back)\n");
    }
    if work.mirror.authority().is_some() {
        let _ = writeln!(remove, "  rm -r /etc/containers/certs.d/{host}");
    }
    if work.mirror.login.is_some() && work.engine == Engine::Crio {
        remove.push_str("  rm /etc/crio/crio.conf.d/50-carrack.conf /etc/crio/carrack-auth.json\n");
    }
    format!(
        "{name}: images come from {host}, under the names they always had.\n\n\
         {first}Install, on every node, as root, from the folder that this page lies in:\n\
         \x20 cp -r {folders} /\n{restart}{extra}\n\
         Try it:\n\x20 podman pull NAME-OF-AN-IMAGE     or     crictl pull NAME-OF-AN-IMAGE\n\n\
         Take it back:\n{remove}{restart}"
    )
}
