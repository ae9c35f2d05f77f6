//! Who vouches for what crosses: signatures of the inventory and of images, and the policy that asks for them.
//!
//! ```text
//! key.rs wire.rs   public keys, as OpenSSH and PEM files write them; `ring` does the arithmetic
//! sshsig.rs        `ssh-keygen -Y sign`: signatures over the exact bytes of carrack/inventory.json
//! signers.rs       the allowed_signers file: whose keys count, for what and until when
//! seal.rs          the verdict about an inventory's signatures
//! accepted.rs      the highest sequence that was accepted from each signer: an old drive is no new one
//! evidence/        signatures and attestations that hang on images, as cosign makes them
//! keyless/         signatures by certificate and transparency log instead of a key
//! x509/            certificates: what stands in them, who issued them
//! policy/          what is asked of images: registries, tags, digests, age, signatures
//! ```
//!
//! Everything here is pure but for [`Accepted`], which keeps one file. Signatures are checked over raw bytes before
//! anything parses them, and each text from a drive is read through a cap by whoever reads it. A signature says that
//! something has not changed since it was signed; it does not say that what was signed is good.

mod accepted;
pub mod evidence;
pub mod keyless;
mod pem_key;
mod policy;
mod seal;
mod signers;
mod ssh_key;
mod sshsig;
mod wire;
mod x509;

pub use accepted::{ACCEPTED, Accepted, Candidate};
pub use keyless::{Keyless, Signer, TrustedRoot};
pub use pem_key::PemKey;
pub use policy::{Attestation, Image, Keyring, Pattern, Policy, Rule, Signature, Violation, Vouched};
pub use seal::{Demand, Seal, SignatureFile, Signed};
pub use signers::AllowedSigners;
pub use ssh_key::SshKey;
pub use sshsig::SshSignature;

use std::path::PathBuf;

use crate::fsx;

/// What a signature of an inventory is for; one that was made for something else does not count.
pub const NAMESPACE: &str = "carrack-inventory";

/// Why something is not trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key or signature is not what its format says.
    #[error("{what} is not well formed: {problem}")]
    Malformed {
        /// `the public key`, `the signature`.
        what: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A key is of a type that this program does not check.
    #[error(
        "keys of the type {kind} are not supported: use ed25519, ECDSA with P-256 or P-384, RSA of 2048 bits and more, or a security key (sk-)"
    )]
    UnsupportedKey {
        /// Its type, shortened.
        kind: String,
    },
    /// A security key signed without having been touched.
    #[error("the security key was not touched when it signed")]
    Untouched,
    /// A file that should hold a public key does not.
    #[error("{name} is no public key that can be used")]
    BadKey {
        /// The file, or `the key in the policy`.
        name: String,
        /// What is wrong with it.
        #[source]
        source: Box<Self>,
    },
    /// A signature was made for another purpose.
    #[error("it was made for {found:?}, not for {NAMESPACE:?}")]
    WrongNamespace {
        /// The namespace in it, shortened.
        found: String,
    },
    /// A signature does not belong to these bytes and this key.
    #[error("it was made over other bytes, or with another key than it says")]
    WrongSignature,
    /// A signature beside the inventory is damaged, or the inventory was changed.
    #[error("carrack/{file} does not sign this inventory")]
    BadSignature {
        /// The signature's file.
        file: String,
        /// What is wrong.
        #[source]
        source: Box<Self>,
    },
    /// A payload, envelope or bundle is not what its format says.
    #[error("{what} is not well formed")]
    MalformedEvidence {
        /// `the envelope`, `the signed payload`.
        what: &'static str,
        /// What the JSON reader said.
        #[source]
        source: serde_json::Error,
    },
    /// None of the keys that count made a signature.
    #[error("none of the keys that count made it")]
    NoKeyMadeIt,
    /// Something was signed that is no statement about an image.
    #[error("it is of the type {found:?}, which says nothing about an image")]
    WrongStatement {
        /// Its type, shortened.
        found: String,
    },
    /// A signature is another image's.
    #[error("it speaks of {found}, not of this image")]
    OtherSubject {
        /// What it speaks of.
        found: String,
    },
    /// A signature was made without a key of one's own, and only keys count.
    #[error(
        "it was made with a certificate and no key (keyless), and the policy names no `identities` whose signatures count"
    )]
    NoIdentities,
    /// A signature that was made with a certificate does not count.
    #[error(transparent)]
    Keyless(#[from] keyless::Error),
    /// A rule asks for signatures, and nobody could make one that counts.
    #[error(
        "the rule for {pattern} asks for signatures and names nobody: give it `keys`, or `identities` with a `trusted-root`"
    )]
    NobodyNamed {
        /// The rule's pattern.
        pattern: String,
    },
    /// A rule names identities, and not by what they are believed.
    #[error(
        "the rule for {pattern} names `{given}` and no `{missing}`: keyless signatures need both, a signer and the trusted_root.json of the Sigstore that vouches for it"
    )]
    HalfKeyless {
        /// The rule's pattern.
        pattern: String,
        /// The word that is there.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A file that should be a `trusted_root.json` is none.
    #[error("{name} cannot be used as trusted root")]
    BadRoot {
        /// The file.
        name: String,
        /// What is wrong with it.
        #[source]
        source: Box<Self>,
    },
    /// Not enough of the signers that count have signed.
    #[error(
        "the inventory has {found} of {required} signatures by signers that count{}",
        listed(reasons)
    )]
    NotVouchedFor {
        /// How many signers that count have signed.
        found: usize,
        /// How many are asked for.
        required: usize,
        /// Why each other signature does not count, one line each.
        reasons: Vec<String>,
    },
    /// Signatures are asked for, and there is nothing that could be signed.
    #[error("there is no carrack/inventory.json that could be signed")]
    NoInventory,
    /// Something newer of the same bundle and signer was accepted already.
    #[error(
        "this is number {found} of the bundle {bundle_id} by {signer}, and number {accepted} was accepted already: an older drive, or a copy that went its own way"
    )]
    Replayed {
        /// The bundle's name.
        bundle_id: String,
        /// Who signed.
        signer: String,
        /// Its number.
        found: u64,
        /// The highest number that was accepted.
        accepted: u64,
    },
    /// A line of an `allowed_signers` file cannot be honoured.
    #[error("{}:{line}: {problem}", path.display())]
    BadSigner {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// An `allowed_signers` file names nobody.
    #[error("{} names no signer: nothing could ever be accepted", path.display())]
    NoSigners {
        /// The file.
        path: PathBuf,
    },
    /// The record of accepted bundles cannot be used.
    #[error("{} does not say what was accepted before, so that an old drive could pass for a new one", path.display())]
    BadState {
        /// The file.
        path: PathBuf,
        /// What the JSON reader said, if it was not the version.
        #[source]
        source: Option<serde_json::Error>,
    },
    /// The record of accepted bundles could not be read or written.
    #[error(transparent)]
    Disk(#[from] fsx::Error),
}

impl Error {
    /// Whether a file of the operator cannot be used: a key, a list of signers, the record of what was accepted.
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::BadKey { .. }
                | Self::BadRoot { .. }
                | Self::NobodyNamed { .. }
                | Self::HalfKeyless { .. }
                | Self::BadSigner { .. }
                | Self::NoSigners { .. }
                | Self::BadState { .. }
        )
    }

    /// Whether content was refused.
    pub fn is_refusal(&self) -> bool {
        !self.is_configuration() && !matches!(self, Self::Disk(_))
    }
}

fn listed(reasons: &[String]) -> String {
    reasons
        .iter()
        .fold(String::new(), |text, reason| text + "; " + reason)
}
