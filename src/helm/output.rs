//! The bytes that `helm template` prints.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::error::Error;
use super::load::Pattern;
use super::manifest::{split, trim};
use super::options::Options;
use super::release::{Document, Release};

static SOURCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("(?-u)# Source: [^/]+/([^\n]+)").expect("a constant expression"));

impl Release {
    /// What `helm template` prints with these options.
    pub fn template_output(&self, options: &Options) -> Result<Vec<u8>, Error> {
        let mut manifests = Vec::new();
        if options.include_crds {
            self.crds().for_each(|d| print(d, &mut manifests));
        }
        self.manifests().for_each(|d| print(d, &mut manifests));
        let mut out = trim(&manifests).to_vec();
        out.push(b'\n');
        if !options.no_hooks {
            let shown = self.hooks().filter(|h| !(options.skip_tests && h.is_test));
            shown.for_each(|d| print(d, &mut out));
        }
        if options.show_only.is_empty() {
            Ok(out)
        } else {
            show_only(&out, options)
        }
    }
}

fn print(document: &Document, out: &mut Vec<u8>) {
    out.extend_from_slice(b"---\n# Source: ");
    out.extend_from_slice(document.template.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(&document.text);
    out.push(b'\n');
}

/// Helm cuts what it printed once more, and asks each piece's own `# Source:` line.
fn show_only(printed: &[u8], options: &Options) -> Result<Vec<u8>, Error> {
    let pieces = split(printed, options.profile);
    let mut out = Vec::new();
    for wanted in &options.show_only {
        let pattern = Pattern::parse(wanted);
        let mut missing = true;
        for piece in &pieces {
            let name = SOURCE.captures(piece).and_then(|c| c.get(1));
            let name = name.map(|n| String::from_utf8_lossy(n.as_bytes()).into_owned());
            if name.is_some_and(|n| pattern.as_ref().is_some_and(|p| p.matches(&n))) {
                out.extend_from_slice(b"---\n");
                out.extend_from_slice(piece);
                out.push(b'\n');
                missing = false;
            }
        }
        if missing {
            return Err(Error::NoSuchTemplate { name: wanted.clone() });
        }
    }
    Ok(out)
}
