//! `carrack charts list`: which charts a repository, a folder or a bundle has.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::{Ending, Error, Report, World};
use crate::causes::chain;
use crate::chartrepo::{self, Entry, Index, Selection, Source, stock_at};
use crate::observe::Observer;
use crate::secret::printable;

/// Longer descriptions are cut in the table; the JSON has them whole.
const DESCRIPTION: usize = 60;

/// What to list.
#[derive(Clone, Debug)]
pub struct ListOptions {
    /// Repositories, registries, archives, folders, bundles.
    pub sources: Vec<Source>,
    /// Which charts and versions; without more words the newest of each chart.
    pub selection: Selection,
    /// Words that must all be in the name, the description or the keywords, in any case of letters.
    pub search: Vec<String>,
    /// Send a repository's credentials also to other hosts that its index names.
    pub pass_credentials: bool,
}

/// What there is.
#[derive(Clone, Debug, Serialize)]
pub struct Listing {
    /// A row for each version of each chart.
    pub charts: Vec<Listed>,
    /// What could not be read, or is wrong in an index.
    pub failures: Vec<Failure>,
    /// What the operator should know, one line each.
    pub warnings: Vec<String>,
}

/// One version of one chart.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Where it is: the repository's address or folder.
    pub source: String,
    /// The chart's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of what it installs.
    pub app_version: Option<String>,
    /// When it was made, as the index says.
    pub created: Option<String>,
    /// Whether nobody should start using it.
    pub deprecated: bool,
    /// The SHA-256 of its archive, in hexadecimal.
    pub digest: Option<String>,
    /// One sentence.
    pub description: Option<String>,
}

/// A source that could not be listed.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// The source, without secrets.
    pub source: String,
    /// The whole chain of causes.
    pub reason: String,
}

/// Lists the charts.
pub async fn list(
    options: &ListOptions,
    world: &World,
    observer: &Arc<dyn Observer>,
) -> Result<Listing, Error> {
    let fetcher = world.charts(options.pass_credentials, observer)?;
    let mut listing = Listing {
        charts: Vec::new(),
        failures: Vec::new(),
        warnings: Vec::new(),
    };
    let mut unmet_by_some = Vec::new();
    for source in &options.sources {
        if let Source::Local { path } = source {
            unmet_by_some.extend(listing.add_stock(path, options));
            continue;
        }
        let asked = tokio::select! {
            asked = fetcher.charts_of(source) => asked,
            () = world.cancel.cancelled() => return Err(Error::Interrupted),
        };
        let own = fetcher.narrowed(source, &options.selection);
        match own.and_then(|own| Ok((asked?, own))) {
            Ok((index, own)) => {
                let is_own = own.charts != options.selection.charts;
                let unmet = listing.add(&source.to_string(), &index, &own, &options.search);
                if is_own {
                    listing.failures.extend(unmet);
                } else {
                    unmet_by_some.extend(unmet);
                }
            }
            Err(error) => listing.fail(&source.to_string(), &error),
        }
    }
    // A wish of the whole run may be met by one source and not by the others.
    if !options.selection.charts.is_empty() && listing.charts.is_empty() && options.search.is_empty() {
        listing.failures.extend(unmet_by_some);
    }
    Ok(listing)
}

impl Listing {
    fn add_stock(&mut self, path: &Path, options: &ListOptions) -> Vec<Failure> {
        let mut unmet = Vec::new();
        match stock_at(path) {
            Ok(found) => {
                for stock in found {
                    let place = stock.place.display().to_string();
                    match &stock.charts {
                        Ok(index) => {
                            unmet.extend(self.add(&place, index, &options.selection, &options.search));
                        }
                        Err(error) => self.fail(&place, error),
                    }
                }
            }
            Err(error) => self.fail(&path.display().to_string(), &error),
        }
        unmet
    }

    fn fail(&mut self, source: &str, error: &chartrepo::Error) {
        self.failures.push(Failure {
            source: source.to_owned(),
            reason: chain(error),
        });
    }

    /// Adds what is wanted of a source, and gives the wishes that it does not meet.
    fn add(&mut self, source: &str, index: &Index, selection: &Selection, search: &[String]) -> Vec<Failure> {
        let selected = selection.of(index);
        let problems = index.problems().iter().map(ToString::to_string);
        let told = problems.chain(selected.notes);
        self.warnings.extend(told.map(|text| format!("{source}: {text}")));
        let found = selected.entries.into_iter().filter(|entry| fits(entry, search));
        self.charts.extend(found.map(|entry| Listed {
            source: source.to_owned(),
            name: entry.name().to_owned(),
            version: entry.version().original().to_owned(),
            app_version: entry.text("appVersion"),
            created: entry.text("created"),
            deprecated: entry.is_deprecated(),
            digest: entry.digest().map(crate::digest::Digest::hex),
            description: entry.text("description"),
        }));
        let unmet = selected.nothing.into_iter();
        unmet
            .map(|reason| Failure {
                source: source.to_owned(),
                reason,
            })
            .collect()
    }
}

fn fits(entry: &Entry, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let text = format!(
        "{}\n{}\n{}",
        entry.name(),
        entry.text("description").unwrap_or_default(),
        entry.keywords().join("\n")
    );
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(&word.to_lowercase()))
}

impl Report for Listing {
    fn ending(&self) -> Ending {
        if self.failures.is_empty() {
            Ending::Done
        } else {
            Ending::SomeFailed
        }
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 4]> = self.charts.iter().map(Listed::columns).collect();
        let head = ["NAME", "VERSION", "APP VERSION", "DESCRIPTION"].map(str::to_owned);
        let width = |column: usize| {
            let cells = std::iter::once(&head).chain(&rows);
            cells
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2)];
        let mut source = None;
        for (listed, row) in self.charts.iter().zip(&rows) {
            if source != Some(&listed.source) {
                if source.is_some() {
                    writeln!(f)?;
                }
                writeln!(f, "{}", printable(&listed.source, 400))?;
                line(f, &head, &widths)?;
                source = Some(&listed.source);
            }
            line(f, row, &widths)?;
        }
        for text in &self.warnings {
            writeln!(f, "warning  {text}")?;
        }
        for failure in &self.failures {
            writeln!(
                f,
                "failed   {}: {}",
                printable(&failure.source, 400),
                failure.reason
            )?;
        }
        write!(f, "{} charts", self.charts.len())
    }
}

fn line(f: &mut fmt::Formatter<'_>, row: &[String; 4], widths: &[usize; 3]) -> fmt::Result {
    let [name, version, app, description] = row;
    let [first, second, third] = *widths;
    let text = format!("{name:first$}  {version:second$}  {app:third$}  {description}");
    writeln!(f, "{}", text.trim_end())
}

impl Listed {
    /// The cells of its row. What comes from a repository is shown without control characters.
    fn columns(&self) -> [String; 4] {
        let description = self.description.as_deref().unwrap_or_default();
        let mark = if self.deprecated && !description.to_lowercase().contains("deprecated") {
            "DEPRECATED "
        } else {
            ""
        };
        [
            self.name.clone(),
            self.version.clone(),
            printable(self.app_version.as_deref().unwrap_or_default(), 40),
            format!("{mark}{}", printable(description, DESCRIPTION)),
        ]
    }
}
