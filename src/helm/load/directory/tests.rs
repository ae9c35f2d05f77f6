use std::os::unix::fs::symlink;

use super::*;
use crate::helm::load::load;

fn chart() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "Chart.yaml",
        "apiVersion: v2\nname: a\nversion: 1.0.0\n",
    );
    folder
}

#[expect(clippy::disallowed_methods, reason = "a test lays its own charts out")]
fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn names(root: &Path) -> Vec<String> {
    let files = read(root, &Limits::default()).unwrap();
    files.into_iter().map(|f| f.name).collect()
}

#[test]
fn files_come_in_order_without_what_is_ignored() {
    let folder = chart();
    write(folder.path(), ".helmignore", "*.bak\nci/\n");
    write(folder.path(), "templates/b.yaml", "");
    write(folder.path(), "templates/a.yaml", "");
    write(folder.path(), "templates/.swp", "");
    write(folder.path(), "x.bak", "");
    write(folder.path(), "ci/values.yaml", "");
    assert_eq!(
        names(folder.path()),
        [
            ".helmignore",
            "Chart.yaml",
            "templates/a.yaml",
            "templates/b.yaml"
        ]
    );
}

#[test]
fn a_link_is_followed_within_the_chart_and_refused_outside() {
    let folder = chart();
    write(folder.path(), "shared/x.yaml", "a: 1");
    fs::create_dir_all(folder.path().join("templates")).unwrap();
    symlink("../shared/x.yaml", folder.path().join("templates/y.yaml")).unwrap();
    assert!(names(folder.path()).contains(&"templates/y.yaml".to_owned()));
    symlink("/etc/passwd", folder.path().join("templates/z.yaml")).unwrap();
    let found = read(folder.path(), &Limits::default());
    assert!(
        matches!(found, Err(Error::LinkOutside { .. })),
        "CVE-2019-18658: {found:?}"
    );
}

#[test]
fn a_link_into_another_chart_is_followed() {
    let shelf = tempfile::tempdir().unwrap();
    let text = "apiVersion: v2\nname: a\nversion: 1.0.0\n";
    write(shelf.path(), "a/Chart.yaml", text);
    write(shelf.path(), "library/Chart.yaml", text);
    write(shelf.path(), "library/templates/_names.tpl", "");
    write(shelf.path(), "notes.txt", "of nobody's chart");
    let chart = shelf.path().join("a");
    fs::create_dir_all(chart.join("charts")).unwrap();
    symlink("../../library", chart.join("charts/library")).unwrap();
    assert!(names(&chart).contains(&"charts/library/templates/_names.tpl".to_owned()));
    symlink("../notes.txt", chart.join("notes.txt")).unwrap();
    let found = read(&chart, &Limits::default());
    assert!(matches!(found, Err(Error::LinkOutside { .. })), "{found:?}");
}

#[test]
fn links_in_a_circle_end_in_an_error() {
    let folder = chart();
    symlink(".", folder.path().join("again")).unwrap();
    assert!(matches!(
        read(folder.path(), &Limits::default()),
        Err(Error::TooDeep { .. })
    ));
}

#[test]
fn a_mark_before_utf_8_goes() {
    let folder = chart();
    write(folder.path(), "values.yaml", "\u{feff}a: 1\n");
    assert!(load(folder.path()).unwrap().values.contains_key("a"));
}

#[test]
fn requirements_of_old_charts_are_dependencies() {
    let folder = chart();
    write(
        folder.path(),
        "Chart.yaml",
        "name: a\nversion: 1.0.0\nappVersion: 1.10\n",
    );
    write(
        folder.path(),
        "requirements.yaml",
        "dependencies:\n- name: b\n  version: ~1\n",
    );
    let found = load(folder.path()).unwrap();
    assert_eq!(found.metadata.api_version, "v1");
    assert_eq!(found.metadata.app_version, "1.1");
    assert_eq!(found.metadata.dependencies.unwrap()[0].name, "b");
    assert_eq!(found.files[0].name, "requirements.yaml");
}

#[test]
fn a_chart_without_name_or_version_is_refused() {
    for text in [
        "name: a",
        "version: 1.0.0",
        "name: ..\nversion: 1.0.0",
        "name: a\nversion: one",
        "- a",
    ] {
        let folder = chart();
        write(folder.path(), "Chart.yaml", text);
        assert!(load(folder.path()).is_err(), "{text:?} was taken");
    }
}
