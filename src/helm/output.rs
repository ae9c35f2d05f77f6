//! The bytes that `helm template` prints.

use std::collections::BTreeMap;
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
        self.before_hooks(options)
            .for_each(|document| print(document, &mut manifests));
        let mut out = trim(&manifests).to_vec();
        out.push(b'\n');
        self.shown_hooks(options)
            .for_each(|document| print(document, &mut out));
        if options.show_only.is_empty() {
            Ok(out)
        } else {
            show_only(&out, options)
        }
    }

    /// The files that `helm template --output-dir` writes with these options, each with its documents, by the names that
    /// they have below that folder.
    pub fn template_files(&self, options: &Options) -> TemplateFiles {
        let mut files = TemplateFiles::default();
        for document in self.before_hooks(options).chain(self.shown_hooks(options)) {
            print(
                document,
                files.texts.entry(document.template.clone()).or_default(),
            );
            files.written.push(document.template.clone());
        }
        files
    }

    fn before_hooks(&self, options: &Options) -> impl Iterator<Item = &Document> {
        let crds = self.crds().filter(|_| options.include_crds);
        crds.chain(self.manifests())
    }

    fn shown_hooks(&self, options: &Options) -> impl Iterator<Item = &Document> {
        let hooks = self.hooks().filter(|_| !options.no_hooks);
        hooks.filter(|hook| !(options.skip_tests && hook.is_test))
    }
}

/// What `helm template --output-dir` writes.
#[derive(Clone, Debug, Default)]
pub struct TemplateFiles {
    /// The bytes of each file.
    pub texts: BTreeMap<String, Vec<u8>>,
    /// The file of each document, in the order in which Helm writes them.
    pub written: Vec<String>,
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
