//! DSSE envelopes, and the in-toto statements in them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Claim, Proof, Signers, Subject, decoded, malformed};
use crate::secret::printable;
use crate::trust::Error;
use crate::trust::keyless::{Material, Sealed, Signed};

pub(super) const IN_TOTO: &str = "application/vnd.in-toto+json";
const STATEMENTS: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];
/// The predicate by which cosign 3 says nothing but "I signed this".
pub(super) const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
/// More signatures in one envelope are not looked at.
const SIGNATURES: usize = 16;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<StatementSubject>,
    predicate_type: String,
    #[serde(borrow)]
    predicate: &'a RawValue,
}

#[derive(Deserialize)]
struct StatementSubject {
    digest: std::collections::BTreeMap<String, String>,
}

impl Envelope {
    const WHAT: &'static str = "the envelope";

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(malformed(Self::WHAT))
    }

    pub(super) fn has_one_signature(&self) -> bool {
        self.signatures.len() == 1
    }

    /// What it shows. `whole` is the text of an envelope that stands alone, `material` what came with a signature.
    pub(super) fn check(
        &self,
        subject: Subject<'_>,
        signers: &Signers<'_>,
        whole: Option<&[u8]>,
        material: impl Fn() -> Result<Option<Material>, Error>,
    ) -> Result<Proof, Error> {
        let payload = decoded(Self::WHAT, &self.payload)?;
        // What DSSE signs: the type and the payload, each behind its length.
        let mut message = format!(
            "DSSEv1 {} {} {} ",
            self.payload_type.len(),
            self.payload_type,
            payload.len()
        )
        .into_bytes();
        message.extend_from_slice(&payload);
        let mut made = Err(Error::NoKeyMadeIt);
        for signature in self.signatures.iter().take(SIGNATURES) {
            let signature = decoded("the signature", &signature.sig)?;
            let signed = Signed {
                message: &message,
                signature: &signature,
                envelope: Some(Sealed {
                    payload: &payload,
                    whole,
                }),
                // Of an envelope that stands alone, cosign has all of it stamped.
                stamped: whole.unwrap_or(&signature),
            };
            made = made.or_else(|_| signers.maker(&signed, &material));
        }
        let by = made?;
        if self.payload_type != IN_TOTO {
            return Err(Error::WrongStatement {
                found: printable(&self.payload_type, 80),
            });
        }
        let claim = statement(&payload, subject)?;
        Ok(Proof { claim, by })
    }
}

fn statement(payload: &[u8], subject: Subject<'_>) -> Result<Claim, Error> {
    const WHAT: &str = "the statement";
    let statement: Statement<'_> = serde_json::from_slice(payload).map_err(malformed(WHAT))?;
    if !STATEMENTS.contains(&statement.kind.as_str()) {
        return Err(Error::WrongStatement {
            found: printable(&statement.kind, 80),
        });
    }
    let digest = subject.digest;
    let names_it = |s: &StatementSubject| {
        s.digest
            .get(digest.algorithm().name())
            .is_some_and(|hex| *hex == digest.hex())
    };
    if !statement.subject.iter().any(names_it) {
        let first = statement.subject.first().and_then(|s| s.digest.values().next());
        return Err(Error::OtherSubject {
            found: printable(first.map_or("nothing", String::as_str), 140),
        });
    }
    if !statement.predicate.get().starts_with('{') || statement.predicate_type.is_empty() {
        return Err(Error::Malformed {
            what: WHAT,
            problem: "it has no predicate",
        });
    }
    Ok(match statement.predicate_type {
        kind if kind == SIGNED => Claim::Signed { named: None },
        predicate => Claim::Attested { predicate },
    })
}
