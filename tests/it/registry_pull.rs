//! Pulling through faults: nothing wrong is ever given out as right, and what can be had is had.

use std::time::{Duration, Instant};

use carrack::credentials::Store;
use carrack::digest::Digest;
use carrack::http::{Retry, Settings};
use carrack::observe::Event;
use carrack::oci::Descriptor;
use carrack::registry::{Error, Kind};

use crate::conformance::{Visitor, repository, tag};
use crate::support::images::{Blob, Image, image, noise};
use crate::support::registry::{Fault, On, TestRegistry};

/// The usual settings with pauses and limits that a test can wait for.
pub(crate) fn hurried() -> Settings {
    Settings {
        retry: Retry {
            tries: 6,
            first_pause: Duration::from_millis(4),
            longest_pause: Duration::from_millis(20),
            budget: Duration::from_secs(3),
        },
        stall_timeout: Duration::from_millis(400),
        answer_timeout: Duration::from_millis(800),
        ..Settings::default()
    }
}

pub(crate) fn visitor() -> Visitor {
    Visitor::with(hurried(), Store::anonymous())
}

/// A registry with one image that has one layer of 60 kB.
fn seeded() -> (TestRegistry, Image) {
    let registry = TestRegistry::start();
    let image = image().layer("big", 60_000).build();
    registry.seed("app:1", &image);
    (registry, image)
}

/// Reads a blob from `offset`: where it began, what came, and how it ended.
fn read(
    visitor: &Visitor,
    host: &str,
    descriptor: &Descriptor,
    offset: u64,
) -> (u64, Vec<u8>, Result<(), Error>) {
    visitor.ask(async {
        let mut bytes = Vec::new();
        let repository = repository(host, "app");
        let mut blob = match visitor.client.blob(&repository, descriptor, offset).await {
            Ok(blob) => blob,
            Err(error) => return (0, bytes, Err(error)),
        };
        loop {
            match blob.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => return (blob.offset(), bytes, Ok(())),
                Err(error) => return (blob.offset(), bytes, Err(error)),
            }
        }
    })
}

#[test]
fn a_blob_cut_short_is_resumed_from_where_it_stopped() {
    let (registry, image) = seeded();
    let visitor = visitor();
    let layer = &image.layers()[0];
    registry.fault(On::get_blob().once(), Fault::CutAfter(10_000));
    let (_, mut bytes, ended) = read(&visitor, &registry.host(), &layer.descriptor, 0);
    let error = ended.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(
        error.to_string().contains("ended the body after 10000 of"),
        "{error}"
    );
    let (start, rest, ended) = read(&visitor, &registry.host(), &layer.descriptor, 10_000);
    ended.unwrap();
    assert_eq!(start, 10_000);
    bytes.extend(rest);
    assert_eq!(bytes, layer.bytes);
    assert_eq!(registry.ranges_asked(&layer.descriptor.digest), ["0-", "10000-"]);
}

#[test]
fn a_server_that_ignores_the_range_is_read_from_the_start() {
    let (registry, image) = seeded();
    let layer = &image.layers()[0];
    registry.fault(On::get_blob(), Fault::IgnoresRange);
    let (start, bytes, ended) = read(&visitor(), &registry.host(), &layer.descriptor, 10_000);
    ended.unwrap();
    assert_eq!((start, bytes.as_slice()), (0, &layer.bytes[..]));
}

#[test]
fn a_range_that_is_not_the_one_asked_for_is_never_appended() {
    for wrong in [
        "bytes 0-60499/60500",
        "bytes 10001-9/10",
        "bytes 10000-20000/20001",
        "items 1-2/3",
        "",
    ] {
        let (registry, image) = seeded();
        let layer = &image.layers()[0];
        registry.fault(On::get_blob().once(), Fault::WrongRange(wrong));
        let (start, bytes, ended) = read(&visitor(), &registry.host(), &layer.descriptor, 10_000);
        ended.unwrap();
        assert_eq!((start, bytes.as_slice()), (0, &layer.bytes[..]), "{wrong}");
        assert_eq!(registry.ranges_asked(&layer.descriptor.digest), ["10000-", "0-"]);
    }
}

#[test]
fn an_early_clean_end_is_a_short_read_and_not_the_blob() {
    let (registry, image) = seeded();
    registry.fault(On::get_blob(), Fault::CleanEndAfter(5_000));
    let (_, bytes, ended) = read(&visitor(), &registry.host(), &image.layers()[0].descriptor, 0);
    let error = ended.unwrap_err();
    assert_eq!(bytes.len(), 5_000);
    assert!(
        error.is_transient() && error.to_string().contains("after 5000 of"),
        "{error}"
    );
}

#[test]
fn a_body_of_another_length_is_refused() {
    for fault in [Fault::ExtraBytes(1), Fault::WrongLength] {
        let (registry, image) = seeded();
        registry.fault(On::get_blob(), fault);
        let (_, _, ended) = read(&visitor(), &registry.host(), &image.layers()[0].descriptor, 0);
        let error = ended.unwrap_err();
        assert!(matches!(error.kind(), Kind::SizeMismatch { .. }), "{error}");
        assert!(error.is_wrong_content());
    }
}

#[test]
fn wrong_bytes_are_refused_after_one_more_try() {
    let (registry, image) = seeded();
    let visitor = visitor();
    let config = &image.blobs[0].descriptor;
    let app = repository(&registry.host(), "app");
    registry.fault(On::get_blob().once(), Fault::WrongBytes);
    let bytes = visitor
        .ask(visitor.client.blob_bytes(&app, config, 1 << 20))
        .unwrap();
    assert_eq!(bytes, image.blobs[0].bytes);
    registry.fault(On::get_blob(), Fault::WrongBytes);
    registry.clear_log();
    let error = visitor
        .ask(visitor.client.blob_bytes(&app, config, 1 << 20))
        .unwrap_err();
    assert!(matches!(error.kind(), Kind::DigestMismatch { .. }), "{error}");
    assert_eq!((error.tries(), registry.count("GET", "/blobs/")), (2, 2));
}

#[test]
fn a_body_that_is_encoded_on_the_way_is_refused() {
    let (registry, image) = seeded();
    registry.fault(On::any(), Fault::Encoded);
    let visitor = visitor();
    let (_, _, ended) = read(&visitor, &registry.host(), &image.layers()[0].descriptor, 0);
    assert!(matches!(ended.unwrap_err().kind(), Kind::Encoded { .. }));
    let manifest = visitor.manifest(&registry.host(), &tag("1"));
    assert!(matches!(manifest.unwrap_err().kind(), Kind::Encoded { .. }));
    assert_eq!(registry.requests()[0].header("accept-encoding"), Some("identity"));
}

#[test]
fn a_server_that_falls_silent_is_given_up_in_time() {
    let (registry, image) = seeded();
    let once = Settings {
        retry: Retry::NEVER,
        ..hurried()
    };
    let visitor = Visitor::with(once, Store::anonymous());
    registry.fault(On::get_blob(), Fault::Stall(Duration::from_secs(20)));
    registry.fault(On::get_manifest(), Fault::Silence(Duration::from_secs(20)));
    let started = Instant::now();
    let (_, bytes, ended) = read(&visitor, &registry.host(), &image.layers()[0].descriptor, 0);
    let error = ended.unwrap_err();
    assert!(
        error.to_string().contains("stood still") && error.is_transient(),
        "{error}"
    );
    assert!(!bytes.is_empty());
    let manifest = visitor.manifest(&registry.host(), &tag("1"));
    let error = manifest.unwrap_err();
    assert!(
        error.to_string().contains("gave no answer") && !error.is_transient(),
        "{error}"
    );
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_busy_registry_is_waited_for_and_the_wait_is_told() {
    let faults = [
        Fault::status(429, "TOOMANYREQUESTS"),
        Fault::status(429, "TOOMANYREQUESTS").retry_after("soon"),
        Fault::status(503, "").retry_after("1"),
        Fault::HtmlErrorBody(502),
        Fault::HugeErrorBody(500),
        Fault::TextErrorBody(504, "upstream timed out"),
    ];
    for fault in faults {
        let (registry, _) = seeded();
        let visitor = visitor();
        let app = repository(&registry.host(), "app");
        registry.fault(On::get_manifest().times(2), fault.clone());
        visitor.ask(visitor.client.manifest(&app, &tag("1"))).unwrap();
        let waits = visitor.recorder.events();
        let waits: Vec<_> = waits
            .iter()
            .filter(|event| matches!(event, Event::Waiting { .. }))
            .collect();
        assert_eq!(waits.len(), 2, "{fault:?}");
        if let Fault::Status {
            retry_after: Some("1"),
            ..
        } = fault
        {
            assert!(matches!(waits[0], Event::Waiting { pause, .. } if *pause >= Duration::from_secs(1)));
        }
    }
}

#[test]
fn a_registry_that_asks_for_hours_is_not_waited_for() {
    let (registry, _) = seeded();
    let visitor = visitor();
    registry.fault(
        On::get_manifest(),
        Fault::status(429, "TOOMANYREQUESTS").retry_after("21600"),
    );
    let started = Instant::now();
    let manifest = visitor.manifest(&registry.host(), &tag("1"));
    let error = manifest.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(21_600)));
    assert_eq!((error.code(), error.tries()), (Some("TOOMANYREQUESTS"), 1));
    assert!(
        !error.is_transient(),
        "the client has decided; nobody is to sleep for six hours"
    );
    assert!(
        error
            .to_string()
            .contains("429 Too Many Requests (TOOMANYREQUESTS: toomanyrequests)"),
        "{error}"
    );
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_404_that_no_registry_wrote_is_not_taken_for_an_absent_image() {
    for fault in [
        Fault::HtmlErrorBody(404),
        Fault::status(404, ""),
        Fault::TextErrorBody(404, "404 page not found"),
    ] {
        let (registry, _) = seeded();
        registry.fault(On::get_manifest(), fault);
        let visitor = visitor();
        let manifest = visitor.manifest(&registry.host(), &tag("1"));
        let error = manifest.unwrap_err();
        assert!(!error.is_absent() && !error.is_transient(), "{error}");
    }
}

#[test]
fn a_manifest_whose_digest_is_not_the_one_asked_for_is_refused() {
    let cases = [
        (Fault::WrongBytes, true),
        (Fault::WrongDigestHeader, true),
        (Fault::NoDigestHeader, false),
    ];
    for (fault, refused) in cases {
        let (registry, image) = seeded();
        let visitor = visitor();
        registry.fault(On::get_manifest(), fault.clone());
        for at in [tag("1"), image.digest.into()] {
            let manifest = visitor.manifest(&registry.host(), &at);
            match manifest {
                Ok(manifest) => assert!(!refused && manifest.digest == image.digest, "{fault:?}"),
                Err(error) => {
                    assert!(refused && error.is_wrong_content(), "{fault:?}: {error}");
                    assert_eq!(error.tries(), 2);
                }
            }
        }
    }
}

#[test]
fn hostile_manifests_are_refused_by_name() {
    let index = "application/vnd.oci.image.index.v1+json";
    let oci = "application/vnd.oci.image.manifest.v1+json";
    let huge = [
        br#"{"schemaVersion":2,"layers":[],"x":""#.to_vec(),
        vec![b'x'; 9 << 20],
        b"\"}".to_vec(),
    ]
    .concat();
    let deep = "[".repeat(100_000);
    let cases: [(&str, &[u8], &str); 7] = [
        (oci, br#"{"schemaVersion":2,"manifests":[],"layers":[]}"#, "both"),
        (
            oci,
            br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#,
            "calls itself",
        ),
        (
            index,
            br#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#,
            "not well-formed",
        ),
        (oci, &huge, "longer than"),
        (oci, deep.as_bytes(), "not well-formed"),
        (
            oci,
            br#"{"layers":[{"digest":"sha256:../../etc/passwd","size":1}]}"#,
            "not well-formed",
        ),
        (
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            b"{}",
            "schema 1",
        ),
    ];
    for (media_type, bytes, expected) in cases {
        let registry = TestRegistry::start();
        registry.seed_manifest("app", "1", media_type, bytes);
        let visitor = visitor();
        let manifest = visitor.manifest(&registry.host(), &tag("1"));
        let error = manifest.unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_manifest_of_an_unknown_type_is_carried_as_it_is() {
    let registry = TestRegistry::start();
    registry.seed_manifest(
        "app",
        "1",
        "application/vnd.example.thing+json",
        br#"{"thing":1}"#,
    );
    let visitor = visitor();
    let manifest = visitor.manifest(&registry.host(), &tag("1"));
    let manifest = manifest.unwrap();
    assert_eq!(manifest.media_type, "application/vnd.example.thing+json");
    assert_eq!(manifest.digest, Digest::sha256(br#"{"thing":1}"#));
}

#[test]
fn a_type_that_the_document_does_not_claim_is_refused() {
    let (registry, _) = seeded();
    registry.fault(
        On::get_manifest(),
        Fault::ContentType("application/vnd.oci.image.index.v1+json"),
    );
    let error = visitor().manifest(&registry.host(), &tag("1")).unwrap_err();
    assert!(error.to_string().contains("calls itself"), "{error}");
    // Parameters of the type and its absence are no contradiction.
    for harmless in [
        "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
        "application/json",
        "",
    ] {
        registry.mend();
        registry.fault(On::get_manifest(), Fault::ContentType(harmless));
        visitor().manifest(&registry.host(), &tag("1")).unwrap();
    }
}

#[test]
fn a_blob_that_the_registry_lost_is_absent() {
    let (registry, image) = seeded();
    let visitor = visitor();
    let app = repository(&registry.host(), "app");
    let layer = &image.layers()[0].descriptor;
    assert!(visitor.ask(visitor.client.has_blob(&app, layer)).unwrap());
    registry.forget_blob("app", &layer.digest);
    assert!(!visitor.ask(visitor.client.has_blob(&app, layer)).unwrap());
    assert!(visitor.pull(&app, layer).unwrap_err().is_absent());
}

#[test]
fn the_accept_header_lists_every_type() {
    let (registry, _) = seeded();
    let visitor = visitor();
    visitor.manifest(&registry.host(), &tag("1")).unwrap();
    let requests = registry.requests();
    let accept = requests[0].header("accept").unwrap();
    for media_type in carrack::oci::media_type::ACCEPTED {
        assert!(accept.contains(media_type), "{accept}");
    }
}

#[test]
fn a_host_that_refuses_connections_or_has_no_name_fails_fast_and_clearly() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap().to_string();
    drop(listener);
    let visitor = Visitor::anonymous();
    let started = Instant::now();
    let error = visitor.manifest(&closed, &tag("1")).unwrap_err();
    assert!(error.to_string().contains("nothing listens there"), "{error}");
    assert_eq!(error.tries(), 3);
    assert!(started.elapsed() < Duration::from_secs(3));
    let name = "registry.does-not-exist.invalid";
    let error = visitor.ask(visitor.client.ping(name)).unwrap_err();
    assert!(error.to_string().contains("cannot be resolved"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_question_that_is_dropped_gives_its_place_back() {
    let (registry, image) = seeded();
    let narrow = Settings {
        requests_per_host: 1,
        ..hurried()
    };
    let visitor = Visitor::with(narrow, Store::anonymous());
    let app = repository(&registry.host(), "app");
    registry.fault(On::get_blob().once(), Fault::Stall(Duration::from_secs(20)));
    visitor.ask(async {
        let layer = &image.layers()[0].descriptor;
        let blob = visitor.client.blob(&app, layer, 0).await.unwrap();
        let second = tokio::time::timeout(
            Duration::from_millis(200),
            visitor.client.manifest(&app, &tag("1")),
        )
        .await;
        assert!(second.is_err(), "one request at a time");
        drop(blob);
        visitor.client.manifest(&app, &tag("1")).await.unwrap();
    });
}

#[test]
fn connections_are_used_again() {
    let registry = TestRegistry::start();
    let visitor = visitor();
    let app = repository(&registry.host(), "app");
    let blobs: Vec<_> = (0..50)
        .map(|n| Blob::new("x/y", noise(&n.to_string(), 500)))
        .collect();
    for blob in &blobs {
        visitor.push(&app, blob).unwrap();
    }
    for blob in &blobs {
        assert_eq!(visitor.pull(&app, &blob.descriptor).unwrap(), blob.bytes);
    }
    // 200 requests; now and then one starts before the last connection is back in the pool.
    assert!(
        registry.connections() < 20,
        "{} connections",
        registry.connections()
    );
}

#[test]
fn tags_come_in_pages_and_a_loop_ends() {
    let registry = TestRegistry::start();
    let image = image().build();
    for n in 0..7 {
        registry.seed(&format!("app:v{n}"), &image);
    }
    registry.set_page_size(2);
    let visitor = visitor();
    let app = repository(&registry.host(), "app");
    let tags = visitor.ask(visitor.client.tags(&app)).unwrap();
    assert_eq!(tags.len(), 7);
    assert_eq!(registry.count("GET", "/tags/list"), 4);
    registry.fault(
        On::any(),
        Fault::LinkTo(format!("{}/v2/app/tags/list?n=1000", registry.url())),
    );
    let error = visitor.ask(visitor.client.tags(&app)).unwrap_err();
    assert!(matches!(error.kind(), Kind::Endless { .. }), "{error}");
}

#[test]
fn referrers_are_found_by_the_api_or_by_the_tag_that_stands_in_for_it() {
    let (registry, image) = seeded();
    let visitor = visitor();
    let app = repository(&registry.host(), "app");
    let descriptor = |digest: &Digest| format!(r#"{{"mediaType":"m/t","digest":"{digest}","size":2}}"#);
    let signature = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{c},"layers":[],"subject":{s}}}"#,
        c = descriptor(&Digest::sha256(b"{}")),
        s = descriptor(&image.digest)
    );
    let oci = "application/vnd.oci.image.manifest.v1+json";
    let digest = registry.seed_manifest("app", "signature", oci, signature.as_bytes());
    let found = visitor
        .ask(visitor.client.referrers(&app, &image.digest))
        .unwrap();
    assert_eq!(found.iter().map(|d| d.digest).collect::<Vec<_>>(), [digest]);
    // GitHub's registry and distribution have no such API.
    registry.set_referrers_api(false);
    let found = visitor
        .ask(visitor.client.referrers(&app, &image.digest))
        .unwrap();
    assert!(found.is_empty());
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptor(&digest));
    let fallback = image.digest.to_string().replace(':', "-");
    registry.seed_manifest(
        "app",
        &fallback,
        "application/vnd.oci.image.index.v1+json",
        index.as_bytes(),
    );
    let found = visitor
        .ask(visitor.client.referrers(&app, &image.digest))
        .unwrap();
    assert_eq!(found.iter().map(|d| d.digest).collect::<Vec<_>>(), [digest]);
    // Harbor before 2.8 answers 401 without a challenge. Someone new asks: who was told 404 does not ask again.
    let visitor = self::visitor();
    registry.fault(
        On::method("GET").path("/referrers/"),
        Fault::status(401, "UNAUTHORIZED"),
    );
    assert_eq!(
        visitor
            .ask(visitor.client.referrers(&app, &image.digest))
            .unwrap()
            .len(),
        1
    );
    // An error is no absence.
    registry.fault(On::get_manifest(), Fault::HtmlErrorBody(404));
    assert!(
        visitor
            .ask(visitor.client.referrers(&app, &image.digest))
            .is_err()
    );
}

/// A server that answers each connection with these bytes, whatever is asked.
fn parrot(answer: &'static str) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    host
}

#[test]
fn answers_that_bend_http_are_read_or_refused_and_never_crash() {
    // Docker Hub's guard against abuse once answered with bare line feeds.
    let host = parrot("HTTP/1.1 429 Too Many Requests\nRetry-After: 7200\nContent-Length: 4\n\nslow");
    let error = visitor().manifest(&host, &tag("1")).unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7200)), "{error}");
    for nonsense in [
        "",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let error = visitor().manifest(&parrot(nonsense), &tag("1")).unwrap_err();
        assert!(!error.is_absent(), "{nonsense}: {error}");
    }
}

#[test]
fn a_limit_of_pulls_that_is_nearly_reached_is_told_once() {
    let host = parrot(
        "HTTP/1.1 200 OK\r\nRateLimit-Remaining: 3;w=21600\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
    );
    let visitor = visitor();
    for _ in 0..2 {
        visitor.ask(visitor.client.ping(&host)).unwrap();
    }
    let told = visitor.recorder.events();
    let warnings: Vec<_> = told
        .iter()
        .filter(|event| matches!(event, Event::Warning { .. }))
        .collect();
    assert_eq!(warnings.len(), 1, "{told:?}");
}
