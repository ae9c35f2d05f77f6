//! `daemon.json` of Docker, and of SUSE's Docker.

use serde_json::{Value, json};

use super::Work;
use crate::reference::DOCKER_HUB;

/// Where the images of `docker.io` really are.
const HUB_ENDPOINT: &str = "registry-1.docker.io";

/// Docker asks mirrors for Docker Hub's images only, and by a URL that has no path.
pub(super) fn write(mut work: Work<'_>) {
    let mirror = work.mirror;
    let others: Vec<String> = work
        .hosts
        .iter()
        .filter(|host| **host != DOCKER_HUB)
        .map(ToString::to_string)
        .collect();
    if !others.is_empty() {
        work.gap(format!(
            "it mirrors Docker Hub only. Images of {} need `docker load`, a reverse proxy that answers for these names, or another engine",
            others.join(", ")
        ));
    }
    if !work.hosts.contains(DOCKER_HUB) {
        return;
    }
    if !is_at_root(&work, DOCKER_HUB) {
        work.gap(
            "it asks a mirror by a URL without a path, so that Docker Hub's images must lie at the root too: import with --map 'docker.io+=/' and no prefix"
                .to_owned(),
        );
        return;
    }
    if mirror.login.is_some() {
        work.gap(
            "it sends no password to a mirror: let the mirror answer nodes without one, or use another engine".to_owned(),
        );
    }
    let mut settings = json!({ "registry-mirrors": [format!("{}://{}", mirror.scheme(), mirror.host())] });
    if mirror.is_plain() {
        put(&mut settings, "insecure-registries", json!([mirror.host()]));
    }
    let about = hub_page(mirror.host());
    let undo = format!("  sed -i '/ {HUB_ENDPOINT}$/d' /etc/hosts\n");
    finish(work, &settings, &about, &undo);
}

/// What Docker does when the mirror has not got an image, and what keeps its second try from the internet: no setting of
/// dockerd turns that try off. With the image store of containerd it reports what the first of both said, else the second.
fn hub_page(mirror: &str) -> String {
    let name = mirror.rsplit_once(':').map_or(mirror, |(name, _)| name);
    format!(
        "Docker mirrors Docker Hub only: docker.io/library/nginx and its like.\n\n\
         When the mirror is down or has no such image, dockerd asks {HUB_ENDPOINT} as well. With the image store of\n\
         containerd, which a new installation of Docker 29 has, `docker pull` prints what came of the mirror. Without it\n\
         (`docker info` does not say io.containerd.snapshotter) it prints what came of the second try only; what came of\n\
         the mirror is in the log: journalctl -u docker | grep {name}\n\n\
         A line in /etc/hosts leads that second try to the mirror, too. It then ends at once, and asks no name server:\n\
         \x20 getent hosts {name} | sed 's/ .*/ {HUB_ENDPOINT}/' >> /etc/hosts\n\
         With it an older `docker pull` prints the mirror's address and `connection refused` while the mirror is down, and that its\n\
         certificate is not valid for {HUB_ENDPOINT} when it has no such image."
    )
}

/// SUSE's Docker has a list of mirrors for each registry.
pub(super) fn write_suse(mut work: Work<'_>) {
    let mirror = work.mirror;
    let mut registries = Vec::new();
    for host in work.hosts.clone() {
        if is_at_root(&work, host) {
            let upstream = if host == DOCKER_HUB { HUB_ENDPOINT } else { host };
            registries.push(json!({
                "Prefix": format!("https://{upstream}"),
                "Mirrors": [{ "URL": format!("{}://{}", mirror.scheme(), mirror.host()) }],
            }));
        } else {
            work.gap(format!(
                "it asks a mirror by a URL without a path, so that the images of {host} must lie at the root too: import with --map '{host}+=/' and no prefix"
            ));
        }
    }
    if registries.is_empty() {
        return;
    }
    let mut settings = json!({ "registries": registries });
    if mirror.is_plain() {
        put(&mut settings, "insecure-registries", json!([mirror.host()]));
    }
    finish(
        work,
        &settings,
        "This is for the Docker of SUSE CaaS Platform 3 and its SLES packages, which know `registries`. Another Docker does not\nstart with this file.",
        "",
    );
}

fn is_at_root(work: &Work<'_>, host: &str) -> bool {
    let mapping = &work.mirror.mapping;
    let first = mapping.prefixes_of(host).pop().map(|(_, path)| path);
    let places = first.into_iter().chain(mapping.additional_prefixes_of(host));
    places.into_iter().any(|path| path.is_empty())
}

fn put(settings: &mut Value, key: &str, value: Value) {
    if let Some(settings) = settings.as_object_mut() {
        settings.insert(key.to_owned(), value);
    }
}

/// Writes the files and the page: what is special `about` this Docker, and the commands that `undo` it.
fn finish(mut work: Work<'_>, settings: &Value, about: &str, undo: &str) {
    let host = work.mirror.host();
    work.file("etc/docker/daemon.json", format!("{settings:#}\n"));
    let mut remove = String::from("  rm /etc/docker/daemon.json       (or take the keys out again)\n");
    if let Some(pem) = work.mirror.authority() {
        work.file(&format!("etc/docker/certs.d/{host}/ca.crt"), pem);
        remove.push_str("  rm -r /etc/docker/certs.d/");
        remove.push_str(host);
        remove.push('\n');
    }
    let page = format!(
        "docker: images come from {host}, under the names they always had.\n\n{about}\n\n\
         Install, on every node, as root, from the folder that this page lies in:\n\
         \x20 cp -r etc /\n\
         \x20 systemctl restart docker\n\
         If the node has an /etc/docker/daemon.json already, put the keys of this one into it instead.\n\n\
         Try it:\n\
         \x20 docker pull NAME-OF-AN-IMAGE\n\n\
         Take it back:\n{remove}{undo}  systemctl restart docker\n"
    );
    work.file("INSTALL.txt", page);
}
