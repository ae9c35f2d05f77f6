//! Those of registry clients.

use carrack::digest::Digest;
use carrack::oci::media_type;
use serde_json::json;

use super::write;
use crate::support::images::{Image, image};
use crate::support::program::{Program, Ran};
use crate::support::registry::{Certificates, Fault, Mode, On, TestRegistry};
use crate::support::thief::Thief;
use crate::support::web::Web;

const SECRETS: [&str; 3] = ["secret", "bWU6c2VjcmV0", "token-"];

/// A program that knows the password `secret` of the user `me` for one host.
fn known_at(host: &str) -> Program {
    let program = Program::new();
    let auth = json!({"auths": {host: {"auth": "bWU6c2VjcmV0"}}});
    write(&program.path(""), "auth.json", auth.to_string().as_bytes());
    program
}

fn export_as_me(program: &Program, name: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["--authfile", "auth.json"];
    arguments.extend(more);
    let ran = program.export(&[name], &arguments);
    for text in [&ran.out, &ran.err] {
        assert!(
            !SECRETS[..2].iter().any(|s| text.contains(s)),
            "a secret is shown: {text}"
        );
    }
    ran
}

/// An image whose layer is foreign: the registry does not have it, its descriptor names a place.
fn foreign(place: &str) -> (Image, Vec<u8>) {
    let plain = image().layer("windows", 500).build();
    let mut layer = serde_json::to_value(&plain.layers()[0].descriptor).unwrap();
    layer["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".into();
    layer["urls"] = json!([format!("{place}/layer")]);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::DOCKER_MANIFEST,
        "config": plain.blobs[0].descriptor,
        "layers": [layer],
    });
    (plain, serde_json::to_vec(&manifest).unwrap())
}

#[test]
fn cve_2020_15157_the_place_of_a_foreign_layer_gets_no_credential_and_is_not_asked_unbidden() {
    let thief = Thief::start();
    let registry = TestRegistry::start_as(Mode::basic("me", "secret"));
    let (plain, manifest) = foreign(&thief.url());
    registry.seed("team/app:plain", &plain);
    registry.forget_blob("team/app", &plain.layers()[0].descriptor.digest);
    registry.seed_manifest("team/app", "1", media_type::DOCKER_MANIFEST, &manifest);
    let name = format!("{}/team/app:1", registry.host());
    let program = known_at(&registry.host());
    export_as_me(&program, &name, &[]).ended_with(0);
    assert_eq!(
        thief.heard(),
        "",
        "foreign layers are left out and that is recorded"
    );
    let ran = export_as_me(&program, &name, &["--include-foreign"]).ended_with(3);
    assert!(
        thief.heard().starts_with("GET /layer"),
        "{} {}",
        thief.heard(),
        ran.out
    );
    thief.assert_no_credentials(&SECRETS);
}

#[test]
fn a_foreign_layer_comes_from_its_own_place_when_it_is_asked_for() {
    let (registry, place) = (TestRegistry::start(), Web::start());
    let (plain, manifest) = foreign(&place.url(""));
    let layer = &plain.layers()[0];
    registry.seed("team/app:plain", &plain);
    registry.forget_blob("team/app", &layer.descriptor.digest);
    registry.seed_manifest("team/app", "1", media_type::DOCKER_MANIFEST, &manifest);
    place.page("/layer", layer.bytes.to_vec());
    let program = Program::new();
    let name = format!("{}/team/app:1", registry.host());
    program.export(&[&name], &["--include-foreign"]).ended_with(0);
    let kept = program
        .path("bundle/blobs/sha256")
        .join(layer.descriptor.digest.hex());
    assert_eq!(std::fs::read(kept).unwrap(), layer.bytes);
    program.verify().ended_with(0);
}

#[test]
fn cve_2021_41190_a_manifest_that_can_be_read_as_two_types_is_refused() {
    let registry = TestRegistry::start();
    let good = image().build();
    let both = json!({
        "schemaVersion": 2,
        "config": good.blobs[0].descriptor,
        "layers": [],
        "manifests": [good.descriptor()],
    });
    registry.seed("app:good", &good);
    registry.seed_manifest("app", "1", media_type::OCI_MANIFEST, both.to_string().as_bytes());
    let program = Program::new();
    let ran = program
        .export(&[&format!("{}/app:1", registry.host())], &[])
        .ended_with(3);
    assert!(
        ran.row("app:1")["error"].as_str().unwrap().contains("both"),
        "{}",
        ran.out
    );
}

#[test]
fn cve_2014_8178_and_8179_what_is_hashed_is_what_is_read_and_no_key_counts_twice() {
    let registry = TestRegistry::start();
    let twice = br#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#;
    registry.seed_manifest("app", "1", media_type::OCI_INDEX, twice);
    let ran = Program::new().export(&[&format!("{}/app:1", registry.host())], &[]);
    assert!(
        ran.ended_with(3).row("app:1")["error"]
            .as_str()
            .unwrap()
            .contains("not well-formed")
    );
}

#[test]
fn cve_2017_11468_and_2023_25153_no_answer_is_read_without_a_bound() {
    let registry = TestRegistry::start();
    let name = registry.seed("app:1", &image().layer("a", 100).build());
    let program = Program::new();
    for (on, fault) in [
        (On::get_manifest(), Fault::ExtraBytes(16 << 20)),
        (On::get_manifest(), Fault::HugeErrorBody(404)),
        (On::get_blob(), Fault::ExtraBytes(16 << 20)),
    ] {
        registry.mend();
        registry.fault(on, fault);
        program.export(&[&name], &[]).ended_with(3);
    }
    registry.mend();
    program.export(&[&name], &[]).ended_with(0);
}

#[test]
fn cve_2024_3727_a_digest_that_is_a_path_is_no_digest() {
    for digest in [
        "sha256:../../../../etc/passwd",
        "sha256:",
        "../x",
        "sha256:ABC",
        "md5:00",
    ] {
        let registry = TestRegistry::start();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"x","digest":"{digest}","size":2}},"layers":[]}}"#,
            media_type::OCI_MANIFEST
        );
        registry.seed_manifest("app", "1", media_type::OCI_MANIFEST, manifest.as_bytes());
        let ran = Program::new().export(&[&format!("{}/app:1", registry.host())], &[]);
        ran.ended_with(3);
        assert_eq!(registry.count("GET", "/blobs/"), 0, "{digest}");
    }
}

#[test]
fn ggcr_2193_a_realm_elsewhere_gets_no_credential() {
    let thief = Thief::start();
    let registry = TestRegistry::start_as(Mode::Bearer {
        login: Some(("me".into(), "secret".into())),
        anonymous_pull: false,
        identity: None,
        uses: 0,
        realm: Some(format!("{}/token", thief.url())),
    });
    let name = registry.seed("app:1", &image().build());
    export_as_me(&known_at(&registry.host()), &name, &[]).ended_with(3);
    thief.assert_no_credentials(&SECRETS);
}

#[test]
fn ggcr_2243_and_2440_a_name_that_leads_to_the_same_address_is_another_host() {
    // Who is trusted is a list of names with their ports; where a name leads to plays no part.
    let thief = Thief::start();
    let port = thief.url().rsplit_once(':').unwrap().1.to_owned();
    for realm in [
        format!("http://localhost:{port}/token"),
        format!("http://2130706433:{port}/token"),
        format!("http://[::ffff:127.0.0.1]:{port}/token"),
        format!("http://127.1:{port}/token"),
    ] {
        let registry = TestRegistry::start_as(Mode::Bearer {
            login: Some(("me".into(), "secret".into())),
            anonymous_pull: false,
            identity: None,
            uses: 0,
            realm: Some(realm),
        });
        let name = registry.seed("app:1", &image().build());
        export_as_me(&known_at(&registry.host()), &name, &[]).ended_with(3);
        thief.assert_no_credentials(&SECRETS);
    }
}

#[test]
fn ggcr_2292_a_token_server_that_redirects_is_not_followed() {
    let thief = Thief::start();
    let registry = TestRegistry::start_as(Mode::bearer_for("me", "secret"));
    registry.fault(
        On::any().path("/token"),
        Fault::RedirectTo(format!("{}/token", thief.url())),
    );
    let name = registry.seed("app:1", &image().build());
    export_as_me(&known_at(&registry.host()), &name, &[]).ended_with(3);
    assert_eq!(thief.heard(), "");
}

#[test]
fn regclient_2026_a_redirect_from_https_to_plain_http_is_refused() {
    let certificates = Certificates::new();
    let registry = TestRegistry::start_tls(&certificates, false);
    let plain = TestRegistry::start();
    let app = image().layer("a", 100).build();
    let name = registry.seed("app:1", &app);
    plain.seed("app:1", &app);
    let layer = app.layers()[0].descriptor.digest;
    registry.fault(
        On::get_blob(),
        Fault::RedirectTo(format!("{}/v2/app/blobs/{layer}", plain.url())),
    );
    let program = Program::new();
    let folder = program.path(".config/containers/certs.d").join(registry.host());
    write(
        &folder,
        "ca.crt",
        &std::fs::read(certificates.authority()).unwrap(),
    );
    let ran = program.export(&[&name], &[]).ended_with(3);
    let error = ran.row("app:1")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("from https to plain http"), "{error}");
    assert!(plain.requests().is_empty(), "{:?}", plain.asked());
}

#[test]
fn ggcr_2332_and_2337_a_page_or_a_redirect_elsewhere_gets_no_credential() {
    let thief = Thief::start();
    let registry = TestRegistry::start_as(Mode::basic("me", "secret"));
    let name = registry.seed("app:1", &image().layer("a", 100).build());
    let program = known_at(&registry.host());
    registry.fault(On::get_blob(), Fault::RedirectTo(format!("{}/blob", thief.url())));
    export_as_me(&program, &name, &[]).ended_with(3);
    assert!(thief.heard().starts_with("GET /blob"), "{}", thief.heard());
    thief.assert_no_credentials(&SECRETS);
}

#[test]
fn regclient_2026_ggcr_2295_an_upload_location_elsewhere_gets_no_credential() {
    let thief = Thief::start();
    let upstream = TestRegistry::start();
    let name = upstream.seed("app:1", &image().layer("a", 100).build());
    let target = TestRegistry::start_as(Mode::basic("me", "secret"));
    let program = known_at(&target.host());
    program.export(&[&name], &[]).ended_with(0);
    target.fault(
        On::method("POST"),
        Fault::LocationAt(format!("{}/upload", thief.url())),
    );
    program
        .import(&target.host(), &["--authfile", "auth.json"])
        .ended_with(3);
    thief.assert_no_credentials(&SECRETS);
}

#[test]
fn oci_client_149_pulled_content_is_compared_with_its_digest() {
    let registry = TestRegistry::start();
    let app = image().layer("a", 10_000).build();
    let name = registry.seed("app:1", &app);
    for on in [On::get_manifest(), On::get_blob()] {
        registry.mend();
        registry.fault(on, Fault::WrongBytes);
        let program = Program::new();
        let pinned = name.replace(":1", &format!("@{}", app.digest));
        program.export(&[&pinned], &[]).ended_with(3);
        for entry in std::fs::read_dir(program.path("bundle/blobs/sha256"))
            .into_iter()
            .flatten()
        {
            let path = entry.unwrap().path();
            let named = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert_eq!(Digest::sha256(&std::fs::read(&path).unwrap()).hex(), named);
        }
    }
}

#[test]
fn oras_go_cve_2026_50163_layers_are_never_unpacked() {
    // A layer with a link to the host's files crosses as the bytes that it is.
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "opt/out", "/etc").unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(1);
    header.set_mode(0o777);
    tar.append_data(&mut header, "opt/out/owned", &b"x"[..]).unwrap();
    let layer = crate::support::images::Blob::new(
        "application/vnd.oci.image.layer.v1.tar",
        tar.into_inner().unwrap(),
    );
    let mut app = image().build();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": app.blobs[0].descriptor,
        "layers": [layer.descriptor],
    });
    app.manifest = serde_json::to_vec(&manifest).unwrap().into();
    app.digest = Digest::sha256(&app.manifest);
    app.blobs.push(layer.clone());
    let registry = TestRegistry::start();
    let name = registry.seed("app:1", &app);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let kept = program
        .path("bundle/blobs/sha256")
        .join(layer.descriptor.digest.hex());
    assert_eq!(std::fs::read(kept).unwrap(), layer.bytes);
    assert!(!std::path::Path::new("/etc/owned").exists());
}

#[test]
fn cve_2020_5260_a_host_with_a_line_break_never_reaches_a_credential_helper() {
    // A reference is the only way for a strange host into the program, and none has a line break.
    let program = Program::new();
    write(
        &program.path(".docker"),
        "config.json",
        br#"{"credsStore":"leak"}"#,
    );
    let ran = program
        .export(&["evil.example.com\nhost=good.example.com/app:1"], &[])
        .ended_with(2);
    assert!(!ran.err.contains("docker-credential-leak"), "{}", ran.err);
    assert!(ran.err.contains("no image reference"), "{}", ran.err);
}

#[test]
fn cve_2023_2253_no_catalogue_is_asked_for() {
    let registry = TestRegistry::start();
    let name = registry.seed("app:1", &image().layer("a", 100).build());
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    program.import(&registry.host(), &[]).ended_with(0);
    assert_eq!(registry.count("GET", "_catalog"), 0);
}

#[test]
fn insecure_registries_plain_http_is_spoken_only_where_it_was_asked_for() {
    // The classic fall back to plain HTTP: a name that is no loopback address gets TLS or nothing.
    let registry = TestRegistry::start();
    registry.seed("app:1", &image().build());
    let port = registry.host().rsplit_once(':').unwrap().1.to_owned();
    let name = format!("127.0.0.1.nip.invalid:{port}/app:1");
    let ran = Program::new().export(&[&name], &[]).ended_with(3);
    assert!(ran.row("app:1")["error"].as_str().is_some());
    assert!(registry.requests().is_empty(), "{:?}", registry.asked());
}

#[test]
fn containers_image_1060_a_short_name_has_one_meaning_and_it_is_shown() {
    let program = Program::new();
    write(
        &program.path(""),
        "list.txt",
        b"nginx:1.27\nindex.docker.io/library/nginx:1.27\n",
    );
    let found = program.run(&["images", "list.txt", "-o", "list"]).ended_with(0);
    assert_eq!(found.out, "docker.io/library/nginx:1.27\n");
}

#[test]
fn ghsa_2v5f_5r6w_p67r_too_many_requests_is_a_failure_and_never_an_answer() {
    let registry = TestRegistry::start();
    let name = registry.seed("app:1", &image().build());
    for (status, code) in [(429, "TOOMANYREQUESTS"), (401, "UNAUTHORIZED")] {
        registry.mend();
        registry.fault(On::get_manifest(), Fault::status(status, code).retry_after("0"));
        registry.fault(
            On::method("HEAD").path("/manifests/"),
            Fault::status(status, code).retry_after("0"),
        );
        let ran = Program::new().export(&[&name], &[]).ended_with(3);
        let error = ran.row("app:1")["error"].as_str().unwrap().to_owned();
        assert!(error.contains(&status.to_string()), "{error}");
    }
}
