//! Bundles that a small Sigstore of our own made, each judged by sigstore-go too (`fixtures/keyless`), and real ones of
//! the public Sigstore.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::*;
use crate::digest::{Algorithm, Digest};
use crate::trust::evidence::{Claim, Evidence, Kept, SIGNATURE_ANNOTATION, Signers, Subject};

#[derive(Deserialize)]
struct Fixture {
    manifest: String,
    issuer: String,
    subject: String,
    cases: Vec<Case>,
    older: Vec<Older>,
    attested: Vec<Older>,
}

/// What stands under cosign's tags.
#[derive(Deserialize)]
struct Older {
    name: String,
    says: String,
    payload: String,
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    /// What the refusal says; empty, if there is none.
    says: String,
    #[serde(rename = "sigstore-go")]
    oracle: String,
    bundle: Box<RawValue>,
}

fn fixture(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keyless");
    std::fs::read_to_string(path.join(name)).unwrap()
}

fn signer(issuer: &str, subject: &str) -> Signer {
    Signer {
        issuer: Pattern::new(issuer),
        subject: Pattern::new(subject),
    }
}

/// What we say of a bundle: nothing, or the reason of the refusal with its causes.
fn verdict(
    bundle: &str,
    manifest: &[u8],
    digest: &Digest,
    root: &TrustedRoot,
    signers: &[Signer],
) -> Result<(Claim, String), String> {
    judged(
        &Evidence::Bundle(bundle.as_bytes().to_vec()),
        Subject { digest, manifest },
        Keyless { root, signers },
    )
}

fn judged(
    evidence: &Evidence,
    subject: Subject<'_>,
    keyless: Keyless<'_>,
) -> Result<(Claim, String), String> {
    let signers = Signers {
        keys: Vec::new(),
        keyless: Some(keyless),
    };
    match evidence.check(subject, &signers) {
        Ok(proof) => Ok((proof.claim, proof.by)),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn a_bundle_counts_when_sigstore_go_says_so_and_a_spoilt_one_is_refused_with_the_reason() {
    let root = TrustedRoot::parse(&fixture("trusted_root.json")).unwrap();
    let all: Fixture = serde_json::from_str(&fixture("cases.json")).unwrap();
    let signers = [signer(&all.issuer, &all.subject)];
    let digest = Digest::sha256(all.manifest.as_bytes());
    let mut wrong = BTreeMap::new();
    for case in &all.cases {
        let found = verdict(
            case.bundle.get(),
            all.manifest.as_bytes(),
            &digest,
            &root,
            &signers,
        );
        let as_expected = match &found {
            Ok((claim, by)) => {
                *claim == Claim::Signed { named: None }
                    && *by == format!("{} ({})", all.subject, all.issuer)
                    && case.says.is_empty()
            }
            Err(reason) => !case.says.is_empty() && reason.contains(&case.says),
        };
        // Where the two differ we must be the stricter one.
        let is_safe = found.is_err() || case.oracle == "good";
        if !as_expected || !is_safe {
            wrong.insert(&case.name, (found, &case.oracle));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(all.cases.len() > 40, "{}", all.cases.len());
}

#[test]
fn what_stands_under_the_tags_of_cosign_counts_by_its_annotations() {
    let root = TrustedRoot::parse(&fixture("trusted_root.json")).unwrap();
    let all: Fixture = serde_json::from_str(&fixture("cases.json")).unwrap();
    let signers = [signer(&all.issuer, &all.subject)];
    let manifest = all.manifest.as_bytes();
    let digest = Digest::sha256(manifest);
    let keyless = Keyless {
        root: &root,
        signers: &signers,
    };
    let payloads = all.older.iter().map(|one| (one, false));
    for (one, is_envelope) in payloads.chain(all.attested.iter().map(|one| (one, true))) {
        let kept = Kept::of(&one.annotations);
        let bytes = one.payload.clone().into_bytes();
        let evidence = if is_envelope {
            Evidence::Envelope {
                envelope: bytes,
                kept,
            }
        } else {
            Evidence::Simple {
                payload: bytes,
                signature: one.annotations[SIGNATURE_ANNOTATION].clone(),
                kept,
            }
        };
        let subject = Subject {
            digest: &digest,
            manifest,
        };
        match judged(&evidence, subject, keyless) {
            Ok(found) => assert!(one.says.is_empty(), "{}: {found:?}", one.name),
            Err(reason) => {
                assert!(
                    !one.says.is_empty() && reason.contains(&one.says),
                    "{}: {reason}",
                    one.name
                );
            }
        }
    }
}

#[test]
fn patterns_over_identities_cover_as_much_as_they_say() {
    let root = TrustedRoot::parse(&fixture("trusted_root.json")).unwrap();
    let all: Fixture = serde_json::from_str(&fixture("cases.json")).unwrap();
    let good = all.cases.iter().find(|case| case.name == "an envelope").unwrap();
    let digest = Digest::sha256(all.manifest.as_bytes());
    let counts = |issuer: &str, subject: &str| {
        let signers = [signer("https://nobody.example", "*"), signer(issuer, subject)];
        verdict(
            good.bundle.get(),
            all.manifest.as_bytes(),
            &digest,
            &root,
            &signers,
        )
        .is_ok()
    };
    assert!(counts(&all.issuer, "https://git.example/shop/*"));
    assert!(counts("*", "*@refs/tags/v?"));
    assert!(!counts(&all.issuer, "https://git.example/shop"));
    assert!(!counts("https://token.git.exampl", "*"));
    assert!(!counts("", ""));
}

/// Of the public Sigstore: a package's provenance, with an entry of an older kind and its proof.
#[test]
fn a_bundle_of_the_public_sigstore_counts_by_its_public_root() {
    let root = TrustedRoot::parse(&fixture("public/trusted_root.json")).unwrap();
    let bundle = fixture("public/sigstore.js@2.0.0-provenance.sigstore.json");
    let github = "https://token.actions.githubusercontent.com";
    let signers = [signer(github, "https://github.com/sigstore/sigstore-js/*")];
    let digest = Digest::from_hex(Algorithm::Sha512, "46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c").unwrap();
    let found = verdict(&bundle, b"", &digest, &root, &signers).unwrap();
    assert_eq!(
        found.0,
        Claim::Attested {
            predicate: "https://slsa.dev/provenance/v1".to_owned()
        }
    );
    assert!(found.1.ends_with(&format!("({github})")), "{}", found.1);
    let others = [signer(github, "https://github.com/other/*")];
    let refused = verdict(&bundle, b"", &digest, &root, &others).unwrap_err();
    assert!(refused.contains("whom the policy does not name"), "{refused}");
    let ours = TrustedRoot::parse(&fixture("trusted_root.json")).unwrap();
    let refused = verdict(&bundle, b"", &digest, &ours, &signers).unwrap_err();
    assert!(refused.contains("the trusted root does not know"), "{refused}");
}

#[test]
fn what_is_no_trusted_root_is_told_and_an_empty_one_is_not_taken() {
    for (text, says) in [
        ("", "no trusted root"),
        ("[]", "no trusted root"),
        (r#"{"mediaType": "application/json"}"#, "its mediaType is"),
        (
            r#"{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#,
            "is empty",
        ),
    ] {
        let error = TrustedRoot::parse(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

/// No byte of a bundle or of a trusted root may bring the program down, and none that is signed may change.
#[test]
fn a_bundle_with_one_changed_byte_never_panics() {
    let root_text = fixture("trusted_root.json");
    let root = TrustedRoot::parse(&root_text).unwrap();
    let all: Fixture = serde_json::from_str(&fixture("cases.json")).unwrap();
    let signers = [signer(&all.issuer, &all.subject)];
    let digest = Digest::sha256(all.manifest.as_bytes());
    let stamped = all
        .cases
        .iter()
        .find(|case| case.name.starts_with("a proof and a timestamp"));
    let text = stamped.unwrap().bundle.get();
    for at in (0..text.len()).step_by(31) {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let Ok(changed) = String::from_utf8(bytes) else {
            continue;
        };
        let _ = verdict(&changed, all.manifest.as_bytes(), &digest, &root, &signers);
    }
    for at in (0..root_text.len()).step_by(31) {
        let mut bytes = root_text.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let Ok(changed) = String::from_utf8(bytes) else {
            continue;
        };
        let _ = TrustedRoot::parse(&changed);
    }
}
