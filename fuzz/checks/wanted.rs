//! Any log is read, and what is wanted can be asked for.

use carrack::mirrors::wanted::Reader;
use carrack::mirrors::{Mapping, Place};

pub(super) fn check(data: &[u8]) {
    for mapping in [Mapping::new(Place::ByHost), Mapping::new(Place::AtRoot)] {
        let mut reader = Reader::new(&mapping);
        if let Ok(document) = serde_json::from_slice(data) {
            reader.document("events.json", &document);
        }
        let text = String::from_utf8_lossy(data);
        for line in text.lines() {
            reader.line("node.log", line);
        }
        let wanted = reader.finish();
        for (reference, want) in &wanted.images {
            assert_eq!(reference.to_string().parse().as_ref(), Ok(reference));
            assert!(want.times > 0 && !want.by.is_empty() && want.by.len() <= 3);
        }
        for name in wanted.unplaced.keys() {
            assert!(!name.chars().any(char::is_control), "{name:?}");
        }
        assert!(!wanted.is_empty() || wanted.images.is_empty());
    }
}
