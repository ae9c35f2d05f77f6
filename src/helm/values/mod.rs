//! The values that templates see: files, `--set` and its relatives, defaults, globals, dependencies, schemas.

mod allowance;
mod coalesce;
mod dependencies;
mod live;
mod schema;
mod strvals;
mod tree;

use std::time::{Duration, Instant};

use super::chart::Chart;
use super::error::Error;
use super::options::{Options, ValuesSource};
use super::profile::Profile;
use crate::deadline::Deadline;
use crate::gotemplate;
use crate::goyaml::{self, Map, Value};
use crate::observe::processor_time;

use allowance::Allowance;
pub(super) use dependencies::is_compatible;
pub(super) use live::{scalar_at, table_at};
pub use schema::Violation;
pub use strvals::{Error as SetError, set_file_paths};
pub use tree::Instance;

/// A chart with its dependencies decided, and the values that its templates see.
#[derive(Debug)]
pub struct Valued<'a> {
    /// The charts that are in.
    pub root: Instance<'a>,
    /// `.Values` of the top chart.
    pub values: gotemplate::Map,
    /// The part of the render's time that is used up.
    pub(super) spent: Duration,
}

/// Decides dependencies, coalesces values and checks them against the schemas.
pub fn prepare<'a>(chart: &'a Chart, options: &Options) -> Result<Valued<'a>, Error> {
    let started = processor_time();
    let time = options.limits.time();
    let _deadline = Deadline::within(time);
    let asked = live::table(&asked_for(&options.values, options.profile)?);
    let mut root = Instance::of(chart, options.profile);
    let allowance = Allowance::new(&options.limits);
    let rules = coalesce::Rules {
        keep_nulls: false,
        profile: options.profile,
        allowance: &allowance,
    };
    dependencies::process(&mut root, &asked, rules)?;
    let values = coalesce::coalesce(&root, &asked, rules)?;
    let mut spent = processor_time().saturating_sub(started);
    if !options.skip_schema_validation {
        spent += checked(&root, &values, time.saturating_sub(spent))?;
    }
    Ok(Valued { root, values, spent })
}

/// Checks the values against the schemas and tells how long it took: other threads do it, whose work counts too.
fn checked(root: &Instance<'_>, values: &gotemplate::Map, time: Duration) -> Result<Duration, Error> {
    let started = Instant::now();
    schema::check(root, values, time)?;
    Ok(started.elapsed())
}

/// The values that the options give, without the chart's own.
///
/// Helm 3 reads the first document of a values file alone, and takes no whole object after `--set-json`.
pub fn asked_for(sources: &[ValuesSource], profile: Profile) -> Result<Map, Error> {
    let mut values = Map::new();
    let mut ordered: Vec<&ValuesSource> = sources.iter().collect();
    ordered.sort_by_key(|s| rank(s));
    for source in ordered {
        let set = |result: Result<(), strvals::Error>, flag, expression: &str| {
            result.map_err(|source| Error::Set {
                flag,
                expression: expression.to_owned(),
                source,
            })
        };
        match source {
            ValuesSource::File { name, data } if profile.is_helm4() => {
                merge(&mut values, merge_documents(name, data)?);
            }
            ValuesSource::File { name, data } => merge(&mut values, table(name, data)?),
            ValuesSource::SetJson(line) if profile.is_helm4() && line.trim_start().starts_with('{') => {
                merge(&mut values, json_table(line)?);
            }
            ValuesSource::SetJson(line) => {
                set(
                    strvals::set(line, strvals::Style::Json, profile, &mut values),
                    "--set-json",
                    line,
                )?;
            }
            ValuesSource::Set(line) => set(
                strvals::set(line, strvals::Style::Typed, profile, &mut values),
                "--set",
                line,
            )?,
            ValuesSource::SetString(line) => {
                set(
                    strvals::set(line, strvals::Style::Text, profile, &mut values),
                    "--set-string",
                    line,
                )?;
            }
            ValuesSource::SetFile { expression, contents } => set(
                strvals::set(expression, strvals::Style::File(contents), profile, &mut values),
                "--set-file",
                expression,
            )?,
            ValuesSource::SetLiteral(line) => set(
                strvals::set(line, strvals::Style::Literal, profile, &mut values),
                "--set-literal",
                line,
            )?,
        }
    }
    Ok(values)
}

fn rank(source: &ValuesSource) -> u8 {
    match source {
        ValuesSource::File { .. } => 0,
        ValuesSource::SetJson(_) => 1,
        ValuesSource::Set(_) => 2,
        ValuesSource::SetString(_) => 3,
        ValuesSource::SetFile { .. } => 4,
        ValuesSource::SetLiteral(_) => 5,
    }
}

fn json_table(text: &str) -> Result<Map, Error> {
    let yaml = |source| Error::Yaml {
        name: "--set-json".to_owned(),
        source,
    };
    match goyaml::from_json(text.trim().as_bytes()).map_err(yaml)? {
        Value::Map(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// All documents of a values file, later ones over earlier ones.
///
/// Helm 4 goes through the file line by line and ends every line, the last one too: a block of text that ends the
/// file without a line end gets one.
pub(super) fn merge_documents(name: &str, text: &[u8]) -> Result<Map, Error> {
    let mut values = Map::new();
    for document in documents(text) {
        let table = if document.ends_with(b"\n") {
            table(name, document)?
        } else {
            table(name, &[document, b"\n"].concat())?
        };
        merge(&mut values, table);
    }
    Ok(values)
}

/// The first document of a values file; empty if there is none.
pub(super) fn table(name: &str, text: &[u8]) -> Result<Map, Error> {
    let parsed = goyaml::parse_json_style(text).map_err(|source| Error::Yaml {
        name: name.to_owned(),
        source,
    })?;
    match parsed {
        Value::Map(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        other => Err(Error::NoTable {
            name: name.to_owned(),
            found: other.json_kind(),
        }),
    }
}

/// Cuts a stream at lines that start with `---` and hold nothing else but a comment. The line that ends a document
/// belongs to none; one before anything else is part of the first.
fn documents(text: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive(|b| *b == b'\n') {
        let end = at + line.len();
        let rest = line.strip_prefix(b"---").map(<[u8]>::trim_ascii);
        if rest.is_some_and(|r| r.is_empty() || r.starts_with(b"#")) && at > start {
            found.extend(text.get(start..at));
            start = end;
        }
        at = end;
    }
    if at > start {
        found.extend(text.get(start..at));
    }
    found
}

/// Lays `over` over `into`: tables merge, everything else is replaced.
fn merge(into: &mut Map, over: Map) {
    for (key, value) in over {
        match (into.get_mut(&key), value) {
            (Some(Value::Map(below)), Value::Map(above)) => merge(below, above),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
