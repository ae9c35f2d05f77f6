//! Configuration of container engines: any text is read or refused, and where it sends an engine is a repository.

use carrack::mirrors::PullSources;
use carrack::mirrors::engines::Engine;
use carrack::mirrors::nodes::{By, Error, Files, Node};
use carrack::reference::Repository;

/// The first byte chooses the engine; the text stands in every file that the engine may read.
pub(super) fn check(data: &[u8]) {
    let Some((which, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let engine = match which % 6 {
        0 => Engine::Crio,
        1 => Engine::Podman,
        2 => Engine::Containerd,
        3 => Engine::K3s,
        4 => Engine::Docker,
        _ => Engine::OpenShift,
    };
    let names = [
        "quay.io/a/b",
        "docker.io/library/nginx",
        "localhost:5000/x",
        "registry.example.com/a",
    ];
    let repositories = names.map(|name| name.parse::<Repository>().expect("a repository"));
    if let Ok(Some(node)) = Node::read(engine, &Everywhere(text)) {
        for access in node.accesses() {
            let shown = format!("{access:?}");
            if let Some((_, password)) = &access.login {
                let secret = password.expose();
                assert!(secret.len() < 8 || text.matches(secret).count() > 1 || !shown.contains(secret));
            }
        }
        for repository in &repositories {
            for by in [By::Tag, By::Digest] {
                let lookup = node.lookup(repository, by);
                for place in lookup.places {
                    assert_eq!(Repository::new(place.host(), place.path()), Ok(place));
                }
                for problem in lookup.problems {
                    assert!(!problem.is_empty());
                }
            }
        }
    }
    if let Ok(sources) = PullSources::default().with_registries_conf("registries.conf", text) {
        for repository in &repositories {
            for place in sources.places(repository, true).into_iter().flatten() {
                assert_eq!(Repository::new(place.host(), place.path()), Ok(place));
            }
        }
    }
}

/// A node whose every file has one text.
struct Everywhere<'a>(&'a str);

impl Files for Everywhere<'_> {
    fn text(&self, path: &str) -> Result<Option<String>, Error> {
        assert!(
            path.split('/').all(|part| part != ".."),
            "{path:?} leaves the node"
        );
        Ok(Some(self.0.to_owned()))
    }

    fn names(&self, folder: &str) -> Result<Vec<String>, Error> {
        assert!(
            folder.split('/').all(|part| part != ".."),
            "{folder:?} leaves the node"
        );
        Ok(vec![
            "ca.crt".to_owned(),
            "one.conf".to_owned(),
            "two.yaml".to_owned(),
        ])
    }

    fn folders(&self, _: &str) -> Result<Vec<String>, Error> {
        Ok(vec![
            "_default".to_owned(),
            "quay.io".to_owned(),
            "docker.io".to_owned(),
        ])
    }
}
