//! Signatures, keys, certificates and trusted roots: any bytes are read or refused, and nothing vouches for an image
//! that nobody signed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use carrack::digest::Digest;
use carrack::trust::evidence::{Evidence, Kept, Signers, Subject};
use carrack::trust::{AllowedSigners, Keyless, Pattern, PemKey, Signer, SshKey, SshSignature, TrustedRoot};

/// The first byte tells what the others are.
pub(super) fn check(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    match which {
        b'b' => judge(&Evidence::Bundle(bytes.to_vec())),
        b'e' => judge(&Evidence::Envelope {
            envelope: bytes.to_vec(),
            kept: Kept::default(),
        }),
        b's' => simple(&text),
        b'k' => keys(bytes, &text),
        b'a' => allowed(&text),
        b'r' => root(&text),
        _ => ssh(bytes),
    }
}

/// The image of the fixture, which a signer of the fixture may vouch for, and one that nobody signed.
const SIGNED: &[u8] = br#"{"schemaVersion":2}"#;
const UNSIGNED: &[u8] = br#"{"schemaVersion":2,"this":"is signed by nobody"}"#;
const ISSUER: &str = "https://token.git.example";
const IDENTITY: &str = "https://git.example/shop/app/.github/workflows/release.yml@refs/tags/v1";

fn judge(evidence: &Evidence) {
    let key = PemKey::parse(KEY).expect("a key of ours");
    let root = TrustedRoot::parse(ROOT).expect("the fixture's root");
    let believed = [Signer {
        issuer: Pattern::new(ISSUER),
        subject: Pattern::new(IDENTITY),
    }];
    let signers = Signers {
        keys: vec![("shop.pub", &key)],
        keyless: Some(Keyless {
            root: &root,
            signers: &believed,
        }),
    };
    let check = |manifest: &[u8]| {
        let digest = Digest::sha256(manifest);
        let subject = Subject {
            digest: &digest,
            manifest,
        };
        evidence.check(subject, &signers)
    };
    let unsigned = check(UNSIGNED);
    assert!(unsigned.is_err(), "{unsigned:?}");
    // No seed is made with the key, and no signer of the fixture has another name.
    if let Ok(proof) = check(SIGNED) {
        assert!(proof.by.contains(IDENTITY), "{proof:?}");
    }
}

/// A payload, its signature, and the three annotations of a keyless one, each on from a line with `--`.
fn simple(text: &str) {
    let mut parts = text.split("\n--\n");
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let (payload, signature) = (part().into_bytes(), part());
    let annotations: BTreeMap<String, String> = [
        "dev.sigstore.cosign/certificate",
        "dev.sigstore.cosign/bundle",
        "dev.sigstore.cosign/rfc3161timestamp",
    ]
    .into_iter()
    .map(|name| (name.to_owned(), part()))
    .collect();
    judge(&Evidence::Simple {
        payload,
        signature,
        kept: Kept::of(&annotations),
    });
}

fn keys(bytes: &[u8], text: &str) {
    if let Ok(key) = PemKey::parse(text) {
        assert!(key.verify(b"a message", b"no signature").is_err());
        let again = PemKey::parse(key.pem()).expect("what was read and written");
        assert_eq!(again.fingerprint(), key.fingerprint());
    }
    if let Ok(key) = SshKey::parse(bytes) {
        assert!(key.fingerprint().starts_with("SHA256:"));
    }
}

fn allowed(text: &str) {
    let Ok(signers) = AllowedSigners::parse(Path::new("allowed_signers"), text) else {
        return;
    };
    let Ok(signature) = SshSignature::parse(SSH.as_bytes()) else {
        return;
    };
    for year in [0, 30, 56, 70] {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(year * 31_557_600);
        let _ = signers.principals(signature.key(), now);
    }
}

fn root(text: &str) {
    let Ok(root) = TrustedRoot::parse(text) else {
        return;
    };
    assert!(root.authority_pems().contains("BEGIN CERTIFICATE"));
    let _ = root.log_pems();
}

/// Armoured, or the bytes that the armour holds.
fn ssh(bytes: &[u8]) {
    use base64::Engine as _;
    let armoured = format!(
        "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
        base64::engine::general_purpose::STANDARD.encode(bytes)
    );
    for text in [bytes, armoured.as_bytes()] {
        if let Ok(signature) = SshSignature::parse(text) {
            assert!(signature.verify(b"a message that nobody signed").is_err());
        }
    }
}

const ROOT: &str = include_str!("../../fixtures/keyless/trusted_root.json");

const KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjPlFphOW5LD7OgJOxx7DR26zcRoj
1bxk9ZwLIp03sB487Xvt99D3AR5O4pSSTSMHddabjh33yCmQ1ZW4DDMJSA==
-----END PUBLIC KEY-----
";

const SSH: &str = "\
-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgOsHQD/NFRZXkvngTRtGT7ajWzz
od1VMbMBA8F5NUymIAAAARY2FycmFjay1pbnZlbnRvcnkAAAAAAAAABnNoYTUxMgAAAFMA
AAALc3NoLWVkMjU1MTkAAABABG/vmymNBmxZL9sI9P9vi7lPPPvdBWnFd0vcPCjo0IKPD9
/I/d8SEz1KmNfY4NoUFdMfE8wF9xF3+DzkRzGmAA==
-----END SSH SIGNATURE-----
";
