//! `carrack init`: a commented `carrack.yaml` from what there is already.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use super::{Ending, Error, Report, World, images};
use crate::causes::chain;
use crate::config::foreign::{self, Foreign, Format};
use crate::config::{self, Chart, Config, Image, OnDisk, Origin};
use crate::layouts::{self, LocalSource};
use crate::observe::Observer;
use crate::secret::redact_url;
use crate::shell::{quoted, quoted_path};

/// What to make a configuration of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Files, URLs and command lines; `-` is standard input.
    pub sources: Vec<String>,
    /// The file to write; none gives the text only.
    pub output: Option<PathBuf>,
    /// Write over a file that is there.
    pub force: bool,
}

/// What was made.
#[derive(Clone, Debug, Serialize)]
pub struct Made {
    /// The file, if one was written.
    pub written: Option<PathBuf>,
    /// What of the sources could not be taken over.
    pub remarks: Vec<String>,
    /// The configuration's text.
    #[serde(skip)]
    pub text: String,
}

/// Reads the sources and writes the configuration.
pub fn init(options: &Options, world: &World, observer: &dyn Observer) -> Result<Made, Error> {
    if let Some(path) = &options.output
        && path.exists()
        && !options.force
    {
        return Err(Error::Usage {
            problem: format!(
                "{} is there already; --force writes over it, -o FILE writes another",
                path.display()
            ),
        });
    }
    let mut draft = Draft::default();
    for source in &options.sources {
        draft.take(source, world, observer)?;
    }
    // Paths in a configuration begin at its own folder, those of the command line where it was typed.
    if let Some(way) = options
        .output
        .as_deref()
        .and_then(Path::parent)
        .and_then(way_back)
    {
        draft.config.take_paths_from(&way);
    }
    let text = draft
        .config
        .to_commented(&draft.origins.join(", "), &draft.remarks);
    if let Some(path) = &options.output {
        crate::fsx::write(path, text.as_bytes())?;
    }
    Ok(Made {
        written: options.output.clone(),
        remarks: draft.remarks,
        text,
    })
}

/// Objects as a cluster prints them.
#[derive(Clone, Copy, Debug)]
enum Objects<'a> {
    /// Their text.
    Text(&'a str),
    /// A file with it.
    File(&'a Path),
}

/// A configuration on its way.
#[derive(Debug, Default)]
struct Draft {
    config: Config,
    origins: Vec<String>,
    remarks: Vec<String>,
}

impl Draft {
    fn take(&mut self, source: &str, world: &World, observer: &dyn Observer) -> Result<(), Error> {
        if source.starts_with("helm mirror ") || source.starts_with("helm-mirror ") {
            let read = foreign::read(source, Format::HelmMirror, "the command line")?;
            self.origins.push("a helm-mirror command line".to_owned());
            self.foreign(read, "");
            return Ok(());
        }
        if LocalSource::is_one(source) {
            let read: LocalSource = source.parse().map_err(|error: layouts::Error| Error::Usage {
                problem: chain(&error),
            })?;
            self.origins.push(read.to_string());
            self.config.images.push(Image::OnDisk {
                source: OnDisk::of(&read),
                reason: None,
            });
            return Ok(());
        }
        if source.contains("://") {
            self.origins.push(redact_url(source));
            return self.repository(source);
        }
        let path = Path::new(source);
        if source == "-" {
            self.origins.push("standard input".to_owned());
            let text = standard_input()?;
            return self.text(&text, "standard input", None, world, observer);
        }
        if !path.exists() {
            return Err(Error::Usage {
                problem: format!(
                    "`{}` is no file or folder that is here; images by name go into a list, one a line",
                    crate::secret::printable(source, 200)
                ),
            });
        }
        self.origins.push(source.to_owned());
        if path.is_dir() && path.join("Chart.yaml").is_file() || is_archive(path) {
            self.config.charts.push(Chart::at(path.to_owned()));
            return Ok(());
        }
        if path.is_dir() {
            self.config.manifests.push(path.to_owned());
            return Ok(());
        }
        match config::read(path) {
            Ok(text) => self.text(&text, source, Some(path), world, observer),
            // The pods of a large cluster.
            Err(config::Error::TooLong { .. }) => self.objects(Objects::File(path), source, world, observer),
            Err(error) => Err(error.into()),
        }
    }

    /// A text of any tool. Manifests of a file stay where they are; what a cluster printed is read now.
    fn text(
        &mut self,
        text: &str,
        name: &str,
        path: Option<&Path>,
        world: &World,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        if config::is_config(text) {
            return Err(Error::Usage {
                problem: format!(
                    "{name} is a carrack.yaml already: `carrack config check {}` reads it",
                    quoted(name)
                ),
            });
        }
        if let Some(format) = foreign::format(text) {
            let read = foreign::read(text, format, name)?;
            self.foreign(read, name);
            return Ok(());
        }
        match path {
            Some(path) if !text.trim_start().starts_with('{') => {
                self.config.manifests.push(path.to_owned());
                Ok(())
            }
            _ => self.objects(Objects::Text(text), name, world, observer),
        }
    }

    fn foreign(&mut self, read: Foreign, name: &str) {
        let from = if name.is_empty() {
            String::new()
        } else {
            format!("{name}, ")
        };
        self.remarks
            .extend(read.notes.iter().map(|note| format!("{from}{note}")));
        for (host, registry) in read.config.registries {
            if registry
                .login
                .as_ref()
                .is_some_and(|login| login.password.is_some())
            {
                self.remarks.push(format!(
                    "{from}the password for {host} was left out: put it into the file that password-file names"
                ));
            }
            self.config.registries.insert(host, registry);
        }
        self.config.charts.extend(read.config.charts);
        self.config.images.extend(read.config.images);
        for platform in read.config.platforms {
            if !self.config.platforms.contains(&platform) {
                self.config.platforms.push(platform);
            }
        }
    }

    /// Charts of a repository, by their URL.
    fn repository(&mut self, source: &str) -> Result<(), Error> {
        // The URL must be one that `export` takes.
        source.parse::<crate::chartrepo::Source>()?;
        let (url, chart) = source.split_once('#').unwrap_or((source, ""));
        let (name, range) = match chart.split_once('@') {
            Some((name, range)) => (name, Some(range)),
            None => (chart, None),
        };
        let (origin, range) = if let Some(rest) = url.strip_prefix("oci://") {
            let (place, tag) = match rest.rsplit_once([':', '@']) {
                Some((place, tag)) if !tag.contains('/') => (place, Some(tag)),
                _ => (rest, None),
            };
            (Origin::Oci(format!("oci://{place}")), tag)
        } else {
            let origin = Origin::Repository {
                url: redact_url(url),
                name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            };
            (origin, range)
        };
        let mut made = Chart {
            origin,
            ..Chart::default()
        };
        if let Some(range) = range {
            let parsed = range
                .parse()
                .map_err(|error: crate::version::Error| Error::Usage {
                    problem: format!(
                        "`{}` is no range of versions: {error}",
                        crate::secret::printable(range, 80)
                    ),
                })?;
            made.fields.version = Some(parsed);
        }
        self.config.charts.push(made);
        Ok(())
    }

    /// Objects of a cluster: their images, as they are now.
    fn objects(
        &mut self,
        objects: Objects<'_>,
        name: &str,
        world: &World,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        let mut options = images::Options::default();
        let report = match objects {
            Objects::Text(text) => images::of_text(text, name, &options)?,
            Objects::File(path) => {
                options.sources.push(path.to_owned());
                images::run(&options, &world.cancel, observer)?
            }
        };
        if let Some(failure) = report.failures.first() {
            return Err(Error::Usage {
                problem: format!("{name} holds nothing that can be read: {}", failure.reason),
            });
        }
        let known: BTreeSet<String> = self.config.images.iter().filter_map(one).collect();
        for image in &report.images {
            let text = image.reference.to_string();
            if known.contains(&text) {
                continue;
            }
            if let Ok(reference) = text.parse() {
                self.config.images.push(Image::one(reference));
            }
        }
        for row in &report.unresolved {
            self.remarks.push(format!(
                "{name}: `{}`: {}",
                crate::secret::printable(&row.raw, 120),
                row.reason
            ));
        }
        Ok(())
    }
}

/// The way from `folder` to where we are; none if that is here.
fn way_back(folder: &Path) -> Option<PathBuf> {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if folder.components().all(plain) {
        let down = folder
            .components()
            .filter(|part| matches!(part, Component::Normal(_)));
        let up: PathBuf = down.map(|_| "..").collect();
        return Some(up).filter(|up| !up.as_os_str().is_empty());
    }
    std::path::absolute(".").ok()
}

fn one(image: &Image) -> Option<String> {
    match image {
        Image::One { reference, .. } => Some(reference.text.clone()),
        Image::Tags { .. } | Image::OnDisk { .. } => None,
    }
}

fn is_archive(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("tgz"))
}

fn standard_input() -> Result<String, Error> {
    let mut text = String::new();
    let mut input = std::io::stdin().lock().take(crate::discover::MANIFEST_CAP as u64);
    input.read_to_string(&mut text).map_err(|source| Error::Read {
        path: "-".into(),
        source,
    })?;
    Ok(text)
}

impl Report for Made {
    fn ending(&self) -> Ending {
        Ending::Done
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for remark in &self.remarks {
            writeln!(f, "note: {remark}")?;
        }
        match &self.written {
            Some(path) => {
                write!(
                    f,
                    "{} is written; next: look through it, then `carrack images {}`",
                    path.display(),
                    quoted_path(path)
                )
            }
            None => Ok(()),
        }
    }
}
