//! The charts of a declaration, with the values that they are looked into with.

use std::sync::Arc;
use std::time::SystemTime;

use super::super::Error;
use super::super::consignment::{Asked, Item};
use super::super::images::{self, Profile};
use super::super::values::ValueFlags;
use super::Declaration;
use crate::chartrepo::{self, DigestMismatch, Keyring, Provenance, Selection};
use crate::config::{self, Chart, ChartFields, Origin};

impl Declaration {
    /// A chart with the values that it is looked into with.
    pub(super) fn chart(
        &self,
        chart: &Chart,
        common: &images::Options,
        charts: &chartrepo::Options,
        now: SystemTime,
    ) -> Result<Asked, Error> {
        let fields = &chart.fields;
        let range = fields
            .version
            .as_ref()
            .map(|range| format!("@{}", range.text))
            .unwrap_or_default();
        let item = match &chart.origin {
            Origin::Path(path) if !path.exists() => {
                return Err(self.wrong(format!("the chart {} is not there", path.display())));
            }
            Origin::Path(path) => Item::Path(path.clone()),
            Origin::Repository { url, name } => {
                let name = name.as_deref().unwrap_or("*");
                Item::Repository(format!("{url}#{name}{range}").parse()?)
            }
            Origin::Oci(url) => Item::Repository(format!("{url}{range}").parse()?),
        };
        let mut images = common.clone();
        images.values = values(fields, &common.values);
        images
            .profiles
            .extend(fields.profiles.iter().map(|(name, files)| Profile {
                name: name.clone(),
                files: files.clone(),
            }));
        images.explore = fields.explore.unwrap_or(images.explore);
        images.all_values = fields.all_values.unwrap_or(images.all_values);
        let target = &mut images.target;
        if let Some(name) = &fields.release_name {
            target.release_name.clone_from(name);
        }
        if let Some(version) = &fields.kube_version {
            target.kube_version = Some(version.text.clone());
        }
        if let Some(namespace) = &fields.namespace {
            target.namespace.clone_from(namespace);
        }
        target.api_versions.extend(fields.api_versions.iter().cloned());
        Ok(Asked {
            items: vec![item],
            images,
            charts: fetching(fields, charts, now)?,
            pass_credentials: fields.pass_credentials,
            source: None,
        })
    }
}

/// How a chart is chosen and fetched.
fn fetching(
    fields: &ChartFields,
    common: &chartrepo::Options,
    now: SystemTime,
) -> Result<chartrepo::Options, Error> {
    let keyring = match &fields.keyring {
        Some(path) => Some(Arc::new(Keyring::load(path, now)?)),
        None => common.keyring.clone(),
    };
    Ok(chartrepo::Options {
        selection: Selection {
            latest: fields.latest.map(std::num::NonZero::get),
            all_versions: fields.all_versions,
            prereleases: fields.prereleases,
            app_version: fields.app_version.clone(),
            ..Selection::default()
        },
        provenance: match fields.provenance {
            _ if fields.keyring.is_some() => Provenance::Required,
            Some(config::Provenance::Required) => Provenance::Required,
            Some(config::Provenance::Never) => Provenance::Never,
            Some(config::Provenance::IfThere) => Provenance::IfThere,
            None => common.provenance,
        },
        keyring,
        digest_mismatch: if fields.accept_wrong_digest {
            DigestMismatch::Accept
        } else {
            common.digest_mismatch
        },
        dependencies: fields.dependencies || common.dependencies,
        ..chartrepo::Options::default()
    })
}

/// The chart's own values first, the command line's on top.
fn values(fields: &ChartFields, common: &ValueFlags) -> ValueFlags {
    let mut flags = common.clone();
    flags.files.splice(0..0, fields.values.iter().cloned());
    flags.set.splice(0..0, fields.set.iter().cloned());
    if !fields.values_inline.is_empty() {
        let inline = fields.values_inline.iter();
        let texts = inline.map(|(key, value)| format!("{}={value}", escaped(key)));
        flags.set_json.splice(0..0, texts);
    }
    flags
}

/// A key as `--set-json` reads it whole.
fn escaped(key: &str) -> String {
    let special = |c: char| matches!(c, '.' | ',' | '=' | '[' | ']' | '{' | '}' | '\\');
    key.chars().fold(String::new(), |mut text, c| {
        if special(c) {
            text.push('\\');
        }
        text.push(c);
        text
    })
}
