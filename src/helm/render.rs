//! From a chart and options to a release.

use std::collections::BTreeMap;

use super::capabilities::Capabilities;
use super::chart::{Chart, is_crd};
use super::engine::{self, Parsed};
use super::error::Error;
use super::functions;
use super::manifest;
use super::options::Options;
use super::release::{Document, Failed, Release};
use super::values::{self, Instance, Valued, is_compatible};
use crate::deadline::Deadline;
use crate::gotemplate::{NoProbe, Probe, Render, Templates, Value};

/// Renders a chart as `helm template` does.
///
/// ```no_run
/// use carrack::helm::{Options, load, render};
///
/// let chart = load("charts/demo".as_ref())?;
/// let options = Options::default();
/// let release = render(&chart, &options)?;
/// let text = release.template_output(&options)?;
/// # Ok::<(), carrack::helm::Error>(())
/// ```
pub fn render(chart: &Chart, options: &Options) -> Result<Release, Error> {
    Prepared::new(chart).render(options)
}

/// A chart whose templates are parsed once, for many renders with other values.
#[derive(Debug)]
pub struct Prepared<'c> {
    chart: &'c Chart,
    parsed: Parsed,
}

impl<'c> Prepared<'c> {
    /// Takes a chart; its templates are parsed when first needed.
    pub fn new(chart: &'c Chart) -> Self {
        Self {
            chart,
            parsed: Parsed::default(),
        }
    }

    /// The chart.
    pub fn chart(&self) -> &'c Chart {
        self.chart
    }

    /// Renders with these options.
    pub fn render(&self, options: &Options) -> Result<Release, Error> {
        let valued = self.values(options)?;
        self.render_watched(&valued, options, NoProbe).0
    }

    /// The values that templates will see, and the charts that are in. A render changes them: take new ones for each.
    pub fn values(&self, options: &Options) -> Result<Valued<'c>, Error> {
        installable(self.chart, options)?;
        values::prepare(self.chart, options)
    }

    /// Renders with values that [`values`](Self::values) gave, watched by a probe, which comes back.
    pub fn render_watched<P: Probe>(
        &self,
        valued: &Valued<'c>,
        options: &Options,
        probe: P,
    ) -> (Result<Release, Error>, P) {
        match self.start(options) {
            Err(error) => (Err(error), probe),
            Ok((options, capabilities)) => {
                let _deadline = Deadline::within(options.limits.time().saturating_sub(valued.spent));
                let all = |_: &str| true;
                let (executed, probe) =
                    engine::execute(valued, &capabilities, &options, &self.parsed, &all, probe);
                (executed.and_then(|e| finish(valued, e, &options)), probe)
            }
        }
    }

    /// Runs the templates that are wanted and only cuts what they write into documents, which are neither parsed nor
    /// sorted: for renders that are only looked at. `wanted` is asked for CRD files too.
    pub fn render_part<P: Probe>(
        &self,
        valued: &Valued<'c>,
        options: &Options,
        wanted: &dyn Fn(&str) -> bool,
        probe: P,
    ) -> (Result<Release, Error>, P) {
        match self.start(options) {
            Err(error) => (Err(error), probe),
            Ok((options, capabilities)) => {
                let _deadline = Deadline::within(options.limits.time().saturating_sub(valued.spent));
                let (executed, probe) =
                    engine::execute(valued, &capabilities, &options, &self.parsed, wanted, probe);
                let release = executed.map(|executed| {
                    let mut documents = Vec::new();
                    crds(&valued.root, &valued.root.name, wanted, &mut documents);
                    documents.extend(manifest::cut(&executed.files, options.profile));
                    Release {
                        documents,
                        salvaged: manifest::cut(&executed.salvaged, options.profile),
                        failures: executed.failures.into_iter().map(Failed::from).collect(),
                        ..Release::default()
                    }
                });
                (release, probe)
            }
        }
    }

    /// The newest minor version of Kubernetes that the chart accepts, where it does not accept the one that the options
    /// say: charts refuse clusters that are too new or too old for them. Nothing if there is no need, or no such version.
    pub fn acceptable_kube_version(&self, options: &Options) -> Option<String> {
        let wanted = &self.chart.metadata.kube_version;
        let refused = matches!(self.start(options), Err(Error::Incompatible { .. }));
        let newest_first = (0..=MINORS).rev().map(|minor| format!("v1.{minor}.0"));
        newest_first
            .chain(named_versions(wanted))
            .find(|version| refused && is_compatible(wanted, version))
    }

    /// Checks what can be checked before any template runs.
    fn start(&self, options: &Options) -> Result<(Options, Capabilities), Error> {
        let mut options = options.clone();
        if let Some(template) = options.name_template.take() {
            options.release_name = name_of(&template)?;
        }
        if !is_release_name(&options.release_name) {
            return Err(Error::ReleaseName {
                name: options.release_name,
            });
        }
        let capabilities = Capabilities::new(
            options.profile,
            options.kube_version.as_deref(),
            &options.api_versions,
        )?;
        let wanted = &self.chart.metadata.kube_version;
        if !wanted.is_empty() && !is_compatible(wanted, &capabilities.kube.normalised) {
            return Err(Error::Incompatible {
                wanted: wanted.clone(),
                version: capabilities.kube.version,
            });
        }
        Ok((options, capabilities))
    }
}

/// Minor versions of Kubernetes up to this one are tried.
const MINORS: u32 = 60;

/// The versions that a constraint names, for one that leaves room for a patch version alone.
fn named_versions(constraint: &str) -> impl Iterator<Item = String> {
    constraint
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+')))
        .map(|word| word.trim_start_matches('v'))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
        .map(|word| format!("v{word}"))
}

/// Whether the chart is complete, no library, and of a kind that this Helm knows.
fn installable(chart: &Chart, options: &Options) -> Result<(), Error> {
    // Helm 3 looks at no chart's version, and Helm 4 at that of the outermost one.
    let version = &chart.metadata.api_version;
    if options.profile.is_helm4() && !["v1", "v2"].contains(&version.as_str()) {
        return Err(Error::ApiVersion {
            found: version.clone(),
        });
    }
    if chart.is_library() {
        return Err(Error::Library);
    }
    let present = |name: &str| chart.dependencies.iter().any(|d| d.name() == name);
    let declared = chart.metadata.dependencies.iter().flatten();
    let names: Vec<String> = declared
        .filter(|d| !present(&d.name))
        .map(|d| d.name.clone())
        .collect();
    if names.is_empty() || options.incomplete {
        Ok(())
    } else {
        Err(Error::MissingDependencies { names })
    }
}

/// Labels of letters, digits and inner hyphens, joined by dots; 53 characters leave room for what Helm appends.
fn is_release_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.len() <= 53
        && name.split('.').all(|label| {
            !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
        })
}

fn name_of(template: &str) -> Result<String, Error> {
    let failed = |error: crate::gotemplate::Error| Error::Template {
        message: error.to_string(),
        excerpt: None,
        source: Box::new(error),
    };
    let mut templates = Templates::new(functions::table());
    templates.parse("name-template", template).map_err(failed)?;
    let name = Render::new(&templates)
        .run("name-template", &Value::Nil)
        .map_err(failed)?;
    Ok(String::from_utf8_lossy(&name).into_owned())
}

fn finish(valued: &Valued<'_>, executed: engine::Executed, options: &Options) -> Result<Release, Error> {
    let (notes, files): (BTreeMap<_, _>, BTreeMap<_, _>) = executed
        .files
        .into_iter()
        .partition(|(name, _)| name.ends_with("NOTES.txt"));
    let mut release = Release {
        notes: notes
            .get(&format!("{}/templates/NOTES.txt", valued.root.name))
            .cloned()
            .unwrap_or_default(),
        failures: executed.failures.into_iter().map(Failed::from).collect(),
        salvaged: manifest::cut(&executed.salvaged, options.profile),
        ..Release::default()
    };
    crds(&valued.root, &valued.root.name, &|_| true, &mut release.documents);
    let mut sorted = manifest::sort(&files, options)?;
    release.documents.append(&mut sorted.documents);
    release
        .failures
        .extend(sorted.failures.into_iter().map(Failed::from));
    release.salvaged.append(&mut sorted.salvaged);
    Ok(release)
}

/// The CRD files of the charts that are in.
fn crds(chart: &Instance<'_>, path: &str, wanted: &dyn Fn(&str) -> bool, documents: &mut Vec<Document>) {
    for file in chart.chart.files.iter().filter(|f| is_crd(&f.name)) {
        let template = format!("{path}/{}", file.name);
        if !wanted(&template) {
            continue;
        }
        documents.push(Document {
            template,
            text: file.data.to_vec(),
            kind: "CustomResourceDefinition".to_owned(),
            is_crd: true,
            ..Document::default()
        });
    }
    for below in &chart.below {
        crds(below, &format!("{path}/charts/{}", below.name), wanted, documents);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_names_are_dns_names_with_room_for_more() {
        for good in ["a", "a-b.c1", &"x".repeat(53)] {
            assert!(is_release_name(good), "{good}");
        }
        for bad in ["", "A", "a_b", "-a", "a-", "a..b", &"x".repeat(54)] {
            assert!(!is_release_name(bad), "{bad}");
        }
    }
}
