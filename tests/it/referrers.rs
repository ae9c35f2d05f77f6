//! Signatures, attestations and SBOMs cross the gap with what they are about, and one that is lost is an error.

use std::collections::BTreeSet;

use carrack::bundle::{Bundle, Inventory};
use carrack::digest::Digest;
use carrack::oci::{Attachment, Document};
use carrack::reference::Repository;

use crate::conformance::{Visitor, repository};
use crate::registry_pull::visitor;
use crate::support::docker_registry::DockerRegistry;
use crate::support::images::{Image, attachment, image, index, referrer, referrer_list};
use crate::support::program::Program;
use crate::support::registry::{Fault, Mode, On, TestRegistry};
use crate::support::serving::Serving;

const SBOM: &str = "application/spdx+json";
const SIGNATURE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// An index of two platforms; a signature of it, an SBOM of one platform, and a signature of that SBOM.
struct Signed {
    index: Image,
    signature: Image,
    sbom: Image,
    of_sbom: Image,
}

impl Signed {
    fn new() -> Self {
        let arm = image().platform("linux/arm64").layer("arm", 100).build();
        let index = index(vec![
            ("linux/amd64", image().layer("amd", 100).build()),
            ("linux/arm64", arm.clone()),
        ]);
        let sbom = referrer(&arm, SBOM, "packages of arm64");
        Self {
            signature: referrer(&index, SIGNATURE, "signed by upstream"),
            of_sbom: referrer(&sbom, SIGNATURE, "the SBOM is signed"),
            index,
            sbom,
        }
    }

    fn referrers(&self) -> [(&Image, &Image, &'static str); 3] {
        let child = &self.index.children[1];
        [
            (&self.index, &self.signature, SIGNATURE),
            (child, &self.sbom, SBOM),
            (&self.sbom, &self.of_sbom, SIGNATURE),
        ]
    }

    /// Puts everything into a registry that lists referrers by itself.
    fn seed(&self, registry: &TestRegistry) -> String {
        for (_, referrer, _) in self.referrers() {
            registry.seed("team/app", referrer);
        }
        registry.seed("team/app:1", &self.index)
    }

    /// Puts everything into a registry without the API, whose clients keep the lists.
    fn seed_lists(&self, registry: &TestRegistry) -> String {
        registry.set_referrers_api(false);
        for (subject, referrer, kind) in self.referrers() {
            let list = referrer_list(vec![(kind, referrer.clone())]);
            registry.seed(&tagged("team/app", subject, Attachment::List), &list);
        }
        registry.seed("team/app:1", &self.index)
    }

    /// Whether a registry gives everything to a client that asks for what refers to what.
    fn assert_at(&self, visitor: &Visitor, place: &Repository) {
        for (subject, referrer, kind) in self.referrers() {
            let listed = visitor
                .ask(visitor.client.referrers(place, &subject.digest))
                .unwrap();
            let digests: Vec<Digest> = listed.iter().map(|d| d.digest).collect();
            assert_eq!(digests, [referrer.digest], "what refers to {}", subject.digest);
            assert_eq!(listed[0].artifact_type.as_deref(), Some(kind));
            let manifest = visitor
                .ask(visitor.client.manifest(place, &referrer.digest.into()))
                .unwrap();
            assert_eq!(manifest.bytes, referrer.manifest);
            for blob in &referrer.blobs {
                assert_eq!(visitor.pull(place, &blob.descriptor).unwrap(), blob.bytes);
            }
        }
    }
}

fn tagged(repository: &str, subject: &Image, by: Attachment) -> String {
    format!("{repository}:{}", by.tag(&subject.digest).unwrap())
}

fn bundle(program: &Program) -> Bundle {
    Bundle::open(&program.path("bundle")).unwrap()
}

fn inventory(program: &Program) -> Inventory {
    bundle(program).inventory().unwrap().unwrap()
}

/// Where a repository of `from` lies in a registry that was imported into.
fn inside(target: &str, from: &TestRegistry, path: &str) -> Repository {
    repository(target, &format!("{}/{path}", from.host().replace(':', "-")))
}

/// Imports the bundle into registries with and without the API, real and scripted.
fn into_all_kinds(program: &Program, check: impl Fn(&Visitor, &str)) {
    let with_api = TestRegistry::start();
    let without_api = TestRegistry::start();
    without_api.set_referrers_api(false);
    let real = DockerRegistry::start();
    let hosts = [with_api.host(), without_api.host()];
    for host in hosts.into_iter().chain(real.iter().map(DockerRegistry::host)) {
        program.import(&host, &[]).ended_with(0);
        check(&Visitor::anonymous(), &host);
        let again = program.import(&host, &[]).ended_with(0).json();
        assert_eq!(again["uploaded"], 0);
        let rows = again["rows"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["outcome"] == "present"), "{again:#}");
    }
}

#[test]
fn what_the_api_lists_crosses_with_the_index_its_children_and_its_own_signatures() {
    let upstream = TestRegistry::start();
    let signed = Signed::new();
    let name = signed.seed(&upstream);
    let program = Program::new();
    let ran = program.export(&[&name], &[]).ended_with(0);
    assert_eq!(ran.row("app:1")["referrers"], 3);
    program.verify().ended_with(0);
    let home = repository(&upstream.host(), "team/app");
    let found = bundle(&program).referrers().unwrap();
    for (subject, referrer, kind) in signed.referrers() {
        let of = found.of(&home, &subject.digest);
        assert_eq!(of.len(), 1, "{of:?}");
        assert_eq!((of[0].digest, of[0].by), (referrer.digest, Attachment::Subject));
        assert_eq!(of[0].artifact_type.as_deref(), Some(kind));
        assert_eq!(of[0].entry.to_string(), format!("{home}@{}", referrer.digest));
    }
    let recorded = &inventory(&program).referrers[&home];
    assert_eq!(
        recorded.get(&signed.index.digest).unwrap(),
        found.of(&home, &signed.index.digest)
    );
    let unsigned = &signed.index.children[0].digest;
    assert!(
        recorded.get(unsigned).unwrap().is_empty(),
        "asked, and there is nothing"
    );
    into_all_kinds(&program, |visitor, host| {
        signed.assert_at(visitor, &inside(host, &upstream, "team/app"));
    });
}

#[test]
fn lists_and_tags_of_a_registry_without_the_api_cross_byte_for_byte() {
    let upstream = TestRegistry::start();
    let signed = Signed::new();
    let name = signed.seed_lists(&upstream);
    let cosign: Vec<(Attachment, Image)> = Attachment::OF_COSIGN
        .into_iter()
        .map(|by| (by, attachment(&[&format!("a {by}")])))
        .collect();
    for (by, attached) in &cosign {
        upstream.seed(&tagged("team/app", &signed.index, *by), attached);
    }
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    program.verify().ended_with(0);
    let names: BTreeSet<String> = bundle(&program)
        .entries()
        .keys()
        .map(ToString::to_string)
        .collect();
    let host = upstream.host();
    for by in [
        Attachment::List,
        Attachment::Signature,
        Attachment::Attestation,
        Attachment::Sbom,
    ] {
        let tag = tagged(&format!("{host}/team/app"), &signed.index, by);
        assert!(names.contains(&tag), "{names:#?}");
    }
    into_all_kinds(&program, |visitor, host| {
        let place = inside(host, &upstream, "team/app");
        signed.assert_at(visitor, &place);
        for (by, attached) in &cosign {
            let tag = by.tag(&signed.index.digest).unwrap();
            let manifest = visitor.ask(visitor.client.manifest_if_any(&place, &tag)).unwrap();
            assert_eq!(manifest.unwrap().bytes, attached.manifest);
        }
        let (_, signature, kind) = signed.referrers()[0];
        let list = referrer_list(vec![(kind, signature.clone())]);
        let tag = Attachment::List.tag(&signed.index.digest).unwrap();
        let manifest = visitor.ask(visitor.client.manifest_if_any(&place, &tag)).unwrap();
        assert_eq!(manifest.unwrap().bytes, list.manifest);
    });
}

#[test]
fn a_folder_and_the_server_over_it_have_the_signatures_too() {
    let upstream = TestRegistry::start();
    let signed = Signed::new();
    let name = signed.seed(&upstream);
    upstream.seed(
        &tagged("team/app", &signed.index, Attachment::Signature),
        &attachment(&["by tag"]),
    );
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    program.import("dir:site", &["--only", &name]).ended_with(0);
    program.run(&["verify", "site"]).ended_with(0);
    let site = Bundle::open(&program.path("site")).unwrap();
    let names = |bundle: &Bundle| bundle.entries().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&site),
        names(&bundle(&program)),
        "all of it comes with its image"
    );
    let told = site.inventory().unwrap().unwrap().referrers;
    assert_eq!(told, inventory(&program).referrers);
    let serving = Serving::start(&program.path("site"));
    let place = repository(
        &serving.address.to_string(),
        &format!("{}/team/app", upstream.host().replace(':', "-")),
    );
    let visitor = Visitor::anonymous();
    signed.assert_at(&visitor, &place);
    let tag = Attachment::Signature.tag(&signed.index.digest).unwrap();
    assert!(
        visitor
            .ask(visitor.client.manifest_if_any(&place, &tag))
            .unwrap()
            .is_some()
    );
}

#[test]
fn what_a_site_has_signed_itself_stays() {
    let upstream = TestRegistry::start();
    let app = image().layer("a", 100).build();
    let name = upstream.seed("team/app:1", &app);
    upstream.seed("team/app", &referrer(&app, SIGNATURE, "upstream"));
    upstream.seed(
        &tagged("team/app", &app, Attachment::Signature),
        &attachment(&["upstream"]),
    );
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let target = TestRegistry::start();
    target.set_referrers_api(false);
    let place = inside(&target.host(), &upstream, "team/app");
    let own = referrer(&app, SIGNATURE, "the site");
    target.seed(
        &tagged(place.path(), &app, Attachment::List),
        &referrer_list(vec![(SIGNATURE, own.clone())]),
    );
    let both = attachment(&["upstream", "the site"]);
    target.seed(&tagged(place.path(), &app, Attachment::Signature), &both);
    program.import(&target.host(), &[]).ended_with(0);
    let visitor = Visitor::anonymous();
    let listed = visitor
        .ask(visitor.client.referrers(&place, &app.digest))
        .unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].digest, own.digest);
    let annotations = &listed[1].annotations;
    assert!(
        annotations.contains_key("org.opencontainers.image.created"),
        "{annotations:?}"
    );
    let tag = Attachment::Signature.tag(&app.digest).unwrap();
    let (bytes, _) = target.manifest(place.path(), tag.as_str()).unwrap();
    assert_eq!(bytes, both.manifest, "it holds upstream's signature, and more");
    target.clear_log();
    program.import(&target.host(), &[]).ended_with(0);
    assert_eq!(target.count("PUT", "/"), 0);
}

/// Faults that say nothing about whether an image is signed.
fn unclear() -> Vec<(&'static str, Fault)> {
    vec![
        (
            "401",
            Fault::Challenge(vec![
                "Bearer realm=\"https://elsewhere.invalid/token\"".to_owned(),
            ]),
        ),
        ("403", Fault::status(403, "DENIED")),
        ("429", Fault::status(429, "TOOMANYREQUESTS").retry_after("7200")),
        ("500", Fault::status(500, "UNKNOWN").retry_after("7200")),
        ("503", Fault::status(503, "").retry_after("7200")),
        ("HTML", Fault::HtmlErrorBody(200)),
    ]
}

#[test]
fn a_registry_that_does_not_say_whether_an_image_is_signed_fails_the_image() {
    let app = image().layer("a", 100).build();
    for (what, fault) in unclear() {
        let upstream = TestRegistry::start();
        let name = upstream.seed("team/app:1", &app);
        let other = upstream.seed("team/other:1", &image().layer("b", 100).build());
        upstream.fault(On::method("GET").path("team/app/referrers/"), fault);
        let program = Program::new();
        let ran = program.export(&[&name, &other], &[]).ended_with(3);
        let row = ran.row("team/app");
        assert_eq!(row["outcome"], "failed", "{what}: {row}");
        let error = row["error"].as_str().unwrap();
        assert!(error.contains("it is not known whether"), "{what}: {error}");
        assert_eq!(ran.row("team/other")["outcome"], "done", "{what}");
        assert!(
            !bundle(&program).entries().contains_key(&name.parse().unwrap()),
            "{what}"
        );
        upstream.mend();
        program.export(&[&name], &[]).ended_with(0);
    }
}

#[test]
fn a_tag_that_is_not_clearly_absent_fails_the_image() {
    let app = image().layer("a", 100).build();
    let faults = unclear()
        .into_iter()
        .chain([("404 of a proxy", Fault::HtmlErrorBody(404))]);
    for (what, fault) in faults {
        let upstream = TestRegistry::start();
        upstream.set_referrers_api(false);
        let name = upstream.seed("team/app:1", &app);
        // Harbor before 2.8 has no such API and says 401; its tags must then tell.
        upstream.fault(
            On::method("GET").path("/referrers/"),
            Fault::status(401, "UNAUTHORIZED"),
        );
        upstream.fault(On::method("GET").path("/tags/list"), Fault::status(403, "DENIED"));
        upstream.fault(On::get_manifest().path("sha256-"), fault);
        let program = Program::new();
        let ran = program.export(&[&name], &[]).ended_with(3);
        assert_eq!(ran.row("team/app")["outcome"], "failed", "{what}");
        upstream.mend();
        program.export(&[&name], &[]).ended_with(0);
    }
}

#[test]
fn a_signature_that_cannot_be_fetched_fails_its_image() {
    let upstream = TestRegistry::start();
    let signed = Signed::new();
    let name = signed.seed(&upstream);
    upstream.forget_blob("team/app", &signed.of_sbom.blobs[1].descriptor.digest);
    let program = Program::new();
    program.export(&[&name], &["--no-signatures"]).ended_with(0);
    for _ in 0..2 {
        let ran = program.export(&[&name], &[]).ended_with(3);
        assert_eq!(ran.row("team/app")["outcome"], "failed");
        assert_eq!(bundle(&program).entries().len(), 1);
    }
}

#[test]
fn questions_about_signatures_are_few_and_are_not_repeated() {
    let upstream = TestRegistry::start();
    upstream.set_referrers_api(false);
    let names: Vec<String> = (0..20)
        .map(|n| {
            upstream.seed(
                &format!("team/app:{n}"),
                &image().layer(&format!("l{n}"), 100).build(),
            )
        })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let program = Program::new();
    program.export(&names, &["--jobs", "1"]).ended_with(0);
    assert_eq!(
        upstream.count("GET", "/tags/list"),
        1,
        "one list answers for all tags"
    );
    assert!(
        upstream.count("GET", "/referrers/") <= 2,
        "the API is not there, and not asked again"
    );
    assert_eq!(upstream.count("GET", "/manifests/sha256-"), 0);
    upstream.clear_log();
    program.export(&names, &[]).ended_with(0);
    assert_eq!(
        upstream.requests().len(),
        20,
        "one question for each tag that may move"
    );
}

#[test]
fn a_refresh_finds_what_was_signed_since() {
    let upstream = TestRegistry::start();
    let app = image().layer("a", 100).build();
    let name = upstream.seed("team/app:1", &app);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let signature = referrer(&app, SIGNATURE, "signed later");
    upstream.seed("team/app", &signature);
    program.export(&[&name], &[]).ended_with(0);
    let home = repository(&upstream.host(), "team/app");
    assert!(
        bundle(&program)
            .referrers()
            .unwrap()
            .of(&home, &app.digest)
            .is_empty()
    );
    let ran = program.export(&[&name], &["--refresh"]).ended_with(0);
    assert_eq!(ran.row("team/app")["outcome"], "done");
    assert_eq!(
        bundle(&program).referrers().unwrap().of(&home, &app.digest).len(),
        1
    );
}

#[test]
fn signatures_are_left_out_by_choice_only_and_the_inventory_says_so() {
    let upstream = TestRegistry::start();
    let name = Signed::new().seed(&upstream);
    for flags in [&["--no-signatures"][..], &["--referrers", "none"]] {
        let program = Program::new();
        upstream.clear_log();
        program.export(&[&name], flags).ended_with(0);
        assert_eq!(
            upstream.count("GET", "/referrers/") + upstream.count("GET", "/tags/"),
            0
        );
        let record = &inventory(&program).references[&name.parse().unwrap()];
        assert!(record.referrers_left_out);
        program.export(&[&name], &[]).ended_with(0);
        let inventory = inventory(&program);
        assert!(!inventory.references[&name.parse().unwrap()].referrers_left_out);
        assert_eq!(inventory.references.len(), 4);
    }
}

#[test]
fn a_lost_signature_is_found_by_verification() {
    let upstream = TestRegistry::start();
    let signed = Signed::new();
    let name = signed.seed(&upstream);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    let index = program.path("bundle/index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let lost = signed.signature.digest.to_string();
    let manifests = document["manifests"].as_array_mut().unwrap();
    manifests.retain(|entry| entry["digest"] != lost.as_str());
    carrack::fsx::write(&index, document.to_string().as_bytes()).unwrap();
    let problems = program.verify().ended_with(4).json()["problems"].clone();
    let text = problems.to_string();
    assert!(text.contains(&lost), "{problems:#}");
    assert!(
        text.contains(&format!("referrer of {}", signed.index.digest)),
        "{problems:#}"
    );
}

#[test]
fn a_cache_in_between_is_asked_for_each_tag_because_its_list_may_be_short() {
    let upstream = TestRegistry::start();
    let app = image().layer("a", 100).build();
    upstream.set_referrers_api(false);
    upstream.seed("hub/team/app:1", &app);
    upstream.seed(
        &tagged("hub/team/app", &app, Attachment::Signature),
        &attachment(&["signed"]),
    );
    let program = Program::new();
    let from = format!("quay.example.com={}/hub", upstream.host());
    program
        .export(&["quay.example.com/team/app:1"], &["--pull-through", &from])
        .ended_with(0);
    assert_eq!(upstream.count("GET", "/tags/list"), 0);
    let home = repository("quay.example.com", "team/app");
    assert_eq!(
        bundle(&program).referrers().unwrap().of(&home, &app.digest).len(),
        1
    );
}

#[test]
fn long_lists_are_read_to_their_end_and_never_at_another_host() {
    let upstream = TestRegistry::start();
    let app = image().layer("a", 100).build();
    let name = upstream.seed("team/app:1", &app);
    for number in 0..5 {
        upstream.seed(
            "team/app",
            &referrer(&app, SIGNATURE, &format!("signature {number}")),
        );
    }
    upstream.set_page_size(2);
    let program = Program::new();
    let ran = program.export(&[&name], &[]).ended_with(0);
    assert_eq!(ran.row("team/app")["referrers"], 5);
    let thief = TestRegistry::start_as(Mode::basic("me", "secret"));
    let elsewhere = format!("{}/v2/team/app/referrers/{}", thief.url(), app.digest);
    upstream.fault(On::method("GET").path("/referrers/"), Fault::LinkTo(elsewhere));
    let ran = program.export(&[&name], &["--refresh"]).ended_with(3);
    let error = ran.row("team/app")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("another host"), "{error}");
    assert!(thief.requests().is_empty());
}

#[test]
fn endless_referrers_are_refused() {
    let visitor = visitor();
    let upstream = TestRegistry::start();
    let app = image().layer("a", 100).build();
    upstream.seed("team/app:1", &app);
    let place = repository(&upstream.host(), "team/app");
    let entry = format!(
        r#"{{"mediaType":"m/t","digest":"{}","size":2}}"#,
        Digest::sha256(b"{}")
    );
    let list = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        vec![entry; 1001].join(",")
    );
    assert!(Document::parse(list.as_bytes(), None).is_ok());
    upstream.set_referrers_api(false);
    let tag = Attachment::List.tag(&app.digest).unwrap();
    let oci = "application/vnd.oci.image.index.v1+json";
    upstream.seed_manifest("team/app", tag.as_str(), oci, list.as_bytes());
    let error = visitor
        .ask(visitor.client.referrers(&place, &app.digest))
        .unwrap_err();
    assert!(error.to_string().contains("more than 1000 referrers"), "{error}");
    let ran = Program::new().export(&[&format!("{place}:1")], &[]).ended_with(3);
    let error = ran.row("team/app")["error"].as_str().unwrap().to_owned();
    assert!(error.contains("are more than 1000"), "{error}");
    assert_eq!(upstream.count("GET", &Digest::sha256(b"{}").to_string()), 0);
}
