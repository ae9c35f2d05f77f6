//! A chart out of its files, wherever these come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::archive;
use crate::goyaml::{self, Map, Value};
use crate::helm::chart::{Chart, File};
use crate::helm::error::Error;
use crate::helm::metadata::{Lock, Metadata};
use crate::helm::options::Limits;
use crate::helm::values::merge_documents;

/// Sorts the files of one chart into their places and assembles the charts below it.
pub(super) fn chart(files: Vec<File>, limits: &Limits, depth: usize) -> Result<Chart, Error> {
    if depth > limits.chart_depth {
        return Err(Error::ChartsTooDeep {
            limit: limits.chart_depth,
        });
    }
    let mut chart = Chart::default();
    let mut metadata = None;
    for file in files.iter().filter(|f| f.name == "Chart.yaml") {
        let read: &mut Metadata = metadata.get_or_insert_default();
        read.read(&document(file)?)
            .map_err(|source| mismatch(file, source))?;
        if read.api_version.is_empty() {
            "v1".clone_into(&mut read.api_version);
        }
    }
    let mut metadata = metadata.ok_or(Error::NoChartFile)?;
    let mut below: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for file in &files {
        let file = file.clone();
        match file.name.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => chart.lock = Some(lock(&file)?),
            "values.yaml" => read_values(&mut chart, &file)?,
            "values.schema.json" => chart.schema = Some(file.data),
            "requirements.yaml" => {
                metadata
                    .read(&document(&file)?)
                    .map_err(|source| mismatch(&file, source))?;
                if metadata.api_version == "v1" {
                    chart.files.push(file);
                }
            }
            "requirements.lock" => {
                chart.lock = Some(lock(&file)?);
                if metadata.api_version == "v1" {
                    chart.files.push(file);
                }
            }
            name if name.starts_with("templates/") => chart.templates.push(file),
            name => match name.strip_prefix("charts/") {
                Some(_) if has_extension(name, "prov") => chart.files.push(file),
                Some(inner) => {
                    let (first, _) = inner.split_once('/').unwrap_or((inner, ""));
                    below.entry(first.to_owned()).or_default().push(File {
                        name: inner.to_owned(),
                        data: file.data,
                    });
                }
                None => chart.files.push(file),
            },
        }
    }
    metadata
        .validate()
        .map_err(|source| Error::InvalidMetadata { source })?;
    chart.metadata = metadata;
    chart.raw = files;
    for (name, files) in below {
        if name.starts_with(['_', '.']) {
            continue;
        }
        let subchart = subchart(&name, files, limits, depth).map_err(|source| Error::Subchart {
            name: name.clone(),
            parent: chart.metadata.name.clone(),
            source: Box::new(source),
        })?;
        chart.dependencies.push(Arc::new(subchart));
    }
    Ok(chart)
}

fn subchart(name: &str, mut files: Vec<File>, limits: &Limits, depth: usize) -> Result<Chart, Error> {
    if has_extension(name, "tgz") {
        let file = files.swap_remove(0);
        if file.name != name {
            return Err(Error::IllegalName {
                name: file.name,
                why: "it lies in a directory that is named like an archive",
            });
        }
        return chart(archive::read(&file.data, limits)?, limits, depth + 1);
    }
    let files = files
        .into_iter()
        .filter_map(|file| {
            let (_, rest) = file.name.split_once('/')?;
            Some(File {
                name: rest.to_owned(),
                data: file.data,
            })
        })
        .collect();
    chart(files, limits, depth + 1)
}

/// Whether what follows the last dot of the last component is `extension`.
fn has_extension(name: &str, extension: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.rsplit_once('.').is_some_and(|(_, e)| e == extension)
}

fn document(file: &File) -> Result<Value, Error> {
    goyaml::parse(&file.data).map_err(|source| Error::Yaml {
        name: file.name.clone(),
        source,
    })
}

fn mismatch(file: &File, source: super::super::decode::Mismatch) -> Error {
    Error::Mismatch {
        name: file.name.clone(),
        source,
    }
}

fn lock(file: &File) -> Result<Lock, Error> {
    Lock::read(&document(file)?).map_err(|source| mismatch(file, source))
}

/// Takes `values.yaml` over: what Helm 4 makes of it, and what Helm 3 does if that differs.
fn read_values(chart: &mut Chart, file: &File) -> Result<(), Error> {
    chart.values = merge_documents(&file.name, &file.data)?;
    let first = first_document(file)?;
    chart.first_values = (first != chart.values).then_some(first);
    Ok(())
}

fn first_document(file: &File) -> Result<Map, Error> {
    crate::helm::values::table(&file.name, &file.data)
}
