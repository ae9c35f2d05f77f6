//! Charts into an OCI registry, by Helm's own rules: `helm pull oci://…` finds them.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map as JsonMap, Value as Json, json};

use super::archive::Archive;
use super::{Error, NotSent};
use crate::digest::Digest;
use crate::goyaml::{self, Value};
use crate::http::BytesSource;
use crate::oci::Descriptor;
use crate::oci::media_type::{HELM_CHART, HELM_CONFIG, HELM_PROVENANCE, OCI_MANIFEST};
use crate::reference::{Reference, Repository, Tag};
use crate::registry::{self, TagOrDigest};

/// A chart that a registry has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Where it is: `mirror.lan/charts/argo-cd:7.0.0`.
    pub reference: Reference,
    /// Whether it was there already.
    pub was_there: bool,
}

/// Brings one archive into the registry: the repository is `PATH/NAME`, the tag is the version with `_` for `+`. The
/// archive is a layer as it is; with `provenance` a second one.
///
/// A version that is there with another archive is an error: versions do not change.
pub async fn push(
    client: &registry::Client,
    host: &str,
    path: Option<&str>,
    archive: Bytes,
    provenance: Option<Bytes>,
) -> Result<Pushed, Error> {
    let described = Archive::read(&archive)?;
    let name = &described.name;
    let name = path.map_or_else(|| name.clone(), |path| format!("{path}/{name}"));
    let bad = |source| Error::BadReference {
        name: crate::secret::printable(&name, 160),
        source,
    };
    let repository = Repository::new(host, &name).map_err(bad)?;
    let tag: Tag = described.version.replace('+', "_").parse().map_err(bad)?;
    let reference = Reference::tagged(repository.clone(), tag.clone());
    let chart = Descriptor::new(HELM_CHART, Digest::sha256(&archive), archive.len() as u64);
    let at = TagOrDigest::Tag(tag);
    match client.manifest(&repository, &at).await {
        Ok(manifest) => return was_there(&manifest, &chart, reference),
        Err(error) if error.is_absent() => {}
        Err(error) => return Err(error.into()),
    }
    let config = goyaml::to_json(&Value::Map(described.metadata.clone()))
        .map_err(|source| Error::BadIndex { source })?;
    let config = Bytes::from(config);
    let configuration = Descriptor::new(HELM_CONFIG, Digest::sha256(&config), config.len() as u64);
    let mut layers = vec![(chart, archive)];
    if let Some(bytes) = provenance {
        let descriptor = Descriptor::new(HELM_PROVENANCE, Digest::sha256(&bytes), bytes.len() as u64);
        layers.push((descriptor, bytes));
    }
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": configuration,
        "layers": layers.iter().map(|(descriptor, _)| descriptor).collect::<Vec<_>>(),
        "annotations": annotations(&described),
    });
    let manifest = Bytes::from(manifest.to_string());
    layers.push((configuration, config));
    for (descriptor, bytes) in layers {
        client
            .push_blob(&repository, &descriptor, Arc::new(BytesSource(bytes)), None)
            .await?;
    }
    client
        .push_manifest(&repository, &manifest, OCI_MANIFEST, &at)
        .await?;
    Ok(Pushed {
        reference,
        was_there: false,
    })
}

fn was_there(
    manifest: &registry::Manifest,
    chart: &Descriptor,
    reference: Reference,
) -> Result<Pushed, Error> {
    let document = manifest.document().map_err(|source| Error::BadManifest {
        reference: reference.to_string(),
        source,
    })?;
    match document.blobs.iter().find(|blob| blob.media_type == HELM_CHART) {
        Some(found) if found.digest == chart.digest => Ok(Pushed {
            reference,
            was_there: true,
        }),
        found => Err(Error::VersionTaken {
            reference: reference.to_string(),
            ours: chart.digest,
            theirs: found.map_or(NotSent::NoChart, |found| NotSent::Other(found.digest)),
        }),
    }
}

/// What registries show of a chart. Nothing of it depends on the day, so that a second push makes the same manifest.
fn annotations(chart: &Archive) -> Json {
    let mut annotations = JsonMap::new();
    for (key, field) in [
        ("org.opencontainers.image.title", "name"),
        ("org.opencontainers.image.version", "version"),
        ("org.opencontainers.image.description", "description"),
        ("org.opencontainers.image.url", "home"),
    ] {
        if let Some(Value::String(text)) = chart.metadata.get(field).filter(|text| text.as_str() != Some(""))
        {
            annotations.insert(key.to_owned(), Json::String(text.clone()));
        }
    }
    Json::Object(annotations)
}
