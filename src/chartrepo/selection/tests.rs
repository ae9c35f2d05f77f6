use std::fmt::Write as _;

use super::*;

fn index() -> Index {
    let mut text = String::from("apiVersion: v1\nentries:\n");
    for (name, versions) in [
        ("argo-cd", &["7.1.0", "7.0.0", "6.2.0", "8.0.0-rc.1"][..]),
        ("argo-events", &["2.0.0"]),
        ("young", &["0.1.0-alpha"]),
    ] {
        writeln!(text, "  {name}:").unwrap();
        for version in versions {
            writeln!(
                text,
                "  - {{name: {name}, version: {version}, urls: [x], appVersion: v{version}}}"
            )
            .unwrap();
        }
    }
    Index::parse(text.as_bytes()).unwrap()
}

fn chosen(selection: &Selection) -> Vec<String> {
    let index = index();
    selection
        .of(&index)
        .entries
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn patterns(texts: &[&str]) -> Selection {
    Selection {
        charts: texts.iter().map(|text| text.parse().unwrap()).collect(),
        ..Selection::default()
    }
}

#[test]
fn without_more_words_the_highest_release_of_each_chart_is_taken() {
    assert_eq!(
        chosen(&Selection::default()),
        ["argo-cd-7.1.0", "argo-events-2.0.0"]
    );
    let index = index();
    assert_eq!(
        Selection::default().of(&index).nothing,
        ["young: it has pre-releases only, which must be asked for"]
    );
}

#[test]
fn a_range_takes_all_that_it_matches_and_latest_cuts_it() {
    assert_eq!(
        chosen(&patterns(&["argo-cd@>=6"])),
        ["argo-cd-7.1.0", "argo-cd-7.0.0", "argo-cd-6.2.0"]
    );
    let selection = Selection {
        latest: Some(2),
        ..patterns(&["argo-cd@>=6"])
    };
    assert_eq!(chosen(&selection), ["argo-cd-7.1.0", "argo-cd-7.0.0"]);
    assert_eq!(
        chosen(&patterns(&["argo-*"])),
        ["argo-cd-7.1.0", "argo-events-2.0.0"]
    );
}

#[test]
fn prereleases_come_when_asked_for() {
    let selection = Selection {
        prereleases: true,
        ..Selection::default()
    };
    assert_eq!(
        chosen(&selection),
        ["argo-cd-8.0.0-rc.1", "argo-events-2.0.0", "young-0.1.0-alpha"]
    );
    assert_eq!(chosen(&patterns(&["argo-cd@>=8.0.0-0"])), ["argo-cd-8.0.0-rc.1"]);
    let selection = Selection {
        prereleases: true,
        ..patterns(&["argo-cd@>=8"])
    };
    assert_eq!(chosen(&selection), ["argo-cd-8.0.0-rc.1"]);
}

#[test]
fn what_finds_nothing_is_told() {
    let index = index();
    assert_eq!(
        patterns(&["argo-cd@>=9", "other"]).of(&index).nothing,
        [
            "argo-cd: none of its 4 versions is asked for (the highest is 8.0.0-rc.1)",
            "no chart is called `other`"
        ]
    );
    assert!("a@not a range".parse::<Pattern>().is_err());
}

#[test]
fn all_versions_and_the_application_version() {
    let all = Selection {
        all_versions: true,
        ..Selection::default()
    };
    assert_eq!(chosen(&all).len(), 4);
    let app = Selection {
        app_version: Some("v7.0.0".into()),
        ..patterns(&["argo-cd"])
    };
    assert_eq!(chosen(&app), ["argo-cd-7.0.0"]);
    let app = Selection {
        app_version: Some("v6.*".into()),
        ..patterns(&["argo-cd"])
    };
    assert_eq!(chosen(&app), ["argo-cd-6.2.0"]);
}

#[test]
fn what_was_made_after_a_day_and_what_does_not_say() {
    let index = Index::parse(
        b"apiVersion: v1\nentries:\n  a:\n  - {name: a, version: 3.0.0, urls: [x], created: '2024-06-01T00:00:00.5+02:00'}\n  - {name: a, version: 2.0.0, urls: [x], created: '2024-05-30T12:00:00Z'}\n  - {name: a, version: 1.0.0, urls: [x], created: never}\n",
    )
    .unwrap();
    let selection = Selection {
        all_versions: true,
        created_after: Some(parse_moment("2024-05-31").unwrap()),
        ..Selection::default()
    };
    let selected = selection.of(&index);
    let chosen: Vec<_> = selected.entries.iter().map(ToString::to_string).collect();
    assert_eq!(chosen, ["a-3.0.0"]);
    assert_eq!(
        selected.notes,
        ["a: 1 of its 3 versions do not say when they were made, and are passed over"]
    );
    assert!(parse_moment("yesterday").is_err());
    assert!(parse_moment("2024-05-30T12:00:00Z").is_ok());
}

#[test]
fn a_glob_goes_back_to_its_star() {
    for (glob, name, fits) in [
        ("a*b", "axxb", true),
        ("a*b*c", "abbc", true),
        ("*", "", true),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*ab", "aab", true),
        ("a*", "ba", false),
    ] {
        assert_eq!(glob_matches(glob, name), fits, "{glob} {name}");
    }
}

#[test]
fn a_selection_is_called_by_all_that_it_chooses_by() {
    let selection = Selection {
        charts: vec!["redis@^18".parse().unwrap(), "argo-*".parse().unwrap()],
        versions: Some(parse_range(">=1 <3").unwrap()),
        latest: Some(2),
        all_versions: true,
        prereleases: true,
        app_version: Some("7.*".to_owned()),
        created_after: Some(parse_moment("2024-05-31").unwrap()),
    };
    assert_eq!(
        selection.to_string(),
        "redis@^18, argo-*, versions >=1 <3, latest 2, all versions, pre-releases too, of application version 7.*, younger than 2024-05-31T00:00:00Z"
    );
    assert_eq!(Selection::default().to_string(), "every chart");
}
