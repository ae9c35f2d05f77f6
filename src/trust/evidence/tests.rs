use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};

use super::envelope::{IN_TOTO, SIGNED};
use super::*;

const MANIFEST: &[u8] = br#"{"schemaVersion":2}"#;

/// A key pair that is the same in every run.
fn pair(seed: u8) -> (SigningKey, PemKey) {
    let private = SigningKey::from_slice(&[seed; 32]).unwrap();
    let pem = private.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    (private, PemKey::parse(&pem).unwrap())
}

fn sign(private: &SigningKey, message: &[u8]) -> String {
    let signature: Signature = private.sign(message);
    STANDARD.encode(signature.to_der())
}

fn check(evidence: &Evidence, key: &PemKey) -> Result<Proof, Error> {
    let digest = Digest::sha256(MANIFEST);
    let subject = Subject {
        digest: &digest,
        manifest: MANIFEST,
    };
    let signers = Signers {
        keys: vec![("shop.pub", key)],
        keyless: None,
    };
    evidence.check(subject, &signers)
}

fn payload(digest: &Digest, kind: &str) -> Vec<u8> {
    serde_json::to_vec(&json!({
        "critical": {
            "identity": {"docker-reference": "registry.example.com/shop/app"},
            "image": {"docker-manifest-digest": digest},
            "type": kind,
        },
        "optional": null,
    }))
    .unwrap()
}

fn simple(private: &SigningKey, payload: Vec<u8>) -> Evidence {
    Evidence::Simple {
        signature: sign(private, &payload),
        payload,
        kept: Kept::default(),
    }
}

fn statement(digest: &Digest, kind: &str, predicate: &Value) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "", "digest": {"sha256": digest.hex()}}],
        "predicateType": kind,
        "predicate": predicate,
    })
}

fn envelope(private: &SigningKey, kind: &str, payload: &[u8]) -> Value {
    let signed = [
        format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).as_bytes(),
        payload,
    ]
    .concat();
    json!({
        "payloadType": kind,
        "payload": STANDARD.encode(payload),
        "signatures": [{"keyid": "", "sig": sign(private, &signed)}],
    })
}

fn attestation(private: &SigningKey, statement: &Value) -> Evidence {
    let payload = serde_json::to_vec(statement).unwrap();
    alone(&envelope(private, IN_TOTO, &payload))
}

fn alone(envelope: &Value) -> Evidence {
    Evidence::Envelope {
        envelope: serde_json::to_vec(envelope).unwrap(),
        kept: Kept::default(),
    }
}

fn bundled(material: &Value, name: &str, content: &Value) -> Evidence {
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": material,
        name: content,
    });
    Evidence::Bundle(serde_json::to_vec(&bundle).unwrap())
}

#[test]
fn a_payload_counts_by_its_key_for_its_image_alone() {
    let (private, key) = pair(7);
    let (digest, other) = (Digest::sha256(MANIFEST), Digest::sha256(b"other"));
    let good = simple(&private, payload(&digest, SIMPLE_TYPE));
    let proof = check(&good, &key).unwrap();
    assert_eq!(proof.by, "shop.pub");
    assert_eq!(
        proof.claim,
        Claim::Signed {
            named: Some("registry.example.com/shop/app".into())
        }
    );
    assert!(matches!(check(&good, &pair(8).1), Err(Error::NoKeyMadeIt)));
    let moved = simple(&private, payload(&other, SIMPLE_TYPE));
    assert!(matches!(check(&moved, &key), Err(Error::OtherSubject { .. })));
    let kind = simple(&private, payload(&digest, "something else"));
    assert!(matches!(check(&kind, &key), Err(Error::WrongStatement { .. })));
    let Evidence::Simple { signature, .. } = good else {
        panic!("it is one")
    };
    let swapped = Evidence::Simple {
        payload: payload(&other, SIMPLE_TYPE),
        signature,
        kept: Kept::default(),
    };
    assert!(matches!(check(&swapped, &key), Err(Error::NoKeyMadeIt)));
}

#[test]
fn an_attestation_tells_its_type_and_a_malformed_one_has_failed() {
    let (private, key) = pair(7);
    let digest = Digest::sha256(MANIFEST);
    let slsa = "https://slsa.dev/provenance/v1";
    let good = attestation(&private, &statement(&digest, slsa, &json!({"builder": 1})));
    let claim = Claim::Attested {
        predicate: slsa.to_owned(),
    };
    assert_eq!(check(&good, &key).unwrap().claim, claim);
    let signed = attestation(&private, &statement(&digest, SIGNED, &json!({})));
    assert_eq!(check(&signed, &key).unwrap().claim, Claim::Signed { named: None });
    let other = Digest::sha256(b"other");
    let moved = attestation(&private, &statement(&other, slsa, &json!({})));
    assert!(matches!(check(&moved, &key), Err(Error::OtherSubject { .. })));
    for predicate in [json!(null), json!("text"), json!([1])] {
        let empty = attestation(&private, &statement(&digest, slsa, &predicate));
        assert!(
            matches!(check(&empty, &key), Err(Error::Malformed { .. })),
            "{predicate}"
        );
    }
    let mut lacking = statement(&digest, slsa, &json!({}));
    lacking.as_object_mut().unwrap().remove("predicate");
    assert!(matches!(
        check(&attestation(&private, &lacking), &key),
        Err(Error::MalformedEvidence { .. })
    ));
    let text = alone(&envelope(&private, "text/plain", b"{}"));
    assert!(matches!(check(&text, &key), Err(Error::WrongStatement { .. })));
}

#[test]
fn a_sigstore_bundle_is_bound_to_the_image_and_a_keyless_one_needs_identities() {
    let (private, key) = pair(7);
    let digest = Digest::sha256(MANIFEST);
    let own = json!({"publicKey": {"hint": "x"}});
    let payload = serde_json::to_vec(&statement(&digest, SIGNED, &json!({}))).unwrap();
    let content = envelope(&private, IN_TOTO, &payload);
    assert!(check(&bundled(&own, "dsseEnvelope", &content), &key).is_ok());
    let certificate = json!({"certificate": {"rawBytes": ""}});
    assert!(matches!(
        check(&bundled(&certificate, "dsseEnvelope", &content), &pair(8).1),
        Err(Error::NoIdentities)
    ));
    let message = |digest: &Digest| {
        json!({
            "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(digest.as_bytes())},
            "signature": sign(&private, MANIFEST),
        })
    };
    assert!(check(&bundled(&own, "messageSignature", &message(&digest)), &key).is_ok());
    let other = message(&Digest::sha256(b"other"));
    assert!(matches!(
        check(&bundled(&own, "messageSignature", &other), &key),
        Err(Error::OtherSubject { .. })
    ));
    assert!(matches!(
        check(&bundled(&own, "nothing", &json!({})), &key),
        Err(Error::Malformed { .. })
    ));
    assert!(matches!(
        check(&Evidence::Bundle(b"{".to_vec()), &key),
        Err(Error::MalformedEvidence { .. })
    ));
}
