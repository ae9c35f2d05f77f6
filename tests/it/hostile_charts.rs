//! Charts that mean harm: each ends in an error that says what was too much, soon and in bounded memory.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use carrack::helm::{Error, Limits, Options, load, render};

#[expect(clippy::disallowed_methods, reason = "a test lays its own charts out")]
fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn chart(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "Chart.yaml",
        "apiVersion: v2\nname: demo\nversion: 1.0.0\n",
    );
    for (name, text) in files {
        write(folder.path(), name, text);
    }
    folder
}

/// The promise is ten seconds for a release build; a debug build among many tests gets more.
const SOON: Duration = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 10 });

/// Renders a chart that must fail soon, and gives the reason with all its causes.
fn refused(files: &[(&str, &str)]) -> String {
    refused_with(files, &Options::default())
}

fn refused_with(files: &[(&str, &str)], options: &Options) -> String {
    let folder = chart(files);
    let started = Instant::now();
    let failure = load(folder.path())
        .and_then(|chart| render(&chart, options))
        .map(|release| release.documents.len());
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    let error: Error = failure.expect_err("a hostile chart is refused");
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    reason
}

/// The limits are the same in kind as the default ones; a second is enough to see them work.
fn a_second() -> Options {
    Options {
        limits: Limits {
            milliseconds: 1000,
            ..Limits::default()
        },
        ..Options::default()
    }
}

fn template(text: &str) -> String {
    refused(&[("templates/x.yaml", text)])
}

#[test]
fn templates_that_call_themselves_end() {
    let direct = template(r#"{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}"#);
    assert!(direct.contains("deep"), "{direct}");
    let included = template(r#"{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}"#);
    assert!(
        included.contains("nested reference name: r"),
        "{}",
        included.len()
    );
    let mutual = template(
        r#"{{ define "a" }}{{ include "b" . }}{{ end }}{{ define "b" }}{{ include "a" . }}{{ end }}{{ include "a" . }}"#,
    );
    assert!(mutual.contains("nested reference name"), "{}", mutual.len());
}

#[test]
fn texts_that_run_themselves_end() {
    let reason = refused(&[
        ("values.yaml", "t: '{{ tpl .Values.t . }}'\n"),
        ("templates/x.yaml", "{{ tpl .Values.t . }}"),
    ]);
    assert!(!reason.is_empty());
}

#[test]
fn loops_and_texts_without_measure_end() {
    for text in [
        "{{ range until 2000000000 }}{{ end }}",
        "{{ range $i := until 100000 }}{{ range $j := until 100000 }}{{ end }}{{ end }}",
        r#"{{ $s := repeat 10000000 "aB" }}{{ range until 1000 }}{{ $x := snakecase $s }}{{ end }}"#,
        r#"{{ repeat 3000000 "---\na: 1\n" }}"#,
        r#"{{ repeat 2000000000 "x" }}"#,
        r#"{{ $s := "xxxxxxxxxxxxxxxx" }}{{ range until 64 }}{{ $s = print $s $s }}{{ end }}{{ $s }}"#,
        r#"{{ range until 100000 }}{{ repeat 100000 "x" }}{{ end }}"#,
        "{{ $l := list 1 }}{{ range until 64 }}{{ $l = concat $l $l }}{{ end }}{{ $l }}",
        r#"{{ indent 2000000000 "x" }}"#,
    ] {
        let reason = template(text);
        assert!(!reason.is_empty(), "{text}");
    }
}

#[test]
fn work_within_one_call_ends_in_time() {
    let doubled = r#"{{ $d := dict "k" "v" }}{{ $e := dict "k" "v" }}
{{ range until 60 }}{{ $d = dict "a" $d "b" $d }}{{ $e = dict "a" $e "b" $e }}{{ end }}"#;
    for call in [
        "{{ merge $d $e }}",
        "{{ toToml $d }}",
        r#"{{ regexFindAll "a.*b|a" (repeat 200000 "a") -1 | len }}"#,
    ] {
        let reason = refused_with(&[("templates/x.yaml", &format!("{doubled}{call}"))], &a_second());
        assert!(reason.contains("limit: "), "{call}: {reason}");
    }
}

#[test]
fn lists_that_double_at_every_level_are_compared_once() {
    let text = r#"{{ $d := list 1 }}{{ $e := list 1 }}
{{ range until 60 }}{{ $d = list $d $d }}{{ $e = list $e $e }}{{ end }}
{{ if deepEqual $d $e }}{{ fail "equal" }}{{ end }}"#;
    assert!(template(text).contains("equal"));
}

#[test]
fn aliases_of_aliases_are_counted() {
    let mut dependencies = String::from("dependencies:\n");
    for alias in 0..10 {
        writeln!(dependencies, "- {{name: x, version: \"*\", alias: x{alias}}}").unwrap();
    }
    let mut files = vec![(
        "Chart.yaml".to_owned(),
        format!("apiVersion: v2\nname: demo\nversion: 1.0.0\n{dependencies}"),
    )];
    for depth in 1..8 {
        let path = "charts/x/".repeat(depth);
        let text = format!("apiVersion: v2\nname: x\nversion: 1.0.0\n{dependencies}");
        files.push((format!("{path}Chart.yaml"), text));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let reason = refused(&files);
    assert!(reason.contains("more than 10000 charts"), "{reason}");
}

#[test]
fn a_table_that_is_imported_to_many_places_is_copied_within_the_limits() {
    let places: Vec<_> = (0..2_000)
        .map(|n| format!("{{child: a, parent: p{n}}}"))
        .collect();
    let keys: Vec<_> = (0..5_000).map(|n| format!("k{n}: v")).collect();
    let reason = refused(&[
        (
            "Chart.yaml",
            &format!(
                "apiVersion: v2\nname: demo\nversion: 1.0.0\ndependencies:\n- {{name: x, version: '*', import-values: [{}]}}\n",
                places.join(", ")
            ),
        ),
        ("charts/x/Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\n"),
        ("charts/x/values.yaml", &format!("a: {{{}}}\n", keys.join(", "))),
    ]);
    assert!(reason.contains("limit: memory"), "{reason}");
}

#[test]
fn a_bomb_of_aliases_in_the_values_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = level - 1;
        let aliases = vec![format!("*a{below}"); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let reason = refused(&[("values.yaml", &bomb)]);
    assert!(reason.contains("values.yaml"), "{reason}");
}

#[test]
fn values_without_end_of_depth_are_refused() {
    let reason = refused(&[(
        "values.yaml",
        &format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000)),
    )]);
    assert!(reason.contains("values.yaml"), "{reason}");
}

#[test]
fn charts_within_charts_without_end_are_refused() {
    let mut files = Vec::new();
    let mut path = String::new();
    for _ in 0..40 {
        path += "charts/x/";
        files.push((
            format!("{path}Chart.yaml"),
            "apiVersion: v2\nname: x\nversion: 1.0.0\n",
        ));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), *t)).collect();
    let reason = refused(&files);
    assert!(reason.contains("deep"), "{reason}");
}

#[test]
fn an_error_shows_the_line_it_is_about() {
    let folder = chart(&[("templates/x.yaml", "a: 1\nb: {{ .Values.web.image }}\n")]);
    let error = render(&load(folder.path()).unwrap(), &Options::default()).unwrap_err();
    let Error::Template { message, excerpt, .. } = error else {
        unreachable!("a failure of a template");
    };
    assert!(message.contains("demo/templates/x.yaml:2:"), "{message}");
    let excerpt = excerpt.expect("the line").to_string();
    assert!(excerpt.contains("2 | b: {{ .Values.web.image }}"), "{excerpt}");
    assert!(excerpt.contains('^'));
}
