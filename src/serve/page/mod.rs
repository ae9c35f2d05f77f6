//! The page for people: what is on the drive, why, and the commands to copy. Plain HTML, nothing from elsewhere.

mod markup;

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};

use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

use super::answer::{self, Answer};
use super::catalog::{Catalog, Facts};
use crate::bundle::{Bundle, ChartFile, Provenance};
use crate::mirrors::engines::{Engine, Mirror, Transport, write_plan};
use crate::mirrors::{Mapping, Target};
use crate::reference::Reference;
use markup::{Safe, block};

const STYLE: &str = include_str!("page.css");

/// Engines whose configuration the page shows.
const SHOWN_ENGINES: [(Engine, &str); 3] = [
    (Engine::Podman, "CRI-O, podman, buildah, skopeo"),
    (Engine::Containerd, "containerd"),
    (Engine::K3s, "k3s, RKE2"),
];

/// How many images one page lists; the rest is behind the API.
const LISTED: usize = 5_000;

/// How a browser reached the server.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// The `Host` header, if it is a registry's host.
    pub(super) target: Option<Target>,
    /// Whether it came over TLS.
    pub(super) is_tls: bool,
}

/// The page.
pub(super) fn answer(bundle: &Bundle, catalog: &Catalog, mapping: &Mapping, visit: &Visit) -> Answer {
    let mut html = String::with_capacity(64 << 10);
    let charts = bundle.chart_files().unwrap_or_default();
    let page = Page {
        catalog,
        mapping,
        visit,
        charts: repositories(&charts),
    };
    // Writing into a string cannot fail.
    let _ = write!(html, "{page}");
    let mut answer = answer::bytes(StatusCode::OK, "text/html; charset=utf-8", html);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    answer::header(&mut answer, CONTENT_SECURITY_POLICY, policy);
    answer::header(&mut answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
    answer::header(&mut answer, REFERRER_POLICY, "no-referrer");
    answer
}

/// Chart repositories by their path, with their archives.
fn repositories(files: &[ChartFile]) -> BTreeMap<&str, Vec<(&str, u64)>> {
    let mut found: BTreeMap<&str, Vec<(&str, u64)>> = BTreeMap::new();
    for file in files {
        let Some((folder, name)) = file.path.rsplit_once('/') else {
            continue;
        };
        if let Some(chart) = name.strip_suffix(".tgz") {
            found.entry(folder).or_default().push((chart, file.size));
        }
    }
    found
}

struct Page<'a> {
    catalog: &'a Catalog,
    mapping: &'a Mapping,
    visit: &'a Visit,
    charts: BTreeMap<&'a str, Vec<(&'a str, u64)>>,
}

impl Page<'_> {
    fn host(&self) -> String {
        let target = self.visit.target.as_ref();
        target.map_or_else(|| "THIS-HOST".to_owned(), |target| target.registry().to_owned())
    }

    fn scheme(&self) -> &'static str {
        if self.visit.is_tls { "https" } else { "http" }
    }

    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let images = self.catalog.entries().len();
        let charts: usize = self.charts.values().map(Vec::len).sum();
        f.write_str("<dl class=\"facts\">")?;
        let rows = [
            ("Images", images.to_string()),
            ("Content", size(self.catalog.bytes())),
            ("Charts", charts.to_string()),
        ];
        for (name, value) in rows {
            write!(f, "<div><dt>{name}</dt><dd>{}</dd></div>", Safe(value))?;
        }
        if let Some(inventory) = self.catalog.inventory() {
            let rows = [
                ("Made", inventory.created.replace('T', " ").replace('Z', " UTC")),
                ("By", inventory.tool.clone()),
                (
                    "Bundle",
                    format!("{} · run {}", inventory.bundle_id, inventory.sequence),
                ),
            ];
            for (name, value) in rows {
                write!(f, "<div><dt>{name}</dt><dd>{}</dd></div>", Safe(value))?;
            }
        }
        f.write_str("</dl>")?;
        if self.catalog.inventory().is_none() {
            f.write_str("<p class=\"warn\">This bundle has no inventory: the run that makes it has not finished, or another tool made it.</p>")?;
        }
        for problem in self.catalog.problems() {
            write!(f, "<p class=\"warn\">{}</p>", Safe(problem))?;
        }
        Ok(())
    }

    fn images(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<h2 id=\"images\">Images</h2>")?;
        if self.catalog.entries().is_empty() {
            return f.write_str("<p>There are no images.</p>");
        }
        if self.has_sureness() {
            f.write_str("<p class=\"note\">How sure each place is: <b>certain</b>, a container runs it; <b>strong</b>, a field, variable or flag names it; <b>heuristic</b>, a text reads like it; <b>candidate</b>, it may be one.</p>")?;
        }
        f.write_str("<table><thead><tr><th>Name</th><th>Platforms</th><th>Size</th><th>Why it is here</th></tr></thead><tbody>")?;
        for (reference, facts) in self.catalog.facts().iter().take(LISTED) {
            self.image(f, reference, facts)?;
        }
        f.write_str("</tbody></table>")?;
        let images = self.catalog.entries().len();
        if images > LISTED {
            write!(
                f,
                "<p>{} more are listed under <code>/v2/_catalog</code>.</p>",
                images - LISTED
            )?;
        }
        Ok(())
    }

    /// Whether the inventory says of a place how sure it is.
    fn has_sureness(&self) -> bool {
        let records = self
            .catalog
            .inventory()
            .into_iter()
            .flat_map(|inventory| inventory.references.values());
        records
            .flat_map(|record| &record.provenance)
            .any(|provenance| provenance.tier.is_some())
    }

    fn image(&self, f: &mut fmt::Formatter<'_>, reference: &Reference, facts: &Facts) -> fmt::Result {
        write!(
            f,
            "<tr><td data-label=\"Name\"><code class=\"name\">{}</code>",
            Safe(reference)
        )?;
        // A pinned name says its digest itself.
        if reference.digest() != Some(&facts.digest) {
            write!(f, "<code class=\"digest\">{}</code>", Safe(facts.digest))?;
        }
        f.write_str("</td>")?;
        let record = self
            .catalog
            .inventory()
            .and_then(|inventory| inventory.references.get(reference));
        let platforms = match record {
            Some(record) if !record.platforms.is_empty() => &*record.platforms,
            _ => facts.platforms.as_slice(),
        };
        let platforms: Vec<String> = platforms.iter().map(ToString::to_string).collect();
        let platforms = if platforms.is_empty() {
            "single image".to_owned()
        } else {
            platforms.join(", ")
        };
        write!(
            f,
            "<td data-label=\"Platforms\">{}</td><td data-label=\"Size\" class=\"number\">{}</td><td data-label=\"Why\">",
            Safe(platforms),
            size(facts.bytes)
        )?;
        match record.map(|record| &*record.provenance) {
            None | Some([]) => f.write_str("<span class=\"none\">not noted</span>")?,
            Some(provenance) => {
                let mut sorted: Vec<_> = provenance.iter().collect();
                sorted.sort_by_key(|one| one.tier.clone());
                for one in sorted {
                    why(f, one)?;
                }
            }
        }
        f.write_str("</td></tr>")
    }

    fn chart_lists(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<h2 id=\"charts\">Charts</h2>")?;
        if self.charts.is_empty() {
            return f.write_str("<p>There are no charts.</p>");
        }
        for (folder, charts) in &self.charts {
            let name = folder.rsplit('/').next().unwrap_or(folder);
            write!(f, "<h3>{}</h3>", Safe(folder))?;
            write!(
                f,
                "<pre>helm repo add {} {}://{}/charts/{}</pre>",
                Safe(name),
                self.scheme(),
                Safe(self.host()),
                Safe(folder)
            )?;
            if let Some((chart, version)) = charts.first().and_then(|(chart, _)| named(chart)) {
                write!(
                    f,
                    "<pre>helm install {0} {1}/{0} <span>--version {2}</span></pre>",
                    Safe(chart),
                    Safe(name),
                    Safe(version)
                )?;
            }
            f.write_str("<p class=\"charts\">")?;
            for (chart, bytes) in charts {
                write!(f, "<span>{} <small>{}</small></span> ", Safe(chart), size(*bytes))?;
            }
            f.write_str("</p>")?;
        }
        Ok(())
    }

    fn commands(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((reference, _)) = self.catalog.entries().first_key_value() else {
            return Ok(());
        };
        let host = self.host();
        let path = self.mapping.path_of(reference.repository());
        let tag = match (reference.tag(), reference.digest()) {
            (_, Some(digest)) => format!("@{digest}"),
            (Some(tag), None) => format!(":{tag}"),
            (None, None) => String::new(),
        };
        let flag = if self.visit.is_tls {
            ""
        } else {
            " --tls-verify=false"
        };
        f.write_str("<h2 id=\"pull\">Pull</h2><p>By the address of this server:</p>")?;
        write!(
            f,
            "<pre>podman pull{flag} {}/{}{}</pre>",
            Safe(&host),
            Safe(&path),
            Safe(&tag)
        )?;
        write!(
            f,
            "<p>By its own name, once the node is configured as below:</p><pre>podman pull {}</pre>",
            Safe(reference)
        )
    }

    fn configuration(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(target) = &self.visit.target else {
            return Ok(());
        };
        if self.catalog.entries().is_empty() {
            return Ok(());
        }
        f.write_str("<h2 id=\"nodes\">Configure nodes</h2><p>Nodes then find every image under the name it always had, and never ask the internet. <code>carrack import --engine-config</code> writes these and more as files.</p>")?;
        let mirror = Mirror {
            target: target.clone(),
            mapping: self.mapping.clone(),
            transport: if self.visit.is_tls {
                Transport::Tls
            } else {
                Transport::Plain
            },
            login: None,
            verification: None,
        };
        for (engine, title) in SHOWN_ENGINES {
            let repositories = self.catalog.entries().keys().map(Reference::repository);
            let written = write_plan(&mirror, repositories, [engine]);
            write!(f, "<details><summary>{title}</summary>")?;
            for file in written
                .files
                .iter()
                .filter(|file| !file.path.ends_with("INSTALL.txt"))
            {
                let path = file.path.strip_prefix(engine.name()).unwrap_or(&file.path);
                write!(f, "<h4>{}</h4><pre>{}</pre>", Safe(path), block(&file.text))?;
            }
            f.write_str("</details>")?;
        }
        Ok(())
    }
}

impl Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>carrack · {}</title><style>{STYLE}</style></head><body><main>",
            Safe(self.host())
        )?;
        f.write_str("<h1>What this bundle holds</h1>")?;
        self.summary(f)?;
        f.write_str("<nav><a href=\"#pull\">Pull</a><a href=\"#images\">Images</a><a href=\"#charts\">Charts</a><a href=\"#nodes\">Configure nodes</a></nav>")?;
        self.commands(f)?;
        self.images(f)?;
        self.chart_lists(f)?;
        self.configuration(f)?;
        f.write_str("</main></body></html>\n")
    }
}

/// Why a reference is here: the chart or file that names it, where in it, and how sure that is.
fn why(f: &mut fmt::Formatter<'_>, provenance: &Provenance) -> fmt::Result {
    write!(f, "<div class=\"why\"><b>{}", Safe(&provenance.source))?;
    if let Some(version) = &provenance.version {
        write!(f, " {}", Safe(version))?;
    }
    f.write_str("</b>")?;
    if let Some(profile) = &provenance.profile {
        write!(f, " with {}", Safe(profile))?;
    }
    for part in [&provenance.template, &provenance.pointer].into_iter().flatten() {
        write!(f, " <span>{}</span>", Safe(part))?;
    }
    let sureness = match provenance.tier.as_deref() {
        Some("1") => "certain",
        Some("2") => "strong",
        Some("3") => "heuristic",
        Some("4") => "candidate",
        _ => "",
    };
    if !sureness.is_empty() {
        write!(f, " <small>{sureness}</small>")?;
    }
    f.write_str("</div>")
}

/// `redis-1.2.3` is `redis` in version `1.2.3`: the version begins after the first hyphen before a digit or `v1`.
fn named(archive: &str) -> Option<(&str, &str)> {
    archive.match_indices('-').find_map(|(at, _)| {
        let (name, version) = (archive.get(..at)?, archive.get(at + 1..)?);
        let number = version.strip_prefix('v').unwrap_or(version);
        number
            .starts_with(|c: char| c.is_ascii_digit())
            .then_some((name, version))
    })
}

/// A number of bytes for people.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if tenths >= 1000 {
        format!("{} {name}", tenths / 10)
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests;
