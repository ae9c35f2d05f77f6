//! Any bytes are a chart or an error; a chart's name and the names of its files lead nowhere else.

use std::io::Write as _;

use carrack::chartrepo::Archive;
use carrack::helm::{Chart, Limits, load_archive_within};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::tar::with_checksums;

/// Bytes that begin as gzip are an archive; all others are the tar within one, whose checksums are put right, so that a
/// change of a byte is a change of a name, a size or a kind.
pub(super) fn check(data: &[u8]) {
    let archive = if data.starts_with(&[0x1f, 0x8b]) {
        data.to_vec()
    } else {
        gzip(&with_checksums(data))
    };
    let limits = Limits {
        file_bytes: 1 << 20,
        chart_bytes: 4 << 20,
        files: 1_000,
        ..Limits::default()
    };
    if let Ok(chart) = load_archive_within(&archive, &limits) {
        sound(&chart);
    }
    if let Ok(looked) = Archive::read(&archive) {
        assert!(!looked.metadata.is_empty() || looked.name.is_empty());
    }
}

fn sound(chart: &Chart) {
    let name = chart.name();
    assert!(
        !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0']),
        "{name:?}"
    );
    for file in chart.templates.iter().chain(&chart.files).chain(&chart.raw) {
        let parts = || file.name.split(['/', '\\']);
        assert!(
            !file.name.is_empty() && !file.name.starts_with('/'),
            "{:?}",
            file.name
        );
        assert!(parts().all(|part| part != ".."), "{:?}", file.name);
    }
    for crd in chart.crds() {
        assert!(crd.name.starts_with("crds/"), "{:?}", crd.name);
    }
    for below in &chart.dependencies {
        sound(below);
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("a vector takes every byte");
    encoder.finish().expect("a vector takes every byte")
}
