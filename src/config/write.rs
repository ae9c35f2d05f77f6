//! A configuration as commented text: what `carrack init` leaves for people to go on with.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::Path;

use super::{Chart, Config, Image, OnDisk, Origin, Registry, Tags};
use crate::layouts::Kind;

/// What stands in the place of a section that is empty.
const CHARTS: &str = "\
# charts:
# - repository: https://charts.example.com/stable
#   name: harbour
#   version: \">=1, <2\"
#   values: [values.yaml]
# - oci: oci://ghcr.io/org/charts/name
#   keyring: signers.gpg
# - path: ./charts/own
#   dependencies: true
";
const MANIFESTS: &str = "# manifests: [deploy/]\n";
const IMAGES: &str = "\
# images:
# - docker.io/library/nginx:1.27
# - repository: quay.io/prometheus/node-exporter
#   versions: \">=1.8\"
#   newest: 2
# - oci-archive: build/tool.tar
#   name: registry.example.com/shop/tool:1.0
";
const PLATFORMS: &str = "# platforms: [linux/amd64]\n";
const BUNDLE: &str = "\
# bundle:
#   lock: carrack.lock
#   with-carrack: true
";
const DISCOVERY: &str = "\
# discovery:
#   explore: true
#   include:
#   - image: quay.io/org/sidecar:1.2
#     reason: the operator pulls it by itself
#   exclude:
#   - image: \"*/windows-exporter\"
#     reason: no Windows nodes
";
const REGISTRIES: &str = "\
# registries:
#   registry.example.com:
#     ca-files: [ca.pem]
#   docker.io:
#     pull-through: cache.example.com/hub
";
const POLICY: &str = "\
# policy:
#   registries: [registry.example.com, docker.io]
#   images:
#   - match: registry.example.com/shop/*
#     signature: {keys: [shop.pub]}
#     latest: false
";
const DESTINATIONS: &str = "\
# destinations:
#   inside:
#     registry: mirror.example.lan
#     charts: {oci: oci://mirror.example.lan/charts}
#     engines:
#       folder: nodes
#       for: [containerd, crio]
";

impl Config {
    /// The configuration as text with comments. `origin` says what it was made of, `remarks` what needs a look.
    pub fn to_commented(&self, origin: &str, remarks: &[String]) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = self.write(&mut text, origin, remarks);
        text
    }

    fn write(&self, out: &mut String, origin: &str, remarks: &[String]) -> fmt::Result {
        writeln!(
            out,
            "# What crosses the gap, and how. `carrack config check` reads it, `carrack config schema` explains every key."
        )?;
        writeln!(
            out,
            "#\n#   carrack images carrack.yaml                            # what is needed, and why"
        )?;
        writeln!(
            out,
            "#   carrack export --config carrack.yaml --to /media/usb/bundle"
        )?;
        if !origin.is_empty() {
            writeln!(out, "#\n# Made of {}.", comment(origin))?;
        }
        if !remarks.is_empty() {
            writeln!(
                out,
                "#\n# Look at these, they could not be taken over as they were:"
            )?;
            for remark in remarks {
                writeln!(out, "# - {}", comment(remark))?;
            }
        }
        writeln!(out, "version: 1")?;
        section(out, "Charts that go along, with the images that they need.")?;
        self.write_charts(out)?;
        section(
            out,
            "Kubernetes manifests on disk, files and folders: their images are carried.",
        )?;
        write_paths(out, "manifests", &self.manifests, MANIFESTS)?;
        if !self.lists.is_empty() {
            section(out, "Lists of images on disk.")?;
            write_paths(out, "lists", &self.lists, "")?;
        }
        section(out, "Images by name, and repositories with a choice of tags.")?;
        self.write_images(out)?;
        section(
            out,
            "Platforms to carry; without this line, all that an image has.",
        )?;
        if self.platforms.is_empty() {
            out.push_str(PLATFORMS);
        } else {
            let names: Vec<String> = self
                .platforms
                .iter()
                .map(|platform| plain(&platform.text))
                .collect();
            writeln!(out, "platforms: [{}]", names.join(", "))?;
        }
        section(out, "How images are looked for in charts and manifests.")?;
        out.push_str(DISCOVERY);
        section(
            out,
            "How hosts are reached. Passwords stay in files of their own, or where docker, podman and helm keep them.",
        )?;
        self.write_registries(out)?;
        section(
            out,
            "What is asked of images on both sides of the gap; what no rule matches only needs an allowed registry.",
        )?;
        out.push_str(POLICY);
        section(
            out,
            "How bundles are written: the digests that tags came to are kept, and the drive carries the program.",
        )?;
        out.push_str(BUNDLE);
        section(
            out,
            "Where bundles go: `carrack import --from BUNDLE --config carrack.yaml --to inside`.",
        )?;
        out.push_str(DESTINATIONS);
        Ok(())
    }

    fn write_charts(&self, out: &mut String) -> fmt::Result {
        if self.charts.is_empty() {
            out.push_str(CHARTS);
            return Ok(());
        }
        writeln!(out, "charts:")?;
        self.charts.iter().try_for_each(|chart| write_chart(out, chart))
    }

    fn write_images(&self, out: &mut String) -> fmt::Result {
        if self.images.is_empty() {
            out.push_str(IMAGES);
            return Ok(());
        }
        writeln!(out, "images:")?;
        let mut written = BTreeSet::new();
        for image in &self.images {
            let mut entry = String::new();
            write_image(&mut entry, image)?;
            if written.insert(entry.clone()) {
                out.push_str(&entry);
            }
        }
        Ok(())
    }

    fn write_registries(&self, out: &mut String) -> fmt::Result {
        if self.registries.is_empty() {
            out.push_str(REGISTRIES);
            return Ok(());
        }
        writeln!(out, "registries:")?;
        for (host, registry) in &self.registries {
            write_registry(out, host, registry)?;
        }
        Ok(())
    }
}

fn section(out: &mut String, heading: &str) -> fmt::Result {
    writeln!(out, "\n# {heading}")
}

fn write_paths(out: &mut String, key: &str, paths: &[std::path::PathBuf], example: &str) -> fmt::Result {
    if paths.is_empty() {
        out.push_str(example);
        return Ok(());
    }
    writeln!(out, "{key}:")?;
    paths
        .iter()
        .try_for_each(|path| writeln!(out, "- {}", path_text(path)))
}

fn write_chart(out: &mut String, chart: &Chart) -> fmt::Result {
    match &chart.origin {
        Origin::Path(path) => writeln!(out, "- path: {}", path_text(path))?,
        Origin::Oci(url) => writeln!(out, "- oci: {}", plain(url))?,
        Origin::Repository { url, name } => {
            writeln!(out, "- repository: {}", plain(url))?;
            if let Some(name) = name {
                writeln!(out, "  name: {}", plain(name))?;
            }
        }
    }
    if let Some(version) = &chart.fields.version {
        writeln!(out, "  version: {}", quoted(&version.text))?;
    }
    if chart.fields.all_versions {
        writeln!(out, "  all-versions: true")?;
    }
    Ok(())
}

fn write_image(out: &mut String, image: &Image) -> fmt::Result {
    let reason = match image {
        Image::One {
            reference,
            reason: None,
        } => return writeln!(out, "- {}", plain(&reference.text)),
        Image::OnDisk { source, reason } => {
            write_on_disk(out, source)?;
            reason
        }
        Image::One { reference, reason } => {
            writeln!(out, "- image: {}", plain(&reference.text))?;
            reason
        }
        Image::Tags {
            repository,
            tags,
            reason,
        } => {
            writeln!(out, "- repository: {}", plain(&repository.text))?;
            write_tags(out, tags)?;
            reason
        }
    };
    if let Some(reason) = reason {
        writeln!(out, "  reason: {}", quoted(reason))?;
    }
    Ok(())
}

fn write_on_disk(out: &mut String, source: &OnDisk) -> fmt::Result {
    let key = match source.kind {
        Kind::OciFolder => "oci",
        Kind::OciArchive => "oci-archive",
        Kind::DockerArchive => "docker-archive",
    };
    writeln!(out, "- {key}: {}", path_text(&source.path))?;
    if let Some(name) = &source.name {
        writeln!(out, "  name: {}", plain(&name.text))?;
    }
    if let Some(which) = &source.which {
        writeln!(out, "  which: {}", quoted(which))?;
    }
    Ok(())
}

fn write_tags(out: &mut String, tags: &Tags) -> fmt::Result {
    match tags {
        Tags::Named(names) => {
            let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            writeln!(out, "  tags: [{}]", names.join(", "))
        }
        Tags::Matching {
            pattern,
            range,
            newest,
        } => {
            if let Some(pattern) = pattern {
                writeln!(out, "  matching: {}", quoted(&pattern.text))?;
            }
            if let Some(range) = range {
                writeln!(out, "  versions: {}", quoted(&range.text))?;
            }
            if let Some(newest) = newest {
                writeln!(out, "  newest: {newest}")?;
            }
            if pattern.is_none() && range.is_none() && newest.is_none() {
                writeln!(out, "  all-tags: true")?;
            }
            Ok(())
        }
    }
}

fn write_registry(out: &mut String, host: &str, registry: &Registry) -> fmt::Result {
    writeln!(out, "  {}:", quoted(host))?;
    let mut is_empty = true;
    let mut entry = |key: &str, value: String| {
        is_empty = false;
        writeln!(out, "    {key}: {value}")
    };
    if registry.plain_http {
        entry("plain-http", "true".to_owned())?;
    }
    if !registry.ca_files.is_empty() {
        let files: Vec<String> = registry.ca_files.iter().map(|path| path_text(path)).collect();
        entry("ca-files", format!("[{}]", files.join(", ")))?;
    }
    if let Some(folder) = &registry.certificate_folder {
        entry("certificate-folder", path_text(folder))?;
    }
    if let Some(client) = &registry.client {
        let (certificate, key) = (path_text(&client.certificate), path_text(&client.key));
        entry("client", format!("{{certificate: {certificate}, key: {key}}}"))?;
    }
    if let Some(login) = &registry.login {
        let (name, file) = (quoted(&login.username), path_text(&login.password_file));
        entry("login", format!("{{username: {name}, password-file: {file}}}"))?;
    }
    if is_empty {
        writeln!(out, "    {{}}")
    } else {
        Ok(())
    }
}

/// A text that YAML reads as itself without quotes, or else in quotes.
fn plain(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@' | '+');
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '.' | '/'));
    let word = matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off");
    if starts_well && text.chars().all(safe) && !text.ends_with(':') && !word {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// JSON's quotes are YAML's, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn path_text(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

/// One line that ends no comment.
fn comment(text: &str) -> String {
    crate::secret::printable(text, 1000)
}
