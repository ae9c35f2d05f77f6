//! Any bytes are a manifest, an index or an error, and never two things at once.

use std::collections::BTreeMap;

use carrack::digest::Algorithm;
use carrack::oci::{Attachment, Document};
use serde_json::value::RawValue;

/// What is before the first line break is the media type that a registry tells, if it is not empty.
pub(super) fn check(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (told, bytes) = end.map_or((&b""[..], data), |end| (&data[..end], &data[end + 1..]));
    let told = std::str::from_utf8(told).unwrap_or_default();
    let Ok(document) = Document::parse(bytes, (!told.is_empty()).then_some(told)) else {
        return;
    };
    // What nobody reads of a document may be no UTF-8; then there is nothing to compare it with.
    if let Ok(keys) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(bytes) {
        let has = |key: &str| keys.get(key).is_some_and(|value| value.get() != "null");
        assert!(
            !has("manifests") || !(has("layers") || has("config")),
            "two things at once"
        );
        assert!(!has("fsLayers"), "schema 1");
    } else {
        assert!(std::str::from_utf8(bytes).is_err(), "what was read is an object");
    }
    assert!(document.manifests.is_empty() || document.blobs.is_empty());
    for descriptor in document
        .manifests
        .iter()
        .chain(&document.blobs)
        .chain(&document.subject)
    {
        let text = descriptor.digest.to_string();
        assert_eq!(text.parse(), Ok(descriptor.digest));
        assert!(
            text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':'),
            "{text}"
        );
        for kind in [Attachment::List, Attachment::Signature] {
            // Only SHA-256 has room in a tag.
            let found = kind
                .tag(&descriptor.digest)
                .and_then(|tag| Attachment::of_tag(&tag));
            let is_whole = descriptor.digest.algorithm() == Algorithm::Sha256;
            assert_eq!(found, is_whole.then_some((descriptor.digest, kind)));
        }
    }
    // Asked again under the type that it was given, it is the same thing.
    let again = Document::parse(bytes, Some(&document.media_type));
    let plain =
        !document.media_type.contains([';', ' ']) && document.media_type.trim() == document.media_type;
    if plain && !document.media_type.is_empty() {
        assert_eq!(again.expect("the same document"), document);
    }
}
