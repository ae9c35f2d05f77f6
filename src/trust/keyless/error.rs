//! Why a certificate's signature is not believed.

use super::root::day;
use crate::secret::printable;

/// Why a signature that was made with a certificate does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that should be a `trusted_root.json` is none.
    #[error("it is no trusted root of Sigstore")]
    BadRoot {
        /// What the JSON reader said.
        #[source]
        source: serde_json::Error,
    },
    /// The file is JSON, and something else.
    #[error("it is no trusted root of Sigstore: its mediaType is {found:?}")]
    OtherFile {
        /// What it says to be, shortened.
        found: String,
    },
    /// A list of the trusted root without which nothing could ever be believed is empty.
    #[error(
        "its list {list:?} is empty, so that no keyless signature could ever count: take the trusted_root.json of the Sigstore that signs your images"
    )]
    EmptyRoot {
        /// The list's name.
        list: &'static str,
    },
    /// The bundle has neither a certificate nor a key.
    #[error("it has no certificate: nothing says who signed")]
    NoCertificate,
    /// The certificate's key did not make the signature.
    #[error("the key of its certificate did not make the signature, or something else was signed")]
    WrongSignature,
    /// No authority of the trusted root issued the certificate.
    #[error("no certificate authority of the trusted root issued its certificate, valid at {}", day(*time))]
    NotIssued {
        /// When it was signed.
        time: i64,
        /// What the last authority that was tried said.
        #[source]
        source: Option<webpki::Error>,
    },
    /// The certificate had run out, or was not valid yet.
    #[error(
        "its certificate was valid from {} to {}, and it was signed at {}",
        day(*from),
        day(*to),
        day(*time)
    )]
    NotValidThen {
        /// The first second of its validity.
        from: i64,
        /// The last one.
        to: i64,
        /// When it was signed.
        time: i64,
    },
    /// The certificate is not one for signing.
    #[error("its certificate is not for signing content (code signing)")]
    WrongPurpose,
    /// No log of certificates has seen the certificate.
    #[error("no certificate log of the trusted root has seen its certificate (SCT): {reason}")]
    NotLogged {
        /// What is there instead.
        reason: &'static str,
    },
    /// No entry of a transparency log is there.
    #[error(
        "it has no entry of a transparency log (Rekor): have it signed again with the log, as cosign does unless it is told not to"
    )]
    NoEntry,
    /// The entries are of logs that the trusted root does not know.
    #[error("its entry is of the transparency log {log}, which the trusted root does not know")]
    UnknownLog {
        /// The log's name: the hash of its key.
        log: String,
    },
    /// The log did not run then by the trusted root.
    #[error("by the trusted root its transparency log did not run at {}", day(*time))]
    LogNotThen {
        /// When it was signed.
        time: i64,
    },
    /// The entry is not one that the log vouches for.
    #[error("the transparency log does not vouch for its entry: {reason}")]
    WrongEntry {
        /// Why not.
        reason: &'static str,
    },
    /// The entry is of a kind that is not known here.
    #[error(
        "its entry in the transparency log is of the kind {} {}, which this program does not know",
        printable(kind, 40),
        printable(version, 40)
    )]
    UnknownEntry {
        /// `hashedrekord` and the like.
        kind: String,
        /// The kind's version.
        version: String,
    },
    /// The entry is about something else.
    #[error("its entry in the transparency log is about another {what}")]
    OtherEntry {
        /// What differs: `signature`, `certificate`, `content`.
        what: &'static str,
    },
    /// Nothing that can be believed says when it was signed.
    #[error(
        "nothing that can be believed says when it was signed: neither the transparency log's promise nor a timestamp{}",
        reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default()
    )]
    NoTime {
        /// Why a timestamp that is there does not count.
        reason: Option<String>,
    },
    /// A timestamp does not count.
    #[error("its timestamp does not count: {reason}")]
    WrongTimestamp {
        /// Why not.
        reason: &'static str,
    },
    /// The certificate does not say who signed in a way that is known here.
    #[error("its certificate does not name one identity: {reason}")]
    NoIdentity {
        /// What is wrong.
        reason: &'static str,
    },
    /// Somebody else signed.
    #[error("it was signed by {found}, whom the policy does not name")]
    OtherIdentity {
        /// Who signed.
        found: String,
    },
    /// Too much hangs on one signature.
    #[error("it has more than {most} {what}")]
    TooMany {
        /// The highest number that is read.
        most: usize,
        /// What there is too much of.
        what: &'static str,
    },
}
