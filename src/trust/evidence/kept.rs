//! What cosign's older forms keep in annotations, beside the signature, to check a keyless one by.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{decoded, malformed};
use crate::trust::Error;
use crate::trust::keyless::{Entry, Material};
use crate::trust::x509::Certificate;

const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const ENTRY: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// The annotations' texts.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    certificate: Option<String>,
    entry: Option<String>,
    timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Timestamp {
    #[serde(rename = "SignedRFC3161Timestamp")]
    signed: String,
}

impl Kept {
    /// Those of a layer. The chain that cosign keeps as well is not looked at: the trusted root has its own.
    pub fn of(annotations: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| annotations.get(name).filter(|text| !text.is_empty()).cloned();
        Self {
            certificate: text(CERTIFICATE),
            entry: text(ENTRY),
            timestamp: text(TIMESTAMP),
        }
    }

    /// What they give to check a keyless signature by; `None`, if it is none.
    pub(super) fn material(&self) -> Result<Option<Material>, Error> {
        let Some(certificate) = &self.certificate else {
            return Ok(None);
        };
        let entry = self.entry.as_deref().map(Entry::annotated).transpose()?;
        let stamp = self.timestamp.as_deref().map(|text| {
            const WHAT: &str = "the timestamp";
            let stamp: Timestamp = serde_json::from_str(text).map_err(malformed(WHAT))?;
            decoded(WHAT, &stamp.signed)
        });
        let mut chain = Certificate::parse_pem(certificate)?.into_iter();
        Ok(Some(Material {
            certificate: chain.next().map(|leaf| leaf.der().to_vec()).unwrap_or_default(),
            entries: entry.into_iter().collect(),
            timestamps: stamp.transpose()?.into_iter().collect(),
        }))
    }
}
