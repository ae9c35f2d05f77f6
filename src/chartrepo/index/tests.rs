use super::*;
use crate::digest::Digest;

fn parse(text: &str) -> Index {
    Index::parse(text.as_bytes()).unwrap()
}

fn reasons(index: &Index) -> Vec<String> {
    index.problems().iter().map(ToString::to_string).collect()
}

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn versions_stand_highest_first() {
    let index = parse(&format!(
        "apiVersion: v1\nentries:\n  a:\n  - {{name: a, version: 1.9.0, urls: [a-1.9.0.tgz], digest: {HEX}}}\n  - {{name: a, version: 1.10.0, urls: [x], digest: 'sha256:{HEX}'}}\n"
    ));
    let versions: Vec<_> = index.charts()["a"]
        .iter()
        .map(|e| e.version().original())
        .collect();
    assert_eq!(versions, ["1.10.0", "1.9.0"]);
    assert_eq!(index.charts()["a"][0].digest(), index.charts()["a"][1].digest());
    assert!(index.problems().is_empty());
}

#[test]
fn what_is_no_index_says_what_it_is() {
    let found = |text: &str| Index::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(found("<!DOCTYPE html><html>").contains("a web page"));
    assert!(found("").contains("nothing in it"));
    assert!(found("- a\n- b\n").contains("no mapping"));
    assert!(found("entries: {}\n").contains("no `apiVersion`"));
    assert!(found("apiVersion: v1\nentries: 5\n").contains("no mapping"));
    assert!(matches!(
        Index::parse(b"apiVersion: v1\nentries: [\n"),
        Err(Error::BadIndex { .. })
    ));
}

#[test]
fn nothing_in_it_is_an_index_without_charts() {
    for text in [
        "apiVersion: v1\nentries: null\n",
        "apiVersion: v1\nentries: {}\n",
        "apiVersion: v1\n",
    ] {
        assert!(parse(text).charts().is_empty());
    }
    assert!(parse("apiVersion: v1\nentries: {a: null}\n").charts().is_empty());
}

#[test]
fn an_entry_that_cannot_be_used_is_told_and_the_others_stay() {
    let index = parse(
        "apiVersion: v1\nentries:\n  a:\n  - null\n  - {name: a, version: not-a-version, urls: [x]}\n  - {name: a, version: 1.0.0}\n  - {name: ../a, version: 1.0.0, urls: [x]}\n  - {name: a, version: 1.0.0, urls: [x], digest: abc}\n  b: 7\n  c:\n  - {name: '..', version: 1.0.0, urls: [x]}\n",
    );
    assert_eq!(index.charts().len(), 1);
    assert_eq!(index.charts()["a"].len(), 1);
    assert_eq!(
        reasons(&index),
        [
            "a: version 1 in its list is no mapping",
            "a-not-a-version: version `not-a-version`: invalid semantic version",
            "a-1.0.0: it has no URL",
            "a-1.0.0: `../a` is no chart name",
            "a-1.0.0: its digest `abc` is no SHA-256 and is passed over",
            "b: its versions are no list",
            "c-1.0.0: `..` is no chart name",
        ]
    );
}

#[test]
fn of_two_entries_of_one_version_the_first_counts() {
    let index = parse(
        "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 1.0.0, urls: [first]}\n  - {name: a, version: 1.0.0, urls: [second]}\n  - {name: a, version: 1.0.0, urls: [first]}\n",
    );
    assert_eq!(index.charts()["a"].len(), 1);
    assert_eq!(index.charts()["a"][0].urls(), ["first"]);
    assert_eq!(index.problems().len(), 1);
}

#[test]
fn an_index_is_written_the_same_each_time_and_read_back() {
    let text = "apiVersion: v1\nentries:\n  b:\n  - {name: b, version: 1, urls: [x], appVersion: 1.10, keywords: [k]}\n  a:\n  - {name: a, version: 2.0.0, urls: [x]}\n";
    let mut index = parse(text);
    let digest = Digest::sha256(b"archive");
    for entry in parse(text).charts().values().flatten() {
        index.insert(entry.listed_as(entry.file_name(), digest));
    }
    let written = index.to_yaml().unwrap();
    let read = parse(&written);
    assert_eq!(read, index);
    assert_eq!(read.to_yaml().unwrap(), written);
    assert_eq!(read.charts()["b"][0].urls(), ["b-1.tgz"]);
    assert_eq!(read.charts()["b"][0].text("appVersion").unwrap(), "1.1");
}

#[test]
fn an_index_is_the_same_whoever_writes_its_parts() {
    let mut text = String::from("apiVersion: v1\nentries:\n");
    for chart in 0..300 {
        let _ = writeln!(text, "  chart{chart:03}:");
        for version in 0..=chart % 3 {
            let _ = writeln!(
                text,
                "  - {{name: chart{chart:03}, version: {version}.0.0, urls: [x]}}"
            );
        }
    }
    let index = parse(&text);
    assert_eq!(index.len(), 600);
    let by = |threads| -> Vec<String> { index.texts(threads).into_iter().map(Result::unwrap).collect() };
    assert_eq!(by(1).len(), 1);
    for threads in [2, 3, 7, 1000] {
        let parts = by(threads);
        assert!(
            (2..=600 / FEW + 1).contains(&parts.len()),
            "{threads}: {}",
            parts.len()
        );
        assert_eq!(parts.concat(), by(1).concat(), "{threads}");
    }
    assert!(
        Index::default()
            .texts(4)
            .into_iter()
            .all(|text| text.unwrap().is_empty())
    );
}

#[test]
fn lists_tied_together_by_anchors_are_read_too() {
    let index =
        parse("apiVersion: v1\nentries:\n  a: &a\n  - {name: a, version: 1.0.0, urls: [x]}\n  b: *a\n");
    assert_eq!(index.charts()["a"].len(), 1);
    assert_eq!(index.charts()["b"][0].name(), "a");
}

#[test]
fn of_two_lists_of_one_chart_the_last_counts_as_in_helm() {
    let index = parse(
        "apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 1.0.0, urls: [x]}\n  a:\n  - {name: a, version: 2.0.0, urls: [x]}\nentries:\n  b: null\n  a:\n  - {name: a, version: 3.0.0, urls: [x]}\n",
    );
    let versions: Vec<_> = index.charts()["a"].iter().map(ToString::to_string).collect();
    assert_eq!(versions, ["a-3.0.0"]);
}

#[test]
fn problems_without_number_are_counted_and_not_kept() {
    let mut text = String::from("apiVersion: v1\nentries:\n  a:\n");
    for _ in 0..1_500 {
        text.push_str("  - null\n");
    }
    let index = parse(&text);
    assert_eq!(index.problems().len(), PROBLEMS + 1);
    assert_eq!(
        index.problems().last().unwrap().to_string(),
        "and: 500 more problems"
    );
}

#[test]
fn names_that_yaml_reads_as_something_else_stay_names() {
    let text = "apiVersion: v1\nentries:\n  'true':\n  - {name: 'true', version: 1.0.0, urls: [x]}\n  '1.0':\n  - {name: '1.0', version: 1.0.0, urls: [x], description: \"one\\n\\ntwo\\n\"}\n";
    let written = parse(text).to_yaml().unwrap();
    assert_eq!(parse(&written), parse(text), "{written}");
}

#[test]
fn a_name_too_long_for_a_file_is_told() {
    let name = "a".repeat(230);
    let index = parse(&format!(
        "apiVersion: v1\nentries:\n  a:\n  - {{name: {name}, version: 1.0.0-with-a-long-tail, urls: [x]}}\n"
    ));
    assert!(reasons(&index)[0].contains("longer than a file's name may be"));
}

#[test]
fn an_index_of_too_many_entries_is_refused_before_they_fill_the_memory() {
    let mut text = String::from("apiVersion: v1\nentries:\n  a:\n");
    for number in 0..11 {
        text.push_str("  - {name: a, version: 1.0.");
        text.push_str(&number.to_string());
        text.push_str(", urls: [x]}\n");
    }
    assert!(Index::parse_within(text.as_bytes(), 11).is_ok());
    let error = Index::parse_within(text.as_bytes(), 10).unwrap_err();
    assert_eq!(error.to_string(), "the index lists more than 10 archives");
}

#[test]
fn an_index_that_was_read_can_be_written_and_read_again_whatever_its_lists_are_called() {
    let long = "a".repeat(200);
    let entry = |name: &str| format!("  - {{name: {name}, version: 1.0.0, urls: [x.tgz]}}\n");
    let text = format!(
        "apiVersion: v1\nentries:\n  {long}:\n{}  1e3:\n{}  {}:\n{}  'a: [b':\n{}",
        entry(&long),
        entry("other"),
        "x".repeat(300),
        entry("a"),
        entry("a"),
    );
    let index = parse(&text);
    assert_eq!(index.len(), 2);
    assert!(
        reasons(&index)
            .iter()
            .all(|reason| reason.contains("is no chart name"))
    );
    let again = parse(&index.to_yaml().unwrap());
    assert_eq!(again.charts(), index.charts());
}
