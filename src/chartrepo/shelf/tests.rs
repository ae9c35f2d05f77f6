use super::*;

fn entry(name: &str, version: &str, archive: Option<&[u8]>) -> Entry {
    let digest = archive.map(|bytes| format!(", digest: {}", Digest::sha256(bytes).hex()));
    let text = format!(
        "apiVersion: v1\nentries:\n  {name}:\n  - {{name: {name}, version: {version}, urls: [x]{}}}\n",
        digest.unwrap_or_default()
    );
    Index::parse(text.as_bytes()).unwrap().charts()[name][0].clone()
}

fn shelf(folder: &tempfile::TempDir) -> Shelf {
    Shelf::open(&Folder::open(folder.path()).unwrap(), "h.example/stable", None).unwrap()
}

fn index(folder: &tempfile::TempDir) -> Index {
    Index::parse(&std::fs::read(folder.path().join("h.example/stable/index.yaml")).unwrap()).unwrap()
}

#[test]
fn runs_add_to_a_repository_and_what_is_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        entry("a", "1.0.0", Some(b"one")),
        entry("a", "2.0.0+b", Some(b"two")),
    );
    let first = shelf(&folder);
    first.put(&one, b"one", Some(b"signed")).unwrap();
    assert_eq!(first.finish().unwrap(), 1);
    drop(first);
    let second = shelf(&folder);
    assert_eq!(second.has(&one).unwrap(), Some(Digest::sha256(b"one")));
    assert_eq!(second.has(&two).unwrap(), None);
    second.put(&two, b"two", None).unwrap();
    assert_eq!(second.finish().unwrap(), 2);
    let urls: Vec<_> = index(&folder).charts()["a"]
        .iter()
        .map(|e| e.urls()[0].clone())
        .collect();
    assert_eq!(urls, ["a-2.0.0%2Bb.tgz", "a-1.0.0.tgz"]);
    let mut names: Vec<_> = std::fs::read_dir(folder.path().join("h.example/stable"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["a-1.0.0.tgz", "a-1.0.0.tgz.prov", "a-2.0.0+b.tgz", "index.yaml"]
    );
}

#[test]
fn an_archive_that_rotted_or_went_away_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let one = entry("a", "1.0.0", Some(b"one"));
    let first = shelf(&folder);
    first.put(&one, b"one", None).unwrap();
    first.finish().unwrap();
    let file = folder.path().join("h.example/stable/a-1.0.0.tgz");
    fsx::write(&file, b"0ne").unwrap();
    assert_eq!(shelf(&folder).has(&one).unwrap(), None);
    std::fs::remove_file(&file).unwrap();
    let later = shelf(&folder);
    assert_eq!(later.has(&one).unwrap(), None);
    assert_eq!(later.finish().unwrap(), 0, "the index lists only what is here");
}

#[test]
fn names_that_differ_in_capitals_only_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = shelf(&folder);
    shelf.put(&entry("chart", "1.0.0", None), b"x", None).unwrap();
    let error = shelf.put(&entry("Chart", "1.0.0", None), b"y", None).unwrap_err();
    assert!(error.to_string().contains("differ only in capitals"), "{error}");
}

#[test]
fn the_index_is_not_written_again_without_need() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let first = shelf(&folder);
    first
        .put(&entry("a", "1.0.0", Some(b"one")), b"one", None)
        .unwrap();
    first.finish().unwrap();
    let inode = || {
        std::fs::metadata(folder.path().join("h.example/stable/index.yaml"))
            .unwrap()
            .ino()
    };
    let before = inode();
    shelf(&folder).finish().unwrap();
    assert_eq!(inode(), before);
}

#[test]
fn absolute_urls_come_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let root = Folder::open(folder.path()).unwrap();
    let shelf = Shelf::open(&root, "h.example/stable", Some("https://charts.lan/stable/")).unwrap();
    shelf.put(&entry("a", "1.0.0", None), b"x", None).unwrap();
    shelf.finish().unwrap();
    assert_eq!(
        index(&folder).charts()["a"][0].urls(),
        ["https://charts.lan/stable/a-1.0.0.tgz"]
    );
}
