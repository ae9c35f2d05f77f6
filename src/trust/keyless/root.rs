//! `trusted_root.json`: whom a Sigstore believes, and when. It comes from the operator, never from the drive.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Error;
use crate::trust::x509::Certificate;
use crate::trust::{self, PemKey};

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot";

/// The authorities and logs of a Sigstore, read from its `trusted_root.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedRoot {
    pub(super) authorities: Vec<Authority>,
    pub(super) logs: Vec<Log>,
    pub(super) certificate_logs: Vec<Log>,
    pub(super) timestamp_authorities: Vec<Authority>,
}

/// Someone who issues certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    /// From whoever issues to the root, at least one.
    pub(super) chain: Vec<Certificate>,
    pub(super) window: Window,
}

/// A log that only grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) id: Vec<u8>,
    /// `None`, if it is of a type that is not supported: then nothing of this log can be checked.
    pub(super) key: Option<PemKey>,
    pub(super) window: Window,
}

/// From when to when something counts, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    start: Option<i64>,
    end: Option<i64>,
}

impl Window {
    pub(super) fn covers(self, time: i64) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time <= end)
    }
}

impl Authority {
    /// The root and what stands between it and those to whom it issues.
    pub(super) fn split(&self) -> Option<(&Certificate, &[Certificate])> {
        self.chain.split_last()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    media_type: String,
    #[serde(default)]
    tlogs: Vec<FileLog>,
    #[serde(default)]
    certificate_authorities: Vec<FileAuthority>,
    #[serde(default)]
    ctlogs: Vec<FileLog>,
    #[serde(default)]
    timestamp_authorities: Vec<FileAuthority>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileLog {
    public_key: FileKey,
    log_id: FileId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileKey {
    raw_bytes: String,
    #[serde(default)]
    valid_for: FileWindow,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileId {
    key_id: String,
}

#[derive(Default, Deserialize)]
struct FileWindow {
    start: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileAuthority {
    cert_chain: FileChain,
    #[serde(default)]
    valid_for: FileWindow,
}

#[derive(Deserialize)]
struct FileChain {
    certificates: Vec<FileCertificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileCertificate {
    raw_bytes: String,
}

impl TrustedRoot {
    /// Reads the text of a `trusted_root.json`.
    pub fn parse(text: &str) -> Result<Self, trust::Error> {
        let file: File = serde_json::from_str(text).map_err(|source| Error::BadRoot { source })?;
        if !file.media_type.starts_with(MEDIA_TYPE) {
            return Err(Error::OtherFile {
                found: crate::secret::printable(&file.media_type, 80),
            }
            .into());
        }
        for (list, is_empty) in [
            ("certificateAuthorities", file.certificate_authorities.is_empty()),
            ("tlogs", file.tlogs.is_empty()),
            ("ctlogs", file.ctlogs.is_empty()),
        ] {
            if is_empty {
                return Err(Error::EmptyRoot { list }.into());
            }
        }
        Ok(Self {
            authorities: all(&file.certificate_authorities, authority)?,
            logs: all(&file.tlogs, log)?,
            certificate_logs: all(&file.ctlogs, log)?,
            timestamp_authorities: all(&file.timestamp_authorities, authority)?,
        })
    }

    /// The authorities' certificates as PEM text, roots first.
    pub fn authority_pems(&self) -> String {
        let roots = self
            .authorities
            .iter()
            .filter_map(|authority| authority.chain.last());
        roots.map(Certificate::pem).collect()
    }

    /// The transparency logs' keys as PEM text; `None`, if one of them is of a type that is not supported.
    pub fn log_pems(&self) -> Option<Vec<&str>> {
        let keys = self.logs.iter().map(|log| Some(log.key.as_ref()?.pem()));
        keys.collect()
    }
}

fn all<F, T>(listed: &[F], read: fn(&F) -> Result<T, trust::Error>) -> Result<Vec<T>, trust::Error> {
    listed.iter().map(read).collect()
}

fn authority(file: &FileAuthority) -> Result<Authority, trust::Error> {
    let certificates = file.cert_chain.certificates.iter();
    let chain = certificates
        .map(|one| Certificate::parse(&decoded(&one.raw_bytes)?))
        .collect::<Result<Vec<_>, _>>()?;
    if chain.is_empty() {
        return Err(trust::Error::Malformed {
            what: "the trusted root",
            problem: "one of its authorities has no certificate",
        });
    }
    Ok(Authority {
        chain,
        window: window(&file.valid_for)?,
    })
}

fn log(file: &FileLog) -> Result<Log, trust::Error> {
    let key = match PemKey::from_der(&decoded(&file.public_key.raw_bytes)?) {
        Ok(key) => Some(key),
        Err(trust::Error::UnsupportedKey { .. } | trust::Error::Malformed { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(Log {
        id: decoded(&file.log_id.key_id)?,
        key,
        window: window(&file.public_key.valid_for)?,
    })
}

fn window(file: &FileWindow) -> Result<Window, trust::Error> {
    let second = |text: &String| match text.parse::<jiff::Timestamp>() {
        Ok(time) => Ok(time.as_second()),
        Err(_) => Err(trust::Error::Malformed {
            what: "the trusted root",
            problem: "a time in it is none",
        }),
    };
    Ok(Window {
        start: file.start.as_ref().map(second).transpose()?,
        end: file.end.as_ref().map(second).transpose()?,
    })
}

fn decoded(text: &str) -> Result<Vec<u8>, trust::Error> {
    STANDARD.decode(text).map_err(|_| trust::Error::Malformed {
        what: "the trusted root",
        problem: "its base64 is not well formed",
    })
}

/// A time as people read it.
pub(super) fn day(time: i64) -> String {
    jiff::Timestamp::from_second(time).map_or_else(|_| format!("the second {time}"), |time| time.to_string())
}
