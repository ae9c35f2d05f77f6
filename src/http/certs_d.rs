//! Docker's and podman's folders of certificates: `certs.d/HOST[:PORT]/{*.crt,*.cert,*.key}`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::settings::HostTls;

/// The settings of every host that has a folder in one of `folders`. The first folder that names a host counts.
pub(super) fn read(folders: &[PathBuf]) -> Result<BTreeMap<String, HostTls>, Error> {
    let mut found = BTreeMap::new();
    for folder in folders {
        for host in entries(folder)? {
            let Some(name) = host.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if !host.is_dir() || found.contains_key(name) {
                continue;
            }
            if let Some(tls) = HostTls::in_folder(&host)? {
                found.insert(name.to_ascii_lowercase(), tls);
            }
        }
    }
    Ok(found)
}

impl HostTls {
    /// The settings in one host's folder, `None` if there is no certificate in it.
    pub fn in_folder(folder: &Path) -> Result<Option<Self>, Error> {
        let mut tls = Self::default();
        for path in entries(folder)? {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("crt") => tls.ca_files.push(path),
                Some("cert") => {
                    let key = path.with_extension("key");
                    if !key.is_file() {
                        return Err(Error::NoKey { path });
                    }
                    tls.client = tls.client.or(Some((path, key)));
                }
                _ => {}
            }
        }
        Ok((tls != Self::default()).then_some(tls))
    }
}

/// The entries of a folder, sorted; a folder that does not exist has none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::CertificateFile {
        path: folder.to_owned(),
        source,
    };
    let listing = match std::fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in listing {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(path)
            .unwrap();
    }

    #[test]
    fn each_host_has_the_certificates_of_its_folder() {
        let root = tempfile::tempdir().unwrap();
        let (first, second) = (root.path().join("a"), root.path().join("b"));
        for file in [
            "r.example:5000/ca.crt",
            "r.example:5000/client.cert",
            "r.example:5000/client.key",
            "empty/readme",
        ] {
            touch(&first.join(file));
        }
        touch(&second.join("r.example:5000/other.crt"));
        touch(&second.join("s.example/ca.crt"));
        let found = read(&[root.path().join("missing"), first.clone(), second]).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["r.example:5000", "s.example"]);
        let tls = &found["r.example:5000"];
        assert_eq!(tls.ca_files, [first.join("r.example:5000/ca.crt")]);
        assert!(tls.client.is_some());
    }

    #[test]
    fn a_client_certificate_without_its_key_is_named() {
        let root = tempfile::tempdir().unwrap();
        touch(&root.path().join("r.example/client.cert"));
        let error = read(&[root.path().to_owned()]).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("client.cert has no client.key beside it"),
            "{error}"
        );
    }
}
