//! Charts that lie in an OCI registry, as Helm puts them there.

use bytes::Bytes;

use super::archive::ARCHIVE_CAP;
use super::{Error, Fetcher, Index};
use crate::goyaml::{Map, Value};
use crate::oci::media_type::{HELM_CHART, HELM_CONFIG, HELM_PROVENANCE};
use crate::reference::{Reference, Repository, Tag};
use crate::registry::TagOrDigest;

/// A provenance file larger than this is none.
pub(super) const PROVENANCE_CAP: u64 = 4 << 20;

/// An archive, and what proves where it comes from.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) archive: Bytes,
    pub(super) provenance: Option<Bytes>,
}

impl Fetcher {
    /// The versions of one chart in a registry, as an index that the same selections understand.
    pub(super) async fn oci_index(&self, repository: &Repository) -> Result<Index, Error> {
        let name = repository
            .path()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        let tags = self.registries().tags(repository).await?;
        let versions = tags.iter().filter(|tag| is_version(tag)).map(|tag| {
            let url = format!("oci://{repository}:{tag}");
            Value::Map(Map::from([
                ("name".to_owned(), Value::String(name.clone())),
                ("version".to_owned(), Value::String(version_of(tag))),
                ("urls".to_owned(), Value::Seq(vec![Value::String(url)])),
            ]))
        });
        Ok(Index::of_entries(&name, versions.collect()))
    }

    /// The chart that an `oci://` URL names.
    pub(super) async fn oci_chart(&self, url: &str) -> Result<Fetched, Error> {
        let reference: Reference = url
            .replace('+', "_")
            .parse()
            .map_err(|source| Error::BadReference {
                name: crate::secret::printable(url, 160),
                source,
            })?;
        let not_a_chart = |problem| Error::NotAChart {
            reference: reference.to_string(),
            problem,
        };
        let wanted = TagOrDigest::of(&reference).ok_or_else(|| not_a_chart("it has no version"))?;
        let repository = reference.repository();
        let manifest = self.registries().manifest(repository, &wanted).await?;
        let document = manifest.document().map_err(|source| Error::BadManifest {
            reference: reference.to_string(),
            source,
        })?;
        if !document.blobs.iter().any(|blob| blob.media_type == HELM_CONFIG) {
            return Err(not_a_chart("its configuration is not a chart's"));
        }
        let layer = |kind: &str| document.blobs.iter().find(|blob| blob.media_type == kind);
        let chart = layer(HELM_CHART).ok_or_else(|| not_a_chart("it has no chart layer"))?;
        let archive = self
            .registries()
            .blob_bytes(repository, chart, ARCHIVE_CAP)
            .await?;
        let provenance = match layer(HELM_PROVENANCE) {
            Some(layer) => Some(
                self.registries()
                    .blob_bytes(repository, layer, PROVENANCE_CAP)
                    .await?,
            ),
            None => None,
        };
        Ok(Fetched { archive, provenance })
    }
}

/// Registries know no `+`: Helm writes `_` for it.
fn version_of(tag: &Tag) -> String {
    tag.as_str().replace('_', "+")
}

/// Signatures and other tags stand beside a chart's versions.
fn is_version(tag: &Tag) -> bool {
    crate::version::Version::parse_strict(&version_of(tag)).is_ok()
}
