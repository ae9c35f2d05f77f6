//! Policies: what they ask for and do not find stays on its side of the gap, on both sides.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use carrack::digest::Digest;
use carrack::oci::media_type;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::json;

use crate::support::images::{Blob, Image, image};
use crate::support::program::{Program, Ran};
use crate::support::registry::TestRegistry;
use crate::support::signing::put;

const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// A key pair; the public half lies as `NAME.pub` in the test's folder.
fn key(program: &Program, name: &str, seed: u8) -> SigningKey {
    let private = SigningKey::from_slice(&[seed; 32]).unwrap();
    let pem = private.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    put(&program.path(&format!("{name}.pub")), pem.as_bytes());
    private
}

/// What `cosign sign --key` leaves under the tag `sha256-<hex>.sig`.
fn signature(key: &SigningKey, repository: &str, subject: &Digest) -> Image {
    let payload = serde_json::to_vec(&json!({
        "critical": {
            "identity": {"docker-reference": repository},
            "image": {"docker-manifest-digest": subject},
            "type": "cosign container image signature",
        },
        "optional": null,
    }))
    .unwrap();
    let made: Signature = key.sign(&payload);
    let mut layer = Blob::new(PAYLOAD, payload);
    layer.descriptor.annotations.insert(
        "dev.cosignproject.cosign/signature".to_owned(),
        STANDARD.encode(made.to_der()),
    );
    let config = Blob::new(media_type::OCI_CONFIG, &b"{}"[..]);
    let manifest = Bytes::from(
        serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "config": config.descriptor,
            "layers": [layer.descriptor],
        }))
        .unwrap(),
    );
    Image {
        digest: Digest::sha256(&manifest),
        manifest,
        media_type: media_type::OCI_MANIFEST.to_owned(),
        blobs: vec![config, layer],
        children: Vec::new(),
    }
}

/// A registry with an image that `shop` signed, and one that nobody signed.
struct Shop {
    program: Program,
    host: String,
    signed: String,
    bare: String,
    extra: String,
    _upstream: TestRegistry,
}

impl Shop {
    fn open() -> Self {
        let (program, upstream) = (Program::new(), TestRegistry::start());
        let shop = key(&program, "shop", 7);
        key(&program, "stranger", 8);
        let app = image().layer("app", 3000).build();
        let signed = upstream.seed("shop/app:1", &app);
        let bare = upstream.seed("shop/bare:1", &image().layer("bare", 3000).build());
        let (repository, _) = signed.rsplit_once(':').unwrap();
        let tag = format!("shop/app:sha256-{}.sig", app.digest.hex());
        let extra = upstream.seed(&tag, &signature(&shop, repository, &app.digest));
        Self {
            host: upstream.host(),
            program,
            signed,
            bare,
            extra,
            _upstream: upstream,
        }
    }

    fn policy(&self, text: &str) {
        put(&self.program.path("policy.yaml"), text.as_bytes());
    }

    fn export(&self, reference: &str, more: &[&str]) -> Ran {
        self.program.export(&[reference, &self.extra], more)
    }
}

#[test]
fn an_image_that_its_key_signed_crosses_and_the_inventory_says_by_whom() {
    let shop = Shop::open();
    shop.policy("images:\n  - match: '*'\n    signature: {keys: [stranger.pub, shop.pub]}\n");
    let ran = shop
        .export(&shop.signed, &["--policy", "policy.yaml"])
        .ended_with(0);
    assert_eq!(ran.json()["policy"]["signed"][&shop.signed], json!(["shop.pub"]));
    let inventory = std::fs::read(shop.program.path("bundle/carrack/inventory.json")).unwrap();
    let inventory: serde_json::Value = serde_json::from_slice(&inventory).unwrap();
    assert_eq!(
        inventory["references"][&shop.signed]["signedBy"],
        json!(["shop.pub"])
    );
    let taken = shop.program.run(&[
        "import",
        "--from",
        "bundle",
        "--to",
        "dir:inside",
        "--policy",
        "policy.yaml",
    ]);
    assert!(
        taken
            .ended_with(0)
            .out
            .contains("policy: 1 of 1 images signed and checked, by shop.pub")
    );
}

#[test]
fn what_a_policy_asks_for_and_does_not_find_crosses_on_neither_side() {
    let shop = Shop::open();
    let host = &shop.host;
    let cases = [
        (
            &shop.bare,
            "signature: {keys: [shop.pub]}",
            "nothing hangs on the image",
        ),
        (
            &shop.signed,
            "signature: {keys: [stranger.pub]}",
            "none of the keys that count made it",
        ),
        (
            &shop.signed,
            "signature: {keys: [shop.pub], signed-as: vendor.example.com/app}",
            "it was made for",
        ),
        (
            &shop.signed,
            "attestations: [{type: 'https://slsa.dev/provenance/v1', keys: [shop.pub]}]",
            "a signature is no attestation",
        ),
        (&shop.signed, "pinned: true", "asks for a digest in the reference"),
        (&shop.signed, "max-age-days: 30", "does not say when it was made"),
        (
            &shop.signed,
            "digests: ['sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855']",
            "is not among the digests",
        ),
    ];
    let mut policies: Vec<(&String, String, &str)> = cases
        .into_iter()
        .map(|(image, rule, named)| {
            (
                image,
                format!("images:\n  - match: '{host}/shop/*'\n    {rule}\n"),
                named,
            )
        })
        .collect();
    policies.push((
        &shop.signed,
        "registries: [registry.example.com]\n".to_owned(),
        "does not allow the registry",
    ));
    for (image, policy, named) in policies {
        let _ = std::fs::remove_dir_all(shop.program.path("bundle"));
        let _ = std::fs::remove_dir_all(shop.program.path("inside"));
        shop.policy(&policy);
        let refused = shop.export(image, &["--policy", "policy.yaml"]).ended_with(4);
        assert!(refused.out.contains(named), "{policy}: {}", refused.out);
        let index = std::fs::read_to_string(shop.program.path("bundle/index.json")).unwrap();
        assert!(
            !index.contains(&format!("{image}\"")),
            "{policy}: it is on the drive"
        );
        shop.export(image, &[]).ended_with(0);
        for arguments in [
            &["verify", "bundle"][..],
            &["import", "--from", "bundle", "--to", "dir:inside"],
        ] {
            let arguments = [arguments, &["--policy", "policy.yaml", "-o", "json"]].concat();
            let refused = shop.program.run(&arguments).ended_with(4);
            assert!(refused.out.contains(named), "{policy}: {}", refused.out);
        }
        let index = std::fs::read_to_string(shop.program.path("inside/index.json")).unwrap();
        assert!(
            !index.contains(&format!("{image}\"")),
            "{policy}: it was imported"
        );
    }
}

#[test]
fn a_floating_tag_and_a_forbidden_registry_are_named_before_anything_is_fetched() {
    let program = Program::new();
    put(
        &program.path("list.txt"),
        b"registry.example.com/shop/app:latest\nquay.io/other/app:1\n",
    );
    put(
        &program.path("policy.yaml"),
        b"registries: [registry.example.com]\nimages:\n  - {match: '*', latest: false}\n",
    );
    let refused = program
        .run(&["images", "list.txt", "--policy", "policy.yaml"])
        .ended_with(4);
    assert!(refused.out.contains("allows no `latest`"), "{}", refused.out);
    assert!(
        refused
            .out
            .contains("quay.io/other/app:1: the policy does not allow the registry quay.io"),
        "{}",
        refused.out
    );
}

#[test]
fn a_policy_that_cannot_be_read_as_one_is_an_error() {
    let shop = Shop::open();
    for (policy, named) in [
        (
            "images:\n  - match: '*'\n    signatures: {keys: [shop.pub]}\n",
            "signatures",
        ),
        (
            "images:\n  - match: '*'\n    signature: {keys: [absent.pub]}\n",
            "absent.pub",
        ),
        (
            "images:\n  - match: '*'\n    signature: {keys: [policy.yaml]}\n",
            "no public key",
        ),
    ] {
        shop.policy(policy);
        let refused = shop
            .export(&shop.signed, &["--policy", "policy.yaml"])
            .ended_with(2);
        assert!(refused.err.contains(named), "{policy}: {}", refused.err);
    }
}
