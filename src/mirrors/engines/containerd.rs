//! `certs.d` of containerd: one `hosts.toml` for each host that images come from.

use std::fmt::Write;

use super::{HEADER, Work, quoted};

/// Where the authority's certificate lies on a node.
const AUTHORITY: &str = "/etc/containerd/certs.d/carrack-ca.crt";

pub(super) fn write(mut work: Work<'_>) {
    let mirror = work.mirror;
    for host in work.hosts.clone() {
        let prefixes = mirror.mapping.prefixes_of(host);
        // The last one is the whole host: containerd knows no other unit.
        let Some((_, path)) = prefixes.last() else {
            continue;
        };
        for (source, _) in prefixes.iter().filter(|(source, _)| source != host) {
            work.gap(format!(
                "it maps whole hosts, so that {source} is looked for where the rest of {host} lies: add a place there with --map '{source}+=…'"
            ));
        }
        let url = if path.is_empty() {
            format!("{}://{}/v2", mirror.scheme(), mirror.host())
        } else {
            format!("{}://{}/v2/{path}", mirror.scheme(), mirror.host())
        };
        // `server` is what containerd tries last. Without it that is the original host.
        let mut text = format!("{HEADER}server = {}\n", quoted(&url));
        options(work.mirror, &mut text, "");
        let _ = write!(text, "\n[host.{}]\n", quoted(&url));
        options(work.mirror, &mut text, "  ");
        if let Some(basic) = mirror.basic() {
            let value = quoted(&format!("Basic {basic}"));
            let _ = write!(
                text,
                "  [host.{}.header]\n    authorization = {value}\n",
                quoted(&url)
            );
            work.secret_file(&path_of(host), text);
        } else {
            work.file(&path_of(host), text);
        }
    }
    if let Some(pem) = mirror.authority() {
        work.file(AUTHORITY.trim_start_matches('/'), pem);
    }
    let page = page(&work);
    work.file("INSTALL.txt", page);
}

fn options(mirror: &super::Mirror, text: &mut String, indent: &str) {
    let _ = write!(
        text,
        "{indent}capabilities = [\"pull\", \"resolve\"]\n{indent}override_path = true\n"
    );
    if mirror.authority().is_some() {
        let _ = writeln!(text, "{indent}ca = {}", quoted(AUTHORITY));
    }
}

/// containerd writes `host:port` as `host_port_`, which every file system takes.
fn path_of(host: &str) -> String {
    let folder = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => format!("{name}_{port}_"),
        _ => host.to_owned(),
    };
    format!("etc/containerd/certs.d/{folder}/hosts.toml")
}

fn page(work: &Work<'_>) -> String {
    let host = work.mirror.host();
    let mut folders: Vec<String> = work
        .hosts
        .iter()
        .map(|source| path_of(source).replace("/hosts.toml", ""))
        .collect();
    if work.mirror.authority().is_some() {
        folders.push(AUTHORITY.trim_start_matches('/').to_owned());
    }
    let remove = folders.iter().fold(String::new(), |mut text, folder| {
        let _ = writeln!(text, "  rm -r /{folder}");
        text
    });
    format!(
        "containerd: images come from {host}, under the names they always had.\n\n\
         Install, on every node, as root, from the folder that this page lies in:\n\
         \x20 cp -r etc /\n\n\
         containerd must be told once to look there, in /etc/containerd/config.toml.\n\
         Version 1.5 to 1.7:\n\
         \x20 [plugins.\"io.containerd.grpc.v1.cri\".registry]\n\
         \x20   config_path = \"/etc/containerd/certs.d\"\n\
         Version 2:\n\
         \x20 [plugins.\"io.containerd.cri.v1.images\".registry]\n\
         \x20   config_path = \"/etc/containerd/certs.d\"\n\
         and then\n\
         \x20 systemctl restart containerd\n\
         Later changes below certs.d need no restart.\n\n\
         Try it:\n\
         \x20 crictl pull NAME-OF-AN-IMAGE\n\
         \x20 ctr image pull --hosts-dir /etc/containerd/certs.d NAME-OF-AN-IMAGE\n\
         (ctr does not read config.toml: without --hosts-dir it asks the original host.)\n\n\
         Take it back:\n{remove}"
    )
}
