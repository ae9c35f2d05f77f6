//! The same questions to every dialect of the scripted registry and to the real one: what holds for one holds for the
//! others.

use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use carrack::credentials::{self, Explicit, Store};
use carrack::digest::{Algorithm, Digest};
use carrack::http::{self, BytesSource, Settings};
use carrack::observe::{Recorder, SystemClock};
use carrack::oci::Descriptor;
use carrack::reference::{Repository, Tag};
use carrack::registry::{Client, Landed, Manifest, TagOrDigest};
use carrack::secret::Secret;

use crate::support::docker_registry::DockerRegistry;
use crate::support::images::{self, Blob, Image, image, index};
use crate::support::program::Program;
use crate::support::registry::{Fault, LOGIN, Mode, On, Profile, TestRegistry};

/// Someone who speaks to a registry, and what was told meanwhile.
pub(crate) struct Visitor {
    pub(crate) client: Client,
    pub(crate) recorder: Arc<Recorder>,
    runtime: tokio::runtime::Runtime,
}

impl Visitor {
    pub(crate) fn anonymous() -> Self {
        Self::with(Settings::default(), Store::anonymous())
    }

    pub(crate) fn named(host: &str, user: &str, password: &str) -> Self {
        let store = Store::load(&credentials::Settings {
            explicit: vec![Explicit {
                host: host.to_owned(),
                user: user.to_owned(),
                password: Secret::new(password),
            }],
            ..credentials::Settings::default()
        });
        Self::with(Settings::default(), store.unwrap())
    }

    pub(crate) fn with(settings: Settings, store: Store) -> Self {
        let recorder = Arc::new(Recorder::default());
        let http = http::Client::new(settings, recorder.clone(), Arc::new(SystemClock)).unwrap();
        Self {
            client: Client::new(http, store),
            recorder,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    /// Waits for an answer.
    pub(crate) fn ask<T>(&self, question: impl Future<Output = T>) -> T {
        self.runtime.block_on(question)
    }

    /// The manifest of the repository `app`.
    pub(crate) fn manifest(
        &self,
        host: &str,
        at: &TagOrDigest,
    ) -> Result<Manifest, carrack::registry::Error> {
        self.ask(self.client.manifest(&repository(host, "app"), at))
    }

    pub(crate) fn pull(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
    ) -> Result<Vec<u8>, carrack::registry::Error> {
        self.ask(async {
            let mut blob = self.client.blob(repository, descriptor, 0).await?;
            let mut bytes = Vec::new();
            while let Some(chunk) = blob.chunk().await? {
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        })
    }

    pub(crate) fn push(
        &self,
        repository: &Repository,
        blob: &Blob,
    ) -> Result<Landed, carrack::registry::Error> {
        let source = Arc::new(BytesSource(blob.bytes.clone()));
        let pushed = self.client.push_blob(repository, &blob.descriptor, source, None);
        self.ask(pushed).map(|pushed| pushed.landed)
    }

    pub(crate) fn push_image(&self, repository: &Repository, image: &Image, at: &TagOrDigest) {
        for child in &image.children {
            self.push_image(repository, child, &child.digest.into());
        }
        for blob in &image.blobs {
            self.push(repository, blob).unwrap();
        }
        let pushed = self
            .client
            .push_manifest(repository, &image.manifest, &image.media_type, at);
        self.ask(pushed).unwrap();
    }
}

pub(crate) fn repository(host: &str, path: &str) -> Repository {
    Repository::new(host, path).unwrap()
}

pub(crate) fn tag(text: &str) -> TagOrDigest {
    TagOrDigest::Tag(text.parse().unwrap())
}

/// A registry that the suite is run against, and who we are there.
pub(crate) struct Stage {
    name: String,
    visitor: Visitor,
    host: String,
    login: Option<(&'static str, &'static str)>,
    mounts: bool,
    /// The scripted ones.
    scripted: Option<TestRegistry>,
    /// Kept so that it runs.
    _real: Option<DockerRegistry>,
}

impl Stage {
    fn scripted(name: String, registry: TestRegistry, login: Option<(&'static str, &'static str)>) -> Self {
        let host = registry.host();
        Self {
            name,
            visitor: Self::visitor(&host, login),
            host,
            login,
            mounts: true,
            scripted: Some(registry),
            _real: None,
        }
    }

    fn real(registry: DockerRegistry, login: Option<(&'static str, &'static str)>) -> Self {
        let host = registry.host();
        Self {
            name: format!("docker-registry, login {login:?}"),
            visitor: Self::visitor(&host, login),
            host,
            login,
            mounts: true,
            scripted: None,
            _real: Some(registry),
        }
    }

    fn visitor(host: &str, login: Option<(&str, &str)>) -> Visitor {
        match login {
            Some((user, password)) => Visitor::named(host, user, password),
            None => Visitor::anonymous(),
        }
    }

    /// One that speaks this dialect, with the repositories that the suite pushes to.
    fn like(profile: Profile) -> Self {
        let registry = TestRegistry::start_like(profile);
        for path in [
            "team/app", "a/one", "b/two", "c/three", "range", "known", "tags", "long",
        ] {
            registry.make_repository(path);
        }
        Self {
            mounts: profile.mounts(),
            ..Self::scripted(format!("{profile:?}"), registry, Some(LOGIN))
        }
    }

    /// Every scripted one: without a login, with one, and in all dialects.
    fn all_scripted() -> Vec<Self> {
        let (user, password) = LOGIN;
        let modes = [
            (Mode::Open, None),
            (Mode::basic(user, password), Some(LOGIN)),
            (Mode::bearer_for(user, password), Some(LOGIN)),
            (Mode::bearer(), None),
        ];
        let plain = modes.into_iter().map(|(mode, login)| {
            let name = format!("{mode:?}");
            Self::scripted(name, TestRegistry::start_as(mode), login)
        });
        plain.chain(Profile::ALL.map(Self::like)).collect()
    }

    /// Those and the real ones.
    fn all() -> Vec<Self> {
        let (user, password) = LOGIN;
        let open = DockerRegistry::start().map(|registry| Self::real(registry, None));
        let closed = DockerRegistry::start_with_password(user, password);
        let closed = closed.map(|registry| Self::real(registry, Some(LOGIN)));
        Self::all_scripted()
            .into_iter()
            .chain(open)
            .chain(closed)
            .collect()
    }
}

/// Runs a test against every registry.
#[expect(clippy::print_stdout, reason = "which of many registries a test fails at")]
fn everywhere(test: impl Fn(&Visitor, &str)) {
    for stage in Stage::all() {
        println!("at {}", stage.name);
        test(&stage.visitor, &stage.host);
    }
}

#[test]
fn images_of_all_kinds_go_in_and_come_out_byte_for_byte() {
    everywhere(|visitor, host| {
        let oci = image().layer("a", 3000).layer("b", 0).build();
        let docker = image().docker().layer("a", 3000).build();
        let both = index(vec![
            ("linux/amd64", image().layer("x", 100).build()),
            (
                "linux/arm/v7",
                image().platform("linux/arm/v7").layer("y", 100).build(),
            ),
        ]);
        let repository = repository(host, "team/app");
        for (name, image) in [("oci", &oci), ("docker", &docker), ("both", &both)] {
            visitor.push_image(&repository, image, &tag(name));
            for at in [tag(name), image.digest.into()] {
                let manifest = visitor.ask(visitor.client.manifest(&repository, &at)).unwrap();
                assert_eq!(manifest.bytes, image.manifest);
                assert_eq!(manifest.digest, image.digest);
                assert_eq!(manifest.media_type, image.media_type);
                let head = visitor
                    .ask(visitor.client.head_manifest(&repository, &at))
                    .unwrap()
                    .unwrap();
                assert_eq!(head.digest, Some(image.digest));
                assert_eq!(head.size, Some(image.manifest.len() as u64));
            }
            for blob in image.all_blobs() {
                assert_eq!(visitor.pull(&repository, &blob.descriptor).unwrap(), blob.bytes);
            }
        }
    });
}

#[test]
fn a_blob_that_is_there_is_not_sent_again_and_one_from_next_door_is_mounted() {
    for stage in Stage::all() {
        let (visitor, host) = (&stage.visitor, &stage.host);
        let blob = Blob::new("application/octet-stream", images::noise("mount", 5000));
        let (here, there) = (repository(host, "a/one"), repository(host, "b/two"));
        let absent = visitor.ask(visitor.client.has_blob(&here, &blob.descriptor));
        assert!(!absent.unwrap());
        assert_eq!(visitor.push(&here, &blob).unwrap(), Landed::Uploaded);
        assert_eq!(visitor.push(&here, &blob).unwrap(), Landed::Present);
        // Where nothing is mounted the bytes go.
        let source = Arc::new(BytesSource(blob.bytes.clone()));
        let mounted = visitor
            .client
            .push_blob(&there, &blob.descriptor, source, Some(&here));
        let expected = if stage.mounts {
            Landed::Mounted
        } else {
            Landed::Uploaded
        };
        assert_eq!(visitor.ask(mounted).unwrap().landed, expected, "{}", stage.name);
        assert_eq!(visitor.pull(&there, &blob.descriptor).unwrap(), blob.bytes);
        let third = repository(host, "c/three");
        let mounted = visitor.ask(visitor.client.mount(&third, &blob.descriptor, &here));
        assert_eq!(mounted.unwrap(), stage.mounts, "{}", stage.name);
    }
}

#[test]
fn small_blobs_of_a_new_repository_are_not_asked_for_one_by_one_where_blobs_are_linked() {
    for stage in Stage::all() {
        let (visitor, name) = (&stage.visitor, &stage.name);
        let blob = |seed| Blob::new("application/octet-stream", images::noise(seed, 3000));
        let (shared, one, two) = (blob("shared"), blob("one"), blob("two"));
        let (here, there) = (repository(&stage.host, "a/one"), repository(&stage.host, "b/two"));
        assert_eq!(visitor.push(&here, &shared).unwrap(), Landed::Uploaded, "{name}");
        // That it is not there, and whether it is linked, is all that the others need.
        let source = Arc::new(BytesSource(shared.bytes.clone()));
        let linked = visitor
            .client
            .push_blob(&there, &shared.descriptor, source, Some(&here));
        visitor.ask(linked).unwrap();
        for blob in [&one, &two] {
            assert_eq!(visitor.push(&there, blob).unwrap(), Landed::Uploaded, "{name}");
            assert_eq!(
                visitor.pull(&there, &blob.descriptor).unwrap(),
                blob.bytes,
                "{name}"
            );
        }
        if let Some(registry) = &stage.scripted {
            let asked = [&one, &two].map(|blob| registry.count("HEAD", &blob.descriptor.digest.hex()));
            assert_eq!(asked, if stage.mounts { [0, 0] } else { [1, 1] }, "{name}");
        }
        // What is there is found, whichever way it is asked for.
        for blob in [&one, &two] {
            assert_eq!(visitor.push(&there, blob).unwrap(), Landed::Present, "{name}");
        }
    }
}

#[test]
fn a_blob_that_is_refused_whole_arrives_in_chunks() {
    // More than two chunks, the last one short.
    let blob = Blob::new("application/octet-stream", images::noise("chunks", (9 << 20) + 1));
    for stage in Stage::all_scripted() {
        let registry = stage.scripted.as_ref().unwrap();
        registry.fault(
            On::method("PUT").path("/blobs/uploads/"),
            Fault::RefusesWhole(413),
        );
        let place = repository(&stage.host, "range");
        assert_eq!(
            stage.visitor.push(&place, &blob).unwrap(),
            Landed::Uploaded,
            "{}",
            stage.name
        );
        assert_eq!(
            registry.blob("range", &blob.descriptor.digest).unwrap(),
            blob.bytes
        );
        assert!(
            registry.count("PATCH", "/range/blobs/uploads/") >= 3,
            "{}",
            stage.name
        );
        assert_eq!(registry.bad_pushes(), 0);
    }
}

#[test]
fn a_signature_is_found_again_where_it_was_brought() {
    let upstream = TestRegistry::start();
    let app = image().layer("a", 100).build();
    let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let signature = images::referrer(&app, kind, "signed by upstream");
    upstream.seed("team/app", &signature);
    let name = upstream.seed("team/app:1", &app);
    let program = Program::new();
    program.export(&[&name], &[]).ended_with(0);
    for stage in Stage::all() {
        let place = format!("team/{}/team/app", upstream.host().replace(':', "-"));
        if let Some(registry) = &stage.scripted {
            registry.make_repository(&place);
        }
        let target = format!("{}/team", stage.host);
        let mut more = Vec::new();
        if let Some((user, password)) = stage.login {
            let login = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            let text = serde_json::json!({"auths": {&stage.host: {"auth": login}}}).to_string();
            carrack::fsx::write(&program.path("auth.json"), text.as_bytes()).unwrap();
            more.extend(["--authfile", "auth.json"]);
        }
        for outcome in ["done", "present"] {
            let ran = program.import(&target, &more).ended_with(0);
            assert_eq!(ran.row("app")["outcome"], outcome, "{}", stage.name);
        }
        let place = repository(&stage.host, &place);
        let visitor = &stage.visitor;
        let listed = visitor
            .ask(visitor.client.referrers(&place, &app.digest))
            .unwrap();
        let found: Vec<_> = listed
            .iter()
            .map(|d| (d.digest, d.artifact_type.as_deref()))
            .collect();
        assert_eq!(found, [(signature.digest, Some(kind))], "{}", stage.name);
        let manifest = visitor.ask(visitor.client.manifest(&place, &signature.digest.into()));
        assert_eq!(manifest.unwrap().bytes, signature.manifest);
    }
}

#[test]
fn a_registry_that_makes_no_repositories_says_so() {
    let stage = Stage::like(Profile::Amazon);
    let blob = Blob::new("application/octet-stream", b"content".to_vec());
    let error = stage
        .visitor
        .push(&repository(&stage.host, "new/one"), &blob)
        .unwrap_err();
    assert!(error.to_string().contains("name unknown"), "{error}");
    assert!(!error.is_transient());
}

#[test]
fn a_blob_is_resumed_from_any_offset() {
    everywhere(|visitor, host| {
        let blob = Blob::new("application/octet-stream", images::noise("range", 100_000));
        let repository = repository(host, "range");
        visitor.push(&repository, &blob).unwrap();
        for offset in [0, 1, 65_536, 99_999, 100_000] {
            let (start, bytes) = visitor.ask(async {
                let mut stream = visitor
                    .client
                    .blob(&repository, &blob.descriptor, offset)
                    .await
                    .unwrap();
                let mut bytes = Vec::new();
                while let Some(chunk) = stream.chunk().await.unwrap() {
                    bytes.extend_from_slice(&chunk);
                }
                (stream.offset(), bytes)
            });
            assert_eq!(start, offset);
            assert_eq!(bytes, blob.bytes[usize::try_from(offset).unwrap()..]);
        }
    });
}

#[test]
fn what_is_not_there_is_absent_and_no_other_error() {
    everywhere(|visitor, host| {
        let blob = Blob::new("application/octet-stream", b"not there".to_vec());
        let known = repository(host, "known");
        visitor.push_image(&known, &image().build(), &tag("1"));
        for repository in [&known, &repository(host, "unknown")] {
            let error = visitor
                .ask(visitor.client.manifest(repository, &tag("2")))
                .unwrap_err();
            assert!(error.is_absent() && !error.is_transient(), "{error}");
            assert_eq!(error.tries(), 1);
            let head = visitor.ask(visitor.client.head_manifest(repository, &tag("2")));
            assert_eq!(head.unwrap(), None);
            let error = visitor.pull(repository, &blob.descriptor).unwrap_err();
            assert!(error.is_absent(), "{error}");
        }
        let error = visitor
            .ask(visitor.client.tags(&repository(host, "unknown")))
            .unwrap_err();
        assert!(error.is_absent(), "{error}");
    });
}

#[test]
fn all_tags_are_listed() {
    everywhere(|visitor, host| {
        let repository = repository(host, "tags");
        let image = image().build();
        let names: Vec<Tag> = ["1.0", "1.1", "latest", "v2_build"]
            .iter()
            .map(|t| t.parse().unwrap())
            .collect();
        for name in &names {
            visitor.push_image(&repository, &image, &TagOrDigest::Tag(name.clone()));
        }
        assert_eq!(visitor.ask(visitor.client.tags(&repository)).unwrap(), names);
    });
}

#[test]
fn a_sha512_blob_keeps_its_name() {
    everywhere(|visitor, host| {
        let bytes = Bytes::from_static(b"sixty-four bytes of hash");
        let digest = Digest::of(Algorithm::Sha512, &bytes);
        let descriptor = Descriptor::new("application/octet-stream", digest, bytes.len() as u64);
        let blob = Blob { descriptor, bytes };
        let repository = repository(host, "long");
        visitor.push(&repository, &blob).unwrap();
        assert_eq!(visitor.pull(&repository, &blob.descriptor).unwrap(), blob.bytes);
    });
}

#[test]
fn the_registry_answers_a_ping_and_wrong_passwords_are_refused() {
    everywhere(|visitor, host| visitor.ask(visitor.client.ping(host)).unwrap());
    let refuse = |host: &str| {
        for visitor in [Visitor::anonymous(), Visitor::named(host, "me", "wrong")] {
            let error = visitor.ask(visitor.client.ping(host)).unwrap_err();
            assert!(error.is_unauthorized() && !error.is_transient(), "{error}");
            assert!(!format!("{error} {error:?}").contains("wrong"), "{error:?}");
        }
    };
    refuse(&TestRegistry::start_as(Mode::basic("me", "secret")).host());
    refuse(&TestRegistry::start_as(Mode::bearer_for("me", "secret")).host());
    if let Some(real) = DockerRegistry::start_with_password("me", "secret") {
        refuse(&real.host());
    }
}
