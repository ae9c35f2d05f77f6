//! Credentials and tokens: who gets them, and above all who does not.

use std::collections::BTreeMap;
use std::sync::Arc;

use carrack::credentials::{self, Explicit, Store};
use carrack::http::BytesSource;
use carrack::observe::Event;
use carrack::registry::Kind;
use carrack::secret::Secret;

use crate::conformance::{Visitor, repository, tag};
use crate::registry_pull::hurried;
use crate::support::images::{Blob, image};
use crate::support::registry::{Fault, Mode, On, TestRegistry};
use crate::support::thief::Thief;

const SECRETS: [&str; 3] = ["secret", "bWU6c2VjcmV0", "token-"];

fn given(host: &str, user: &str, password: &str) -> Explicit {
    Explicit {
        host: host.to_owned(),
        user: user.to_owned(),
        password: Secret::new(password),
    }
}

fn store(host: &str, user: &str, password: &str) -> Store {
    Store::load(&credentials::Settings {
        explicit: vec![given(host, user, password)],
        ..credentials::Settings::default()
    })
    .unwrap()
}

fn me(host: &str) -> Visitor {
    Visitor::with(hurried(), store(host, "me", "secret"))
}

fn bearer(uses: u32, realm: Option<String>) -> Mode {
    Mode::Bearer {
        login: Some(("me".into(), "secret".into())),
        anonymous_pull: true,
        identity: Some("identity-secret".into()),
        uses,
        realm,
    }
}

fn modes() -> [Mode; 2] {
    [Mode::basic("me", "secret"), bearer(0, None)]
}

#[test]
fn a_redirect_to_another_host_carries_no_credential() {
    for mode in modes() {
        let registry = TestRegistry::start_as(mode);
        let thief = Thief::start();
        let image = image().build();
        registry.seed("app:1", &image);
        registry.fault(On::get_blob(), Fault::RedirectTo(format!("{}/blob", thief.url())));
        let config = &image.blobs[0].descriptor;
        let visitor = me(&registry.host());
        let error = visitor
            .pull(&repository(&registry.host(), "app"), config)
            .unwrap_err();
        assert!(error.is_wrong_content(), "{error}");
        assert!(thief.heard().starts_with("GET /blob "));
        thief.assert_no_credentials(&SECRETS);
    }
}

#[test]
fn a_credential_does_not_come_back_when_a_redirect_leads_home() {
    let registry = TestRegistry::start_as(Mode::basic("me", "secret"));
    let elsewhere = TestRegistry::start();
    let image = image().build();
    registry.seed("app:1", &image);
    let config = &image.blobs[0].descriptor;
    let path = format!("/v2/app/blobs/{}", config.digest);
    registry.fault(
        On::get_blob().once(),
        Fault::RedirectTo(format!("{}{path}", elsewhere.url())),
    );
    elsewhere.fault(
        On::any(),
        Fault::RedirectTo(format!("{}/elsewhere{path}", registry.url())),
    );
    let visitor = me(&registry.host());
    // The ping makes the scheme known, so that the first request for the blob carries the credential.
    visitor.ask(visitor.client.ping(&registry.host())).unwrap();
    visitor
        .pull(&repository(&registry.host(), "app"), config)
        .unwrap();
    let requests = registry.requests();
    let (last, before) = requests.split_last().unwrap();
    assert_eq!(last.path, format!("/elsewhere{path}"));
    assert_eq!(last.header("authorization"), None);
    assert!(before.last().unwrap().header("authorization").is_some());
}

#[test]
fn redirects_are_followed_and_not_without_end() {
    let registry = TestRegistry::start();
    let image = image().build();
    registry.seed("app:1", &image);
    let visitor = me(&registry.host());
    let app = repository(&registry.host(), "app");
    let config = &image.blobs[0];
    registry.fault(On::get_blob(), Fault::RedirectHere);
    assert_eq!(visitor.pull(&app, &config.descriptor).unwrap(), config.bytes);
    registry.mend();
    registry.fault(
        On::get_blob(),
        Fault::RedirectTo(format!("{}/v2/app/blobs/sha", registry.url())),
    );
    let error = visitor.pull(&app, &config.descriptor).unwrap_err();
    assert!(
        error.to_string().contains("redirects more than 5 times"),
        "{error}"
    );
    for target in ["ftp://example.com/x", "http://", "javascript:alert(1)"] {
        registry.mend();
        registry.fault(On::get_blob(), Fault::RedirectTo(target.into()));
        assert!(visitor.pull(&app, &config.descriptor).is_err(), "{target}");
    }
}

#[test]
fn a_realm_on_another_host_gets_the_question_and_no_credential() {
    let thief = Thief::start();
    let registry = TestRegistry::start_as(bearer(0, Some(format!("{}/token", thief.url()))));
    registry.seed("app:1", &image().build());
    let visitor = me(&registry.host());
    let manifest = visitor.manifest(&registry.host(), &tag("1"));
    let error = manifest.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
    thief.assert_no_credentials(&SECRETS);
    let told = visitor.recorder.events();
    let warned = |event: &Event| matches!(event, Event::Warning { text } if text.contains("not sent there"));
    assert!(told.iter().any(warned), "{told:?}");
}

#[test]
fn a_realm_that_the_user_trusts_gets_the_credential() {
    let tokens = TestRegistry::start_as(bearer(0, None));
    let registry = TestRegistry::start_as(bearer(0, Some(format!("{}/token", tokens.url()))));
    let store = Store::load(&credentials::Settings {
        explicit: vec![given(&registry.host(), "me", "secret")],
        token_servers: BTreeMap::from([(registry.host(), vec![tokens.host()])]),
        ..credentials::Settings::default()
    });
    let visitor = Visitor::with(hurried(), store.unwrap());
    // The token is good only where it was made, but the login was sent there.
    let _ = visitor.ask(visitor.client.ping(&registry.host()));
    assert!(tokens.requests()[0].header("authorization").is_some());
}

#[test]
fn a_location_or_link_on_another_host_gets_no_credential() {
    for mode in modes() {
        let registry = TestRegistry::start_as(mode);
        let thief = Thief::start();
        let visitor = me(&registry.host());
        let app = repository(&registry.host(), "app");
        registry.seed("app:1", &image().build());
        registry.fault(
            On::method("POST"),
            Fault::LocationAt(format!("{}/upload?sig=1", thief.url())),
        );
        registry.fault(
            On::any().path("/tags/list"),
            Fault::LinkTo(format!("{}/tags", thief.url())),
        );
        let blob = Blob::new("x/y", b"content".to_vec());
        let source = Arc::new(BytesSource(blob.bytes.clone()));
        let _ = visitor.ask(visitor.client.push_blob(&app, &blob.descriptor, source, None));
        assert!(
            thief.heard().contains("PUT /upload?sig=1&digest=sha256:"),
            "{}",
            thief.heard()
        );
        let error = visitor.ask(visitor.client.tags(&app)).unwrap_err();
        assert!(matches!(error.kind(), Kind::BadLink { .. }), "{error}");
        assert!(!thief.heard().contains("GET /tags"));
        thief.assert_no_credentials(&SECRETS);
    }
}

#[test]
fn a_token_server_that_redirects_is_not_followed() {
    let thief = Thief::start();
    let registry = TestRegistry::start_as(bearer(0, None));
    registry.fault(
        On::any().path("/token"),
        Fault::RedirectTo(format!("{}/token", thief.url())),
    );
    let visitor = me(&registry.host());
    let error = visitor.ask(visitor.client.ping(&registry.host())).unwrap_err();
    assert!(matches!(error.kind(), Kind::BadRealm { .. }), "{error}");
    assert_eq!(thief.heard(), "");
}

#[test]
fn one_token_serves_a_repository_however_many_ask_at_once() {
    let registry = TestRegistry::start_as(bearer(0, None));
    let image = image().layer("a", 10).layer("b", 10).layer("c", 10).build();
    registry.seed("app:1", &image);
    let visitor = me(&registry.host());
    let app = repository(&registry.host(), "app");
    visitor.ask(visitor.client.manifest(&app, &tag("1"))).unwrap();
    registry.clear_log();
    let questions = image.blobs.iter().cycle().take(32).map(|blob| {
        let app = app.clone();
        let client = visitor.client.clone();
        async move { client.blob_bytes(&app, &blob.descriptor, 1 << 20).await }
    });
    for answer in visitor.ask(futures_util::future::join_all(questions)) {
        answer.unwrap();
    }
    assert_eq!(registry.count("GET", "/token"), 0);
    assert_eq!(registry.count("GET", "/blobs/"), 32);
    // A new repository, and all ask at once: the scheme is known, so the token comes before the first request.
    registry.seed("other:1", &image);
    registry.clear_log();
    let other = repository(&registry.host(), "other");
    let at = image.digest.into();
    let questions = (0..16).map(|_| visitor.client.manifest(&other, &at));
    for answer in visitor.ask(futures_util::future::join_all(questions)) {
        answer.unwrap();
    }
    assert_eq!(registry.count("GET", "/token"), 1);
    assert_eq!(registry.count("GET", "/manifests/"), 16);
}

#[test]
fn a_token_that_has_ended_is_renewed_at_the_401() {
    let registry = TestRegistry::start_as(bearer(2, None));
    let image = image()
        .layer("a", 10)
        .layer("b", 10)
        .layer("c", 10)
        .layer("d", 10)
        .build();
    registry.seed("app:1", &image);
    let visitor = me(&registry.host());
    let app = repository(&registry.host(), "app");
    for blob in &image.blobs {
        assert_eq!(visitor.pull(&app, &blob.descriptor).unwrap(), blob.bytes);
    }
    assert_eq!(registry.count("GET", "/token"), 3);
}

#[test]
fn everybody_may_pull_where_the_token_server_says_so() {
    let registry = TestRegistry::start_as(bearer(0, None));
    registry.seed("app:1", &image().build());
    let visitor = Visitor::with(hurried(), Store::anonymous());
    let app = repository(&registry.host(), "app");
    visitor.ask(visitor.client.manifest(&app, &tag("1"))).unwrap();
    let blob = Blob::new("x/y", b"content".to_vec());
    let error = visitor.push(&app, &blob).unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
}

#[test]
fn an_identity_token_is_traded_and_never_sent_as_a_password() {
    let registry = TestRegistry::start_as(bearer(0, None));
    let visitor = Visitor::with(hurried(), store(&registry.host(), "<token>", "identity-secret"));
    let blob = Blob::new("x/y", b"content".to_vec());
    visitor.push(&repository(&registry.host(), "app"), &blob).unwrap();
    assert_eq!(registry.count("POST", "/token"), 1);
    let tokens = registry.requests();
    assert!(
        tokens
            .iter()
            .filter(|r| r.path == "/token")
            .all(|r| r.header("authorization").is_none())
    );
}

#[test]
fn a_mount_asks_for_both_repositories() {
    let registry = TestRegistry::start_as(bearer(0, None));
    let visitor = me(&registry.host());
    let blob = Blob::new("x/y", b"content".to_vec());
    let (from, to) = (
        repository(&registry.host(), "from"),
        repository(&registry.host(), "to"),
    );
    visitor.push(&from, &blob).unwrap();
    assert!(
        visitor
            .ask(visitor.client.mount(&to, &blob.descriptor, &from))
            .unwrap()
    );
    let tokens = registry.requests();
    let last = tokens.iter().rfind(|request| request.path == "/token").unwrap();
    assert_eq!(
        last.parameters("scope"),
        ["repository:to:pull,push", "repository:from:pull"]
    );
}

#[test]
fn a_challenge_that_cannot_be_met_is_asked_once() {
    let challenges: [&[&str]; 5] = [
        &[],
        &["Negotiate"],
        &["Bearer service=\"x\""],
        &["Bearer realm=\"unclosed"],
        &["Digest realm=\"x\", nonce=\"a,b\"", "Unknown x=y"],
    ];
    for challenge in challenges {
        let registry = TestRegistry::start();
        let challenge = challenge.iter().map(|text| (*text).to_owned()).collect();
        registry.fault(On::any(), Fault::Challenge(challenge));
        let visitor = me(&registry.host());
        let error = visitor.ask(visitor.client.ping(&registry.host())).unwrap_err();
        assert!(error.is_unauthorized() && !error.is_transient(), "{error}");
        assert_eq!(registry.requests().len(), 1);
    }
}

#[test]
fn among_many_challenges_the_one_that_can_be_met_is_met() {
    let registry = TestRegistry::start();
    registry.fault(
        On::any().once(),
        Fault::Challenge(vec![
            "Negotiate, Basic realm=\"a\\\"b, Bearer\"".into(),
            "Digest realm=\"x\"".into(),
        ]),
    );
    let visitor = me(&registry.host());
    visitor.ask(visitor.client.ping(&registry.host())).unwrap();
    assert_eq!(
        registry.requests()[1].header("authorization"),
        Some("Basic bWU6c2VjcmV0")
    );
}

#[test]
fn a_realm_that_must_not_be_asked_is_an_error_that_names_it() {
    for realm in [
        "http://registry.example.com/token",
        "file:///etc/passwd",
        "not a url",
        "https://u:p@127.0.0.1/t",
    ] {
        let registry = TestRegistry::start_as(bearer(0, Some(realm.into())));
        let visitor = me(&registry.host());
        let error = visitor.ask(visitor.client.ping(&registry.host())).unwrap_err();
        assert!(matches!(error.kind(), Kind::BadRealm { .. }), "{realm}: {error}");
        assert!(!error.is_transient());
    }
}

#[test]
fn a_challenge_on_one_path_counts_for_no_other() {
    for challenge in [
        "Basic realm=\"a proxy\"",
        "Bearer realm=\"https://elsewhere.invalid/token\"",
    ] {
        let registry = TestRegistry::start_as(bearer(0, None));
        let image = image().layer("a", 10).build();
        registry.seed("app:1", &image);
        registry.seed("other:1", &image);
        registry.fault(
            On::any().path("/app/tags/list"),
            Fault::Challenge(vec![challenge.to_owned()]),
        );
        let visitor = me(&registry.host());
        let [app, other] = ["app", "other"].map(|path| repository(&registry.host(), path));
        for seen in ["before the challenge", "after it"] {
            registry.clear_log();
            for at in [&app, &other] {
                visitor.ask(visitor.client.manifest(at, &tag("1"))).unwrap();
                visitor.pull(at, &image.blobs[0].descriptor).unwrap();
            }
            let asked = registry.requests();
            let schemes: Vec<_> = asked
                .iter()
                .filter(|request| request.path != "/token")
                .map(|request| {
                    request
                        .header("authorization")
                        .unwrap_or_default()
                        .split(' ')
                        .next()
                })
                .collect();
            let expected = if seen == "after it" { 4 } else { 5 };
            assert_eq!(schemes.len(), expected, "{seen}: {:?}", registry.asked());
            let bare = usize::from(seen != "after it");
            assert!(
                schemes[bare..].iter().all(|scheme| *scheme == Some("Bearer")),
                "{schemes:?}"
            );
            visitor.ask(visitor.client.tags(&app)).unwrap_err();
        }
    }
}

#[test]
fn each_repository_is_let_in_as_it_asks() {
    // Nexus and Artifactory have repositories of both kinds on one host.
    let registry = TestRegistry::start();
    let tokens = TestRegistry::start_as(Mode::bearer());
    let image = image().build();
    registry.seed("basic:1", &image);
    registry.seed("token:1", &image);
    let challenge = |text: &str| Fault::Challenge(vec![text.to_owned()]);
    registry.fault(On::any().path("/basic/").once(), challenge("Basic realm=\"x\""));
    let bearer = format!("Bearer realm=\"{}/token\",service=\"x\"", tokens.url());
    registry.fault(On::any().path("/token/").once(), challenge(&bearer));
    let visitor = me(&registry.host());
    let sent = |path: &str| {
        registry.clear_log();
        let at = repository(&registry.host(), path);
        visitor.ask(visitor.client.manifest(&at, &tag("1"))).unwrap();
        let asked = registry.requests();
        asked.last().unwrap().header("authorization").map(str::to_owned)
    };
    assert_eq!(sent("basic").as_deref(), Some("Basic bWU6c2VjcmV0"));
    assert!(sent("token").unwrap().starts_with("Bearer token-"));
    assert_eq!(sent("basic").as_deref(), Some("Basic bWU6c2VjcmV0"));
    assert!(sent("token").unwrap().starts_with("Bearer token-"));
}

#[test]
fn a_foreign_layer_is_fetched_from_its_place_without_a_credential() {
    let registry = TestRegistry::start_as(Mode::basic("me", "secret"));
    let elsewhere = TestRegistry::start();
    let image = image().layer("windows", 5000).build();
    registry.seed("app:1", &image);
    elsewhere.seed("app:1", &image);
    let layer = &image.layers()[0];
    let place = |url: &str| format!("{url}/v2/app/blobs/{}", layer.descriptor.digest);
    let mut foreign = layer.descriptor.clone();
    // Even a descriptor that points at the registry itself gets no credential there.
    foreign.urls = vec![
        place(&registry.url()),
        "ftp://example.com/x".into(),
        place(&elsewhere.url()),
    ];
    let visitor = me(&registry.host());
    visitor.ask(visitor.client.ping(&registry.host())).unwrap();
    registry.clear_log();
    let app = repository(&registry.host(), "app");
    for offset in [0, 1000] {
        let bytes = visitor.ask(async {
            let mut blob = visitor.client.foreign_blob(&app, &foreign, offset).await.unwrap();
            assert_eq!(blob.offset(), offset);
            let mut bytes = Vec::new();
            while let Some(chunk) = blob.chunk().await.unwrap() {
                bytes.extend_from_slice(&chunk);
            }
            bytes
        });
        assert_eq!(bytes, layer.bytes[usize::try_from(offset).unwrap()..]);
    }
    for asked in registry.requests().iter().chain(&elsewhere.requests()) {
        assert_eq!(asked.header("authorization"), None);
    }
    foreign.urls.clear();
    let error = visitor
        .ask(visitor.client.foreign_blob(&app, &foreign, 0))
        .unwrap_err();
    assert!(error.to_string().contains("names no usable place"), "{error}");
}
