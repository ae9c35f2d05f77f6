//! Those of signing tools, and of tools that carry signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carrack::bundle::Bundle;
use carrack::digest::Digest;
use carrack::oci::{Attachment, media_type};
use carrack::trust::evidence::{Claim, Evidence, Kept, Proof, Signers, Subject};
use carrack::trust::{Error, PemKey};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};

use super::write;
use crate::conformance::{Visitor, repository};
use crate::support::images::{Blob, Image, attachment, image, referrer, referrer_list};
use crate::support::program::Program;
use crate::support::registry::TestRegistry;

const MANIFEST: &[u8] = br#"{"schemaVersion":2}"#;
const SLSA: &str = "https://slsa.dev/provenance/v1";
const SIGNATURE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

fn key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).unwrap()
}

fn sign(message: &[u8]) -> String {
    let signature: Signature = key().sign(message);
    STANDARD.encode(signature.to_der())
}

/// What the evidence shows about `MANIFEST` to someone who has the key.
fn check(evidence: &Evidence) -> Result<Proof, Error> {
    let pem = key().verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    let key = PemKey::parse(&pem).unwrap();
    let digest = Digest::sha256(MANIFEST);
    let subject = Subject {
        digest: &digest,
        manifest: MANIFEST,
    };
    let signers = Signers {
        keys: vec![("shop.pub", &key)],
        keyless: None,
    };
    evidence.check(subject, &signers)
}

/// An in-toto statement in an envelope that the key signed.
fn envelope(about: &Digest, kind: &str, predicate: &Value) -> Value {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "", "digest": {"sha256": about.hex()}}],
        "predicateType": kind,
        "predicate": predicate,
    });
    let (payload, in_toto) = (statement.to_string(), "application/vnd.in-toto+json");
    let signed = format!("DSSEv1 {} {in_toto} {} {payload}", in_toto.len(), payload.len());
    json!({
        "payloadType": in_toto,
        "payload": STANDARD.encode(payload),
        "signatures": [{"sig": sign(signed.as_bytes())}],
    })
}

fn attestation(about: &Digest, kind: &str, predicate: &Value) -> Evidence {
    Evidence::Envelope {
        envelope: envelope(about, kind, predicate).to_string().into_bytes(),
        kept: Kept::default(),
    }
}

fn bundled(content: &str, value: &Value) -> Evidence {
    let bundle = json!({
        "mediaType": SIGNATURE,
        "verificationMaterial": {"publicKey": {"hint": ""}},
        content: value,
    });
    Evidence::Bundle(bundle.to_string().into_bytes())
}

#[test]
fn cve_2022_36056_and_2026_22703_a_signature_is_bound_to_its_image() {
    let (own, other) = (Digest::sha256(MANIFEST), Digest::sha256(b"another image"));
    let message = |about: &Digest, signed: &[u8]| {
        json!({
            "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(about.as_bytes())},
            "signature": sign(signed),
        })
    };
    check(&bundled("messageSignature", &message(&own, MANIFEST))).unwrap();
    check(&bundled("dsseEnvelope", &envelope(&own, SLSA, &json!({})))).unwrap();
    for wrong in [
        bundled("messageSignature", &message(&other, b"another image")),
        bundled("messageSignature", &message(&own, b"another image")),
        bundled("messageSignature", &message(&other, MANIFEST)),
        bundled("dsseEnvelope", &envelope(&other, SLSA, &json!({}))),
        attestation(&other, SLSA, &json!({})),
    ] {
        let error = check(&wrong).unwrap_err();
        assert!(
            matches!(error, Error::OtherSubject { .. } | Error::NoKeyMadeIt),
            "{error:?}"
        );
    }
}

#[test]
fn cve_2022_35929_an_attestation_of_another_type_is_not_the_one_that_is_asked_for() {
    let own = Digest::sha256(MANIFEST);
    for kind in [SLSA, "https://cyclonedx.org/bom"] {
        let claim = check(&attestation(&own, kind, &json!({"a": 1}))).unwrap().claim;
        let predicate = kind.to_owned();
        assert_eq!(claim, Claim::Attested { predicate });
    }
}

#[test]
fn cve_2026_39395_a_malformed_predicate_has_failed() {
    let own = Digest::sha256(MANIFEST);
    for predicate in [json!(null), json!("text"), json!([]), json!(7)] {
        let error = check(&attestation(&own, SLSA, &predicate)).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{predicate}: {error:?}");
    }
}

#[test]
fn cve_2023_46737_signatures_without_end_are_refused() {
    let upstream = TestRegistry::start();
    let app = image().layer("a", 100).build();
    let name = upstream.seed("team/app:1", &app);
    let one = json!({"mediaType": "m/t", "digest": Digest::sha256(b"{}"), "size": 2});
    let list = json!({"schemaVersion": 2, "manifests": vec![one; 1001]}).to_string();
    upstream.set_referrers_api(false);
    let tag = Attachment::List.tag(&app.digest).unwrap();
    upstream.seed_manifest("team/app", tag.as_str(), media_type::OCI_INDEX, list.as_bytes());
    let ran = Program::new().export(&[&name], &[]).ended_with(3);
    let error = ran.row("team/app")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("more than 1000"), "{error}");
    assert_eq!(upstream.count("GET", &Digest::sha256(b"{}").to_string()), 0);
}

#[test]
fn cve_2024_29902_a_signature_without_measure_is_refused() {
    // It crosses as the bytes that it is, and nobody reads it into memory to look at it.
    let upstream = TestRegistry::start();
    let app = image().layer("a", 100).build();
    let name = upstream.seed("team/app:1", &app);
    let payload = Blob::new(
        "application/vnd.dev.cosign.simplesigning.v1+json",
        vec![b' '; (32 << 20) + 1],
    );
    let mut layer = serde_json::to_value(&payload.descriptor).unwrap();
    layer["annotations"] = json!({"dev.cosignproject.cosign/signature": "MEUCIQ=="});
    let config = Blob::new(media_type::OCI_CONFIG, &b"{}"[..]);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": config.descriptor,
        "layers": [layer],
    });
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let signature = Image {
        digest: Digest::sha256(&manifest),
        manifest: manifest.into(),
        media_type: media_type::OCI_MANIFEST.to_owned(),
        blobs: vec![config, payload],
        children: Vec::new(),
    };
    let tag = Attachment::Signature.tag(&app.digest).unwrap();
    let extra = upstream.seed(&format!("team/app:{tag}"), &signature);
    let program = Program::new();
    let pem = key().verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    write(&program.path(""), "shop.pub", pem.as_bytes());
    let policy = b"images:\n  - match: '*'\n    signature: {keys: [shop.pub]}\n";
    write(&program.path(""), "policy.yaml", policy);
    let ran = program.export(&[&name, &extra], &["--policy", "policy.yaml"]);
    assert!(matches!(ran.code, Some(3 | 4)), "{:?} {}", ran.code, ran.err);
    assert!(ran.out.contains("at most 33554432"), "{}", ran.out);
}

#[test]
fn cosign_4641_and_4681_lists_and_signatures_cross_byte_for_byte() {
    let upstream = TestRegistry::start();
    upstream.set_referrers_api(false);
    let app = image().layer("a", 100).build();
    let signature = referrer(&app, SIGNATURE, "signed by upstream");
    let attached = [
        (Attachment::List, referrer_list(vec![(SIGNATURE, signature)])),
        (Attachment::Signature, attachment(&["an older signature"])),
    ];
    for (by, image) in &attached {
        upstream.seed(&format!("team/app:{}", by.tag(&app.digest).unwrap()), image);
    }
    let name = upstream.seed("team/app:1", &app);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let target = TestRegistry::start();
    target.set_referrers_api(false);
    program.import(&target.host(), &[]).ended_with(0);
    let place = format!("{}/team/app", upstream.host().replace(':', "-"));
    for (by, image) in &attached {
        let tag = by.tag(&app.digest).unwrap();
        let (bytes, _) = target.manifest(&place, tag.as_str()).unwrap();
        assert_eq!(bytes, image.manifest, "{tag}");
    }
}

#[test]
fn ghcr_lists_with_a_wrong_artifact_type_lose_nothing() {
    // Its fallback index calls signatures by the type of their configuration.
    let upstream = TestRegistry::start();
    upstream.set_referrers_api(false);
    let app = image().layer("a", 100).build();
    let signature = referrer(&app, SIGNATURE, "signed by upstream");
    let list = referrer_list(vec![(media_type::OCI_CONFIG, signature.clone())]);
    let tag = Attachment::List.tag(&app.digest).unwrap();
    upstream.seed(&format!("team/app:{tag}"), &list);
    let name = upstream.seed("team/app:1", &app);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let bundle = Bundle::open(&program.path("bundle")).unwrap();
    let home = repository(&upstream.host(), "team/app");
    let found = bundle.referrers().unwrap();
    let of = found.of(&home, &app.digest);
    assert!(
        of.iter().any(|referrer| referrer.digest == signature.digest),
        "{of:?}"
    );
    let target = TestRegistry::start();
    program.import(&target.host(), &[]).ended_with(0);
    let place = repository(
        &target.host(),
        &format!("{}/team/app", upstream.host().replace(':', "-")),
    );
    let visitor = Visitor::anonymous();
    let listed = visitor
        .ask(visitor.client.referrers(&place, &app.digest))
        .unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].digest, signature.digest);
}
