//! Entries of transparency logs: that the log vouches for one, and when it says that it was made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::merkle::{self, Checkpoint};
use super::root::{Log, TrustedRoot};
use super::{Error, decoded, hex};
use crate::trust;

/// An entry of a log, with what is needed to check it.
#[derive(Clone, Debug)]
pub(in crate::trust) struct Entry {
    /// What was written into the log.
    pub(super) body: Vec<u8>,
    index: u64,
    log: Vec<u8>,
    time: i64,
    promise: Option<Vec<u8>>,
    proof: Option<Proof>,
}

#[derive(Clone, Debug)]
struct Proof {
    index: u64,
    size: u64,
    root: Vec<u8>,
    way: Vec<Vec<u8>>,
    checkpoint: String,
}

/// A number of 64 bits, which Protobuf's JSON writes as text.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "Written")]
struct Number(i64);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(i64),
    Text(String),
}

impl TryFrom<Written> for Number {
    type Error = std::num::ParseIntError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::Number(number) => Ok(Self(number)),
            Written::Text(text) => text.parse().map(Self),
        }
    }
}

/// An entry as Sigstore's bundles have it. Protobuf leaves out what is zero or empty.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::trust) struct BundleEntry {
    log_index: Option<Number>,
    log_id: LogId,
    integrated_time: Option<Number>,
    inclusion_promise: Option<Promise>,
    inclusion_proof: Option<BundleProof>,
    canonicalized_body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogId {
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BundleProof {
    log_index: Option<Number>,
    root_hash: String,
    tree_size: Number,
    #[serde(default)]
    hashes: Vec<String>,
    checkpoint: Option<Note>,
}

#[derive(Deserialize)]
struct Note {
    envelope: String,
}

/// The annotation in which cosign keeps the entry of an older signature.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Annotation {
    signed_entry_timestamp: String,
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    body: String,
    #[serde(rename = "integratedTime")]
    time: i64,
    #[serde(rename = "logIndex")]
    index: u64,
    #[serde(rename = "logID")]
    log: String,
}

const WHAT: &str = "the entry of the transparency log";

fn unsigned(number: Option<Number>) -> Result<u64, trust::Error> {
    u64::try_from(number.map_or(0, |number| number.0)).map_err(|_| trust::Error::Malformed {
        what: WHAT,
        problem: "a number in it is negative",
    })
}

impl TryFrom<BundleEntry> for Entry {
    type Error = trust::Error;

    fn try_from(entry: BundleEntry) -> Result<Self, Self::Error> {
        let promise = entry
            .inclusion_promise
            .map(|p| decoded(WHAT, &p.signed_entry_timestamp));
        let proof = entry.inclusion_proof.map(Proof::try_from);
        Ok(Self {
            body: decoded(WHAT, &entry.canonicalized_body)?,
            index: unsigned(entry.log_index)?,
            log: decoded(WHAT, &entry.log_id.key_id)?,
            time: entry.integrated_time.map_or(0, |number| number.0),
            promise: promise.transpose()?,
            proof: proof.transpose()?,
        })
    }
}

impl TryFrom<BundleProof> for Proof {
    type Error = trust::Error;

    fn try_from(proof: BundleProof) -> Result<Self, Self::Error> {
        let way = proof.hashes.iter().map(|hash| decoded(WHAT, hash));
        Ok(Self {
            index: unsigned(proof.log_index)?,
            size: unsigned(Some(proof.tree_size))?,
            root: decoded(WHAT, &proof.root_hash)?,
            way: way.collect::<Result<_, _>>()?,
            checkpoint: proof.checkpoint.map(|note| note.envelope).unwrap_or_default(),
        })
    }
}

impl Entry {
    /// Reads the annotation of an older signature.
    pub(in crate::trust) fn annotated(text: &str) -> Result<Self, trust::Error> {
        let Annotation {
            signed_entry_timestamp,
            payload,
        } = serde_json::from_str(text)
            .map_err(|source| trust::Error::MalformedEvidence { what: WHAT, source })?;
        Ok(Self {
            body: decoded(WHAT, &payload.body)?,
            index: payload.index,
            log: hex::decoded(&payload.log).ok_or(trust::Error::Malformed {
                what: WHAT,
                problem: "the log's name is no hex",
            })?,
            time: payload.time,
            promise: Some(decoded(WHAT, &signed_entry_timestamp)?),
            proof: None,
        })
    }

    /// The log that it is of, if the trusted root knows it.
    pub(super) fn log<'r>(&self, root: &'r TrustedRoot) -> Option<&'r Log> {
        root.logs.iter().find(|log| log.id == self.log)
    }

    /// The log's name.
    pub(super) fn log_name(&self) -> String {
        hex::encoded(self.log.get(..32).unwrap_or(&self.log))
    }

    /// Whether the log vouches for it; the time, if the log vouches for that as well.
    pub(super) fn check(&self, log: &Log) -> Result<Option<i64>, Error> {
        let wrong = |reason| Error::WrongEntry { reason };
        let key = log.key.as_ref().ok_or_else(|| {
            wrong("the trusted root has a key for this log of a type that is not supported")
        })?;
        if self.promise.is_none() && self.proof.is_none() {
            return Err(wrong(
                "it has neither the log's promise nor a proof of its place in the log",
            ));
        }
        if let Some(proof) = &self.proof
            && !(proof.checkpoint.is_empty() && self.promise.is_some())
        {
            proof.check(&self.body, key)?;
        }
        let Some(promise) = &self.promise else {
            return Ok(None);
        };
        // As Rekor signs it: the keys in their order, no blanks.
        let promised = format!(
            r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
            STANDARD.encode(&self.body),
            self.time,
            hex::encoded(&self.log),
            self.index
        );
        key.verify(promised.as_bytes(), promise)
            .map_err(|_| wrong("its promise (SET) is not signed by the log, or is about another entry"))?;
        if !log.window.covers(self.time) {
            return Err(Error::LogNotThen { time: self.time });
        }
        Ok(Some(self.time))
    }
}

impl Proof {
    fn check(&self, body: &[u8], key: &trust::PemKey) -> Result<(), Error> {
        let wrong = |reason| Error::WrongEntry { reason };
        let checkpoint = Checkpoint::parse(&self.checkpoint)?;
        checkpoint.check(key)?;
        if checkpoint.root != self.root || checkpoint.size != self.size {
            return Err(wrong("its proof leads to another tree than the log signed"));
        }
        if merkle::root(body, self.index, self.size, &self.way).as_ref() != Some(&self.root) {
            return Err(wrong("its proof does not lead from this entry to the log's tree"));
        }
        Ok(())
    }
}
