//! `policy.json` and `registries.d` of CRI-O, podman, buildah and skopeo: nodes check signatures by themselves.
//!
//! These engines look up what is asked of an image by the name that it was asked for, and its signatures at the place that
//! the name leads to. So the scopes of the policy are original names, and only the mirror is told to have signatures.
//! Whoever asks the mirror by its own name finds the same demands, with the identity that the signature really has.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use serde_json::{Value, json};

use super::{HEADER, Work, quoted};

/// What nodes ask of images before they run them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// What is asked of images that no scope is about, all of it. Nothing, if it is empty.
    pub others: Vec<Demand>,
    /// What is asked by scope: `host`, `host/namespace`, `host/repository` or `*.domain`. The longest scope that an image
    /// is in counts, and all that it asks.
    pub scopes: BTreeMap<String, Vec<Demand>>,
    /// What was asked for and nodes cannot ask, one sentence each.
    pub gaps: Vec<String>,
}

/// One thing that is asked of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// It does not run.
    Refused,
    /// One of some keys must have signed it.
    Signed {
        /// The keys as PEM text.
        keys: Vec<String>,
        /// The name that the signature must have.
        identity: Identity,
    },
    /// One person must have signed it without a key, by a certificate and a transparency log.
    Keyless {
        /// Who it must be.
        signer: Person,
        /// The authorities' certificates as PEM text.
        authorities: String,
        /// The transparency logs' keys as PEM text.
        logs: Vec<String>,
        /// The name that the signature must have.
        identity: Identity,
    },
}

/// The one kind of keyless signer that engines can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The e-mail address.
    pub email: String,
    /// Who vouches for it.
    pub issuer: String,
}

/// The name that a signature must have, as far as engines can ask for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The repository that was asked for. Tags do not count: cosign signs none.
    Same,
    /// This repository.
    Repository(String),
    /// The name that was asked for, with another beginning. cosign's signatures have it by digest only.
    Renamed {
        /// How the name that was asked for begins.
        from: String,
        /// How the signed name begins.
        to: String,
    },
}

impl Identity {
    fn requirement(&self) -> Value {
        match self {
            Self::Same => json!({"type": "matchRepository"}),
            Self::Repository(name) => json!({"type": "exactRepository", "dockerRepository": name}),
            Self::Renamed { from, to } => {
                json!({"type": "remapIdentity", "prefix": from, "signedPrefix": to})
            }
        }
    }
}

fn encoded(pem: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(pem)
}

impl Demand {
    fn requirement(&self) -> Value {
        let (keys, word, mut requirement) = match self {
            Self::Refused => return json!({"type": "reject"}),
            Self::Signed { keys, identity } => (
                keys,
                "keyData",
                json!({"type": "sigstoreSigned", "signedIdentity": identity.requirement()}),
            ),
            Self::Keyless {
                signer,
                authorities,
                logs,
                identity,
            } => (
                logs,
                "rekorPublicKeyData",
                json!({
                    "type": "sigstoreSigned",
                    "fulcio": {
                        "caData": encoded(authorities),
                        "oidcIssuer": signer.issuer,
                        "subjectEmail": signer.email,
                    },
                    "signedIdentity": identity.requirement(),
                }),
            ),
        };
        let keys: Vec<String> = keys.iter().map(|pem| encoded(pem)).collect();
        // The plural is known to newer engines only.
        match keys.as_slice() {
            [only] => requirement[word] = json!(only),
            _ => requirement[format!("{word}s")] = json!(keys),
        }
        requirement
    }

    fn has_several_keys(&self) -> bool {
        matches!(self, Self::Signed { keys, .. } | Self::Keyless { logs: keys, .. } if keys.len() > 1)
    }
}

fn requirements(demands: &[Demand]) -> Value {
    if demands.is_empty() {
        return json!([{"type": "insecureAcceptAnything"}]);
    }
    demands.iter().map(Demand::requirement).collect()
}

/// The policy as text.
fn policy(verification: &Verification) -> String {
    let mut docker: serde_json::Map<String, Value> = verification
        .scopes
        .iter()
        .map(|(scope, demands)| (scope.clone(), requirements(demands)))
        .collect();
    docker.insert(String::new(), requirements(&verification.others));
    // What comes from no registry, such as images that were built on the node, is not the mirror's matter.
    let document = json!({
        "default": [{"type": "insecureAcceptAnything"}],
        "transports": {"docker": docker},
    });
    format!("{document:#}\n")
}

/// Writes the files, if anything is asked of images.
pub(super) fn write(work: &mut Work<'_>) {
    let mirror = work.mirror;
    let Some(verification) = &mirror.verification else {
        return;
    };
    work.file("etc/containers/policy.json", policy(verification));
    let mut text = format!("{HEADER}docker:\n");
    let _ = writeln!(
        text,
        "  {}:\n    use-sigstore-attachments: true",
        quoted(mirror.host())
    );
    work.file("etc/containers/registries.d/50-carrack.yaml", text);
    let mut demands = verification
        .scopes
        .values()
        .chain([&verification.others])
        .flatten();
    if demands.any(Demand::has_several_keys) {
        work.gap(
            "policy.json names several keys of which any one counts, which needs podman 5.2, CRI-O 1.31 or newer: older engines refuse the file"
                .to_owned(),
        );
    }
    for gap in &verification.gaps {
        work.gap(gap.clone());
    }
}

/// Says of an engine that checks no signatures that it does not.
pub(super) fn cannot(work: &mut Work<'_>) {
    if work.mirror.verification.is_some() {
        work.gap(
            "the policy is not asked on nodes: this engine checks no signatures by a file. An admission controller can"
                .to_owned(),
        );
    }
}

/// What the page on installing says of it.
pub(super) const PAGE: &str = "\
etc/containers/policy.json says whose signatures images must have, and replaces the node's own file: keep a copy of that\n\
one first, and join the two if it has entries of yours. The engine reads cosign's signatures under tags (cosign sign\n\
--new-bundle-format=false), of each platform's own manifest (cosign sign --recursive). Debian 12's packages are built\n\
without such signatures: they refuse every image that must have one.\n\n";
