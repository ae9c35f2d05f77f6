//! Pushing through faults and dialects: the image arrives byte for byte, or the run says why not.

use std::sync::Arc;

use bytes::Bytes;
use carrack::http::BytesSource;
use carrack::registry::{Error, Kind, Landed, Pushed, TagOrDigest};

use crate::conformance::{Visitor, repository, tag};
use crate::registry_pull::visitor;
use crate::support::images::{Blob, image, noise};
use crate::support::registry::{Fault, Mode, On, TestRegistry};

fn blob(size: usize) -> Blob {
    Blob::new("application/octet-stream", noise("push", size))
}

fn push(
    visitor: &Visitor,
    registry: &TestRegistry,
    blob: &Blob,
    mount_from: Option<&str>,
) -> Result<Pushed, Error> {
    let host = registry.host();
    let app = repository(&host, "app");
    let from = mount_from.map(|path| repository(&host, path));
    let source = Arc::new(BytesSource(blob.bytes.clone()));
    visitor.ask(
        visitor
            .client
            .push_blob(&app, &blob.descriptor, source, from.as_ref()),
    )
}

fn assert_arrives(registry: &TestRegistry, visitor: &Visitor, blob: &Blob) {
    let pushed = push(visitor, registry, blob, None).unwrap();
    assert_eq!(pushed.landed, Landed::Uploaded);
    assert_eq!(
        registry.blob("app", &blob.descriptor.digest).as_deref(),
        Some(&blob.bytes[..])
    );
}

#[test]
fn a_blob_goes_up_in_three_requests() {
    let registry = TestRegistry::start();
    assert_arrives(&registry, &visitor(), &blob(100_000));
    let methods: Vec<_> = registry
        .requests()
        .into_iter()
        .map(|request| request.method)
        .collect();
    assert_eq!(methods, ["HEAD", "POST", "PUT"]);
    assert_eq!(registry.requests()[2].header("content-length"), Some("100000"));
    assert_eq!(registry.requests()[2].header("transfer-encoding"), None);
}

#[test]
fn a_blob_whose_size_the_registry_does_not_tell_is_there() {
    let registry = TestRegistry::start();
    let blob = blob(9000);
    assert_arrives(&registry, &visitor(), &blob);
    registry.fault(On::method("HEAD").path("/blobs/"), Fault::NoLength);
    registry.clear_log();
    let pushed = push(&visitor(), &registry, &blob, None).unwrap();
    assert_eq!((pushed.landed, registry.asked().len()), (Landed::Present, 1));
    let mut other = blob;
    other.descriptor.size += 1;
    registry.mend();
    assert!(
        push(&visitor(), &registry, &other, None).is_err(),
        "it is sent anew"
    );
}

#[test]
fn an_empty_blob_goes_up_too() {
    let registry = TestRegistry::start();
    assert_arrives(&registry, &visitor(), &blob(0));
}

#[test]
fn a_whole_blob_that_is_too_much_goes_up_in_chunks_and_so_do_the_next_ones() {
    let registry = TestRegistry::start();
    let visitor = visitor();
    registry.fault(On::method("PUT"), Fault::RefusesWhole(413));
    assert_arrives(&registry, &visitor, &blob(9 << 20));
    let patches = registry.requests();
    let ranges: Vec<_> = patches.iter().filter_map(|r| r.header("content-range")).collect();
    assert_eq!(ranges, ["0-4194303", "4194304-8388607", "8388608-9437183"]);
    registry.clear_log();
    assert_arrives(&registry, &visitor, &blob(1000));
    let methods: Vec<_> = registry
        .requests()
        .into_iter()
        .map(|request| request.method)
        .collect();
    assert_eq!(methods, ["HEAD", "POST", "PATCH", "PUT", "HEAD"]);
}

#[test]
fn github_takes_four_mebibytes_at_a_time_and_smaller_caps_are_found() {
    let registry = TestRegistry::start();
    registry.fault(On::method("PUT"), Fault::RefusesWhole(413));
    registry.fault(On::method("PATCH"), Fault::ChunkCap(1 << 20));
    assert_arrives(&registry, &visitor(), &blob(3_000_000));
    assert_eq!(registry.count("PATCH", "/uploads/"), 5);
}

#[test]
fn ranges_that_stick_or_count_within_the_chunk_do_not_stop_an_upload() {
    for dialect in [Fault::StaleRange, Fault::RangeOfChunk] {
        let registry = TestRegistry::start();
        registry.fault(On::method("PUT"), Fault::RefusesWhole(413));
        registry.fault(On::any().path("/blobs/uploads/"), dialect);
        assert_arrives(&registry, &visitor(), &blob(13 << 20));
    }
}

#[test]
fn relative_locations_are_followed() {
    let registry = TestRegistry::start();
    registry.fault(On::any(), Fault::RelativeLocation);
    registry.fault(On::method("PUT"), Fault::RefusesWhole(413));
    assert_arrives(&registry, &visitor(), &blob(5 << 20));
}

#[test]
fn an_upload_that_the_registry_lost_begins_again() {
    for method in ["PUT", "PATCH"] {
        let registry = TestRegistry::start();
        if method == "PATCH" {
            registry.fault(On::method("PUT"), Fault::RefusesWhole(413));
        }
        let skip = u32::from(method == "PATCH");
        registry.fault(On::method(method).after(skip).once(), Fault::LosesUpload);
        assert_arrives(&registry, &visitor(), &blob(5 << 20));
    }
}

#[test]
fn an_upload_that_breaks_off_is_repeated_and_at_the_second_time_chunked() {
    let registry = TestRegistry::start();
    registry.fault(On::method("PUT").once(), Fault::CutUploadAfter(1 << 20));
    assert_arrives(&registry, &visitor(), &blob(6 << 20));
    assert_eq!(registry.count("PATCH", "/uploads/"), 0);
    let registry = TestRegistry::start();
    registry.fault(On::method("PUT").times(2), Fault::CutUploadAfter(1 << 20));
    assert_arrives(&registry, &visitor(), &blob(6 << 20));
    assert_eq!(registry.count("PATCH", "/uploads/"), 2);
}

#[test]
fn an_abandoned_session_is_given_back() {
    let registry = TestRegistry::start();
    registry.fault(On::method("PUT"), Fault::status(403, "DENIED"));
    let error = push(&visitor(), &registry, &blob(1000), None).unwrap_err();
    assert!(
        error.is_unauthorized() && error.to_string().contains("DENIED"),
        "{error}"
    );
    assert_eq!(registry.count("DELETE", "/uploads/"), 1);
}

#[test]
fn a_registry_that_confirms_and_does_not_store_is_found_out() {
    let registry = TestRegistry::start();
    registry.fault(On::method("PUT"), Fault::RefusesWhole(413));
    registry.fault(On::method("PUT"), Fault::LiesStored);
    let error = push(&visitor(), &registry, &blob(1000), None).unwrap_err();
    assert!(matches!(error.kind(), Kind::NotStored), "{error}");
}

#[test]
fn a_mount_that_is_refused_becomes_an_upload() {
    let refusals = [
        Fault::status(403, "DENIED"),
        Fault::status(404, "NAME_UNKNOWN"),
        Fault::status(405, "UNSUPPORTED"),
    ];
    for refusal in refusals {
        let registry = TestRegistry::start();
        registry.fault(On::method("POST").once(), refusal);
        let pushed = push(&visitor(), &registry, &blob(1000), Some("other")).unwrap();
        assert_eq!(pushed.landed, Landed::Uploaded);
    }
    // 202 with a session: the registry would rather have the bytes, and the session is used.
    let registry = TestRegistry::start();
    push(&visitor(), &registry, &blob(1000), Some("other")).unwrap();
    assert_eq!(registry.count("POST", "/uploads/"), 1);
}

#[test]
fn nothing_is_mounted_across_registries() {
    let registry = TestRegistry::start();
    let visitor = visitor();
    let blob = blob(10);
    let from = repository("quay.io", "a");
    let source = Arc::new(BytesSource(blob.bytes.clone()));
    let app = repository(&registry.host(), "app");
    let pushed = visitor
        .client
        .push_blob(&app, &blob.descriptor, source, Some(&from));
    visitor.ask(pushed).unwrap();
    assert!(!registry.asked().iter().any(|asked| asked.contains("mount=")));
}

#[test]
fn a_token_that_ends_in_the_middle_of_an_upload_is_renewed_once() {
    let registry = TestRegistry::start_as(Mode::Bearer {
        login: Some(("me".into(), "secret".into())),
        anonymous_pull: false,
        identity: None,
        uses: 2,
        realm: None,
    });
    let visitor = Visitor::named(&registry.host(), "me", "secret");
    registry.fault(On::method("PUT"), Fault::RefusesWhole(413));
    assert_arrives(&registry, &visitor, &blob(20 << 20));
    assert!(registry.count("GET", "/token") >= 4);
}

#[test]
fn a_manifest_is_pushed_as_it_is_or_not_at_all() {
    let registry = TestRegistry::start();
    let visitor = visitor();
    let app = repository(&registry.host(), "app");
    let image = image().layer("a", 100).build();
    let (one, digest) = (tag("1"), image.digest.into());
    let push = |at: &TagOrDigest| {
        visitor.ask(
            visitor
                .client
                .push_manifest(&app, &image.manifest, &image.media_type, at),
        )
    };
    // Whole before visible: without its blobs the registry refuses it.
    let error = push(&one).unwrap_err();
    assert_eq!(error.code(), Some("MANIFEST_BLOB_UNKNOWN"));
    assert!(!error.is_absent());
    for blob in &image.blobs {
        visitor.push(&app, blob).unwrap();
    }
    registry.fault(On::method("PUT").once(), Fault::status(503, ""));
    push(&one).unwrap();
    assert_eq!(registry.manifest("app", "1").unwrap().0, image.manifest);
    registry.fault(On::method("PUT"), Fault::WrongDigestHeader);
    let error = push(&one).unwrap_err();
    assert!(matches!(error.kind(), Kind::DigestMismatch { .. }), "{error}");
    let other = Bytes::from_static(b"{}");
    let wrong = visitor
        .client
        .push_manifest(&app, &other, &image.media_type, &digest);
    assert!(visitor.ask(wrong).unwrap_err().is_wrong_content());
}

#[test]
fn a_file_that_shrinks_under_an_upload_is_an_error_of_the_source() {
    let registry = TestRegistry::start();
    let mut blob = blob(100_000);
    blob.bytes = blob.bytes.slice(..50_000);
    let error = push(&visitor(), &registry, &blob, None).unwrap_err();
    assert!(
        error.to_string().contains("cannot read what is to be sent"),
        "{error}"
    );
    assert!(!error.is_transient());
    assert_eq!(registry.blob("app", &blob.descriptor.digest), None);
}
