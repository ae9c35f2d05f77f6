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

use crate::support::images::{Blob, Image, image, referrer_list};
use crate::support::program::{Program, Ran, tree};
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
    upstream: TestRegistry,
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
            upstream,
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

#[test]
fn an_image_that_calls_itself_a_signature_is_asked_what_every_image_is_asked() {
    let shop = Shop::open();
    let (app, host) = (image().layer("app", 3000).build(), &shop.host);
    let disguised = image().layer("evil", 3000).about(&app).build();
    let tag = format!("shop/app:sha256-{}.sbom", app.digest.hex());
    let names = [
        shop.upstream.seed("shop/app:2", &disguised),
        shop.upstream.seed(&tag, &disguised),
    ];
    let list = referrer_list(vec![("application/example", disguised.clone())]);
    let list = shop
        .upstream
        .seed(&format!("shop/app:sha256-{}", app.digest.hex()), &list);
    let bare = format!("{host}/shop/app@{}", disguised.digest);
    let all: Vec<&str> = [&shop.signed, &names[0], &names[1], &list, &bare]
        .into_iter()
        .map(String::as_str)
        .collect();
    shop.program.export(&all, &["--no-signatures"]).ended_with(0);
    shop.export(&shop.signed, &[]).ended_with(0);
    shop.policy("images:\n  - match: '*'\n    signature: {keys: [shop.pub]}\n");
    let taken = shop.program.import("dir:inside", &["--policy", "policy.yaml"]);
    let index = std::fs::read_to_string(shop.program.path("inside/index.json")).unwrap();
    assert!(index.contains(&format!("{}\"", shop.signed)), "{}", taken.out);
    for name in &all[1..] {
        assert!(
            !index.contains(&format!("{name}\"")),
            "{name} came in: {}",
            taken.out
        );
    }
    taken.ended_with(4);
}

#[test]
fn what_hangs_on_images_comes_from_allowed_registries_too() {
    let shop = Shop::open();
    shop.export(&shop.signed, &[]).ended_with(0);
    shop.policy("registries: [registry.example.com]\n");
    let refused = shop
        .program
        .import("dir:inside", &["--policy", "policy.yaml"])
        .ended_with(4);
    let violations = refused.json()["policy"]["violations"].clone();
    let names = violations.as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|v| v["reference"].as_str().unwrap()).collect();
    assert_eq!(names, [&*shop.signed, &*shop.extra]);
    let index = std::fs::read_to_string(shop.program.path("inside/index.json")).unwrap();
    assert!(!index.contains("shop/app"), "{index}");
}

#[test]
fn the_policy_of_a_configuration_is_asked_on_both_sides_beside_the_one_of_the_flag() {
    let shop = Shop::open();
    let config = |rule: &str| {
        let text = format!(
            "version: 1\nimages: ['{}', '{}']\npolicy:\n  images:\n  - {{match: '*', {rule}}}\n",
            shop.signed, shop.bare
        );
        put(&shop.program.path("site/carrack.yaml"), text.as_bytes());
    };
    let shop_key = std::fs::read(shop.program.path("shop.pub")).unwrap();
    put(&shop.program.path("site/shop.pub"), &shop_key);
    config("signature: {keys: [shop.pub]}");
    shop.program
        .run(&["config", "check", "site/carrack.yaml"])
        .ended_with(0);
    let export = ["export", "site/carrack.yaml", "--to", "bundle", "-o", "json"];
    let refused = shop.program.run(&export).ended_with(4);
    assert_eq!(refused.row("shop/bare")["outcome"], "failed", "{}", refused.out);
    assert_eq!(
        refused.json()["policy"]["signed"][&shop.signed],
        json!(["shop.pub"])
    );
    let _ = std::fs::remove_dir_all(shop.program.path("bundle"));
    shop.program
        .export(&[&shop.signed, &shop.bare], &[])
        .ended_with(0);
    let text = format!("{}\ndestinations: {{inside: {{folder: ../inside}}}}\n", {
        std::fs::read_to_string(shop.program.path("site/carrack.yaml")).unwrap()
    });
    put(&shop.program.path("site/carrack.yaml"), text.as_bytes());
    let import = ["import", "--from", "bundle", "--config", "site/carrack.yaml"];
    let refused = shop.program.run(&import).ended_with(4);
    assert!(
        refused.out.contains("nothing hangs on the image"),
        "{}",
        refused.out
    );
    let verify = ["verify", "bundle", "--policy", "site/carrack.yaml"];
    assert!(shop.program.run(&verify).ended_with(4).out.contains("shop/bare"));
    // Both must hold: the flag loosens nothing that the configuration asks, nor the other way round.
    config("pinned: false");
    shop.policy("images:\n  - {match: '*', pinned: true}\n");
    let both = [&export[..], &["--policy", "policy.yaml"]].concat();
    let refused = shop.program.run(&both).ended_with(4);
    assert_eq!(
        refused.json()["policy"]["violations"].as_array().unwrap().len(),
        2
    );
    config("signature: {keys: [absent.pub]}");
    let refused = shop
        .program
        .run(&["config", "check", "site/carrack.yaml"])
        .ended_with(2);
    assert!(refused.err.contains("absent.pub"), "{}", refused.err);
}

#[test]
fn what_the_real_cosign_made_counts_in_both_of_its_formats_and_by_its_key_alone() {
    let program = Program::new();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cosign");
    for (path, bytes) in tree(&fixtures) {
        put(&program.path("").join(path), &bytes);
    }
    let inventory = std::fs::read(fixtures.join("bundle/carrack/inventory.json")).unwrap();
    put(&program.path("bundle/carrack/inventory.json"), &inventory);
    let verify = |key: &str, predicate: &str| {
        let rule = format!(
            "signature: {{keys: [{key}.pub]}}, attestations: [{{type: '{predicate}', keys: [{key}.pub]}}]"
        );
        let policy = format!("images:\n  - {{match: 'registry.example.com/shop/*', {rule}}}\n");
        put(&program.path("policy.yaml"), policy.as_bytes());
        program.run(&["verify", "bundle", "--policy", "policy.yaml", "-o", "json"])
    };
    let spdx = "https://spdx.dev/Document";
    let held = verify("key", spdx).ended_with(0).json();
    for name in ["tags", "bundles"] {
        let signed = &held["policy"]["signed"][format!("registry.example.com/shop/{name}:1")];
        assert_eq!(signed, &json!(["key.pub"]), "{held}");
    }
    let by_nobody = verify("other", spdx).ended_with(4).json();
    let of_no_kind = verify("key", "https://slsa.dev/provenance/v1")
        .ended_with(4)
        .json();
    for (refused, expected) in [(by_nobody, 4), (of_no_kind, 2)] {
        let violations = refused["policy"]["violations"].as_array().unwrap().len();
        assert_eq!(violations, expected, "{refused}");
    }
}

#[test]
fn what_a_policy_refuses_is_on_no_volume_and_the_export_does_not_end_well() {
    let shop = Shop::open();
    let volumes = |policy: &str| {
        let _ = std::fs::remove_dir_all(shop.program.path("bundle"));
        shop.policy(policy);
        let more = ["--policy", "policy.yaml", "--volume-size", "10MB"];
        let refused = shop
            .program
            .export(&[&shop.signed, &shop.bare], &more)
            .ended_with(4);
        let index = std::fs::read_to_string(shop.program.path("bundle/volume-1/index.json")).unwrap();
        assert!(
            !index.contains("shop/bare") && index.contains("shop/app"),
            "{}",
            refused.out
        );
    };
    volumes("images:\n  - match: '*'\n    signature: {keys: [shop.pub]}\n");
    shop.upstream.clear_log();
    volumes("images:\n  - {match: '*/bare', pinned: true}\n");
    let asked = shop.upstream.asked();
    assert!(
        !asked.iter().any(|asked| asked.contains("shop/bare")),
        "{asked:?}"
    );
}
