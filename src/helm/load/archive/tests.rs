use std::io::Write;

use super::*;

/// A gzipped tar of these entries: kind, name as written into the header, content.
fn archive(entries: &[(tar::EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, name, data) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name_literal("/etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *data).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read_one(name: &str) -> Result<Vec<File>, Error> {
    read(
        &archive(&[(tar::EntryType::Regular, name, b"x")]),
        &Limits::default(),
    )
}

#[test]
fn the_first_component_goes_and_backslashes_are_slashes() {
    assert_eq!(
        read_one("chart/templates/a.yaml").unwrap()[0].name,
        "templates/a.yaml"
    );
    assert_eq!(
        read_one("chart\\templates\\a.yaml").unwrap()[0].name,
        "templates/a.yaml"
    );
    assert_eq!(read_one("chart/./a/../b").unwrap()[0].name, "b");
}

#[test]
fn names_that_leave_the_chart_are_refused() {
    for name in [
        "chart/../../x",
        "chart/..",
        "chart//etc/passwd",
        "chart/c:/x",
        "Chart.yaml",
        "x",
        "chart/..x",
    ] {
        assert!(
            matches!(read_one(name), Err(Error::IllegalName { .. })),
            "{name} was taken"
        );
    }
}

#[test]
fn links_and_devices_are_refused_by_name() {
    for kind in [
        tar::EntryType::Symlink,
        tar::EntryType::Link,
        tar::EntryType::Char,
        tar::EntryType::Fifo,
    ] {
        let found = read(&archive(&[(kind, "chart/values.yaml", b"")]), &Limits::default());
        assert!(
            matches!(found, Err(Error::ArchiveLink { .. })),
            "{kind:?} was taken"
        );
    }
}

#[test]
fn a_bomb_ends_at_the_limit() {
    // CVE-2025-32386: a small archive that grows without end.
    let zeros = vec![0; 6 << 20];
    let one = [(tar::EntryType::Regular, "chart/big", zeros.as_slice())];
    assert!(matches!(
        read(&archive(&one), &Limits::default()),
        Err(Error::FileTooLarge { .. })
    ));
    let limits = Limits {
        chart_bytes: 8 << 20,
        ..Limits::default()
    };
    let part = &zeros[..4 << 20];
    let many = [(tar::EntryType::Regular, "chart/big", part); 3];
    assert!(matches!(
        read(&archive(&many), &limits),
        Err(Error::ChartTooLarge { .. })
    ));
    let files = Limits {
        files: 2,
        ..Limits::default()
    };
    let small = [(tar::EntryType::Regular, "chart/a", b"x".as_slice()); 3];
    assert!(matches!(
        read(&archive(&small), &files),
        Err(Error::TooManyFiles { .. })
    ));
}

#[test]
fn what_is_no_archive_says_so() {
    assert!(matches!(read(b"a: 1\n", &Limits::default()), Err(Error::NotGzip)));
    let whole = archive(&[(tar::EntryType::Regular, "chart/a", b"text")]);
    assert!(matches!(
        read(&whole[..whole.len() / 2], &Limits::default()),
        Err(Error::BrokenArchive { .. })
    ));
    assert!(matches!(
        read(&archive(&[]), &Limits::default()),
        Err(Error::EmptyArchive)
    ));
}
