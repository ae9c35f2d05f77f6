//! `registries.yaml` of k3s and RKE2.

use std::fmt::Write;

use super::{Engine, HEADER, Work, quoted};

pub(super) fn write(mut work: Work<'_>) {
    let mirror = work.mirror;
    let name = work.engine.name();
    let folder = format!("etc/rancher/{name}");
    let mut text = format!("{HEADER}mirrors:\n");
    let mut gaps = Vec::new();
    for host in &work.hosts {
        let endpoint = quoted(&format!("{}://{}", mirror.scheme(), mirror.host()));
        let _ = write!(text, "  {}:\n    endpoint:\n      - {endpoint}\n", quoted(host));
        let prefixes = mirror.mapping.prefixes_of(host);
        let (kept, overlapping) = without_overlaps(&prefixes, host);
        for source in overlapping {
            gaps.push(format!(
                "it keeps no order of overlapping rewrites, so that {source} is looked for where the rest of {host} lies: add a place there with --map '{source}+=…'"
            ));
        }
        let rewrites = rewrites(&kept, host);
        if !rewrites.is_empty() {
            text.push_str("    rewrite:\n");
            for (pattern, replacement) in rewrites {
                let _ = writeln!(text, "      {}: {}", quoted(&pattern), quoted(&replacement));
            }
        }
    }
    if work.hosts.is_empty() {
        text = format!("{HEADER}mirrors: {{}}\n");
    }
    for gap in gaps {
        work.gap(gap);
    }
    let authority = format!("/{folder}/carrack-ca.crt");
    if mirror.authority().is_some() || mirror.login.is_some() {
        let _ = write!(text, "configs:\n  {}:\n", quoted(mirror.host()));
        if let Some((user, password)) = &mirror.login {
            let (user, password) = (quoted(user), quoted(password.expose()));
            let _ = write!(
                text,
                "    auth:\n      username: {user}\n      password: {password}\n"
            );
        }
        if mirror.authority().is_some() {
            let _ = write!(text, "    tls:\n      ca_file: {}\n", quoted(&authority));
        }
    }
    let path = format!("{folder}/registries.yaml");
    if mirror.login.is_some() {
        work.secret_file(&path, text);
    } else {
        work.file(&path, text);
    }
    if let Some(pem) = mirror.authority() {
        work.file(authority.trim_start_matches('/'), pem);
    }
    let config = format!("{HEADER}disable-default-registry-endpoint: true\n");
    work.file(&format!("{folder}/config.yaml.d/50-carrack.yaml"), config);
    let page = page(&work);
    work.file("INSTALL.txt", page);
}

/// The sources whose rewrites cannot both fit a repository, and those that had to give way. Of several rewrites that fit,
/// the engine takes any, so that only the wider one of two is of use.
fn without_overlaps<'a>(
    prefixes: &'a [(String, String)],
    host: &str,
) -> (Vec<(String, String)>, Vec<&'a str>) {
    let is_rewritten = |(source, path): &(String, String)| source != host || !path.is_empty();
    let holds = |wide: &str, narrow: &str| {
        narrow
            .strip_prefix(wide)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    let (mut kept, mut overlapping) = (Vec::new(), Vec::new());
    for prefix in prefixes {
        let mut others = prefixes.iter().filter(|other| is_rewritten(other));
        if others.any(|(wide, _)| holds(wide, &prefix.0)) {
            overlapping.push(prefix.0.as_str());
        } else {
            kept.push(prefix.clone());
        }
    }
    (kept, overlapping)
}

/// Regular expressions over the repository's path: `^jetstack/(.*)` → `jet/$1`.
fn rewrites(prefixes: &[(String, String)], host: &str) -> Vec<(String, String)> {
    let mut rewrites = Vec::new();
    for (source, path) in prefixes {
        let to = |rest: &str| {
            if path.is_empty() {
                rest.to_owned()
            } else {
                format!("{path}/{rest}")
            }
        };
        match source.strip_prefix(host).map(|rest| rest.trim_start_matches('/')) {
            Some("") if path.is_empty() => {}
            Some("") => rewrites.push(("^(.*)$".to_owned(), to("$1"))),
            Some(below) => {
                let escaped = below.replace('.', "\\.");
                rewrites.push((format!("^{escaped}/(.*)$"), to("$1")));
                if !path.is_empty() {
                    rewrites.push((format!("^{escaped}$"), path.clone()));
                }
            }
            None => {}
        }
    }
    rewrites
}

fn page(work: &Work<'_>) -> String {
    let host = work.mirror.host();
    let (name, services) = match work.engine {
        Engine::K3s => ("k3s", "systemctl restart k3s          (agents: k3s-agent)"),
        _ => ("rke2", "systemctl restart rke2-server  (agents: rke2-agent)"),
    };
    format!(
        "{name}: images come from {host}, under the names they always had.\n\n\
         Install, on every node, as root, from the folder that this page lies in:\n\
         \x20 cp -r etc /\n\
         \x20 {services}\n\
         If the node has an /etc/rancher/{name}/registries.yaml already, put the entries below `mirrors` and `configs` into it.\n\n\
         config.yaml.d/50-carrack.yaml switches the way back to the original host off (--disable-default-registry-endpoint,\n\
         Kubernetes 1.27 and later). An older {name} does not know it: remove that file there.\n\n\
         Try it:\n\
         \x20 {name} crictl pull NAME-OF-AN-IMAGE      (rke2: /var/lib/rancher/rke2/bin/crictl)\n\n\
         Take it back:\n\
         \x20 rm /etc/rancher/{name}/registries.yaml /etc/rancher/{name}/config.yaml.d/50-carrack.yaml\n\
         \x20 {services}\n"
    )
}
