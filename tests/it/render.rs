//! One chart for each rule of rendering, byte for byte against what real Helm printed (`fixtures/render/record`).

use std::fs;
use std::path::{Path, PathBuf};

use carrack::helm::{Options, Profile, ValuesSource, load, render, set_file_paths};

fn rules() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/render");
    let mut rules: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir())
        .collect();
    rules.sort();
    rules
}

/// The arguments of a rule as options: the flags of `helm template`, one argument a line.
fn options(rule: &Path, profile: Profile) -> Options {
    let text = fs::read_to_string(rule.join("args")).unwrap();
    let mut options = Options {
        profile,
        ..Options::default()
    };
    let mut arguments = text.lines();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value for the flag").to_owned();
        match argument {
            "-f" => {
                let name = value();
                let data = fs::read(rule.join(&name)).unwrap();
                options.values.push(ValuesSource::File { name, data });
            }
            "--set" => options.values.push(ValuesSource::Set(value())),
            "--set-string" => options.values.push(ValuesSource::SetString(value())),
            "--set-json" => options.values.push(ValuesSource::SetJson(value())),
            "--set-literal" => options.values.push(ValuesSource::SetLiteral(value())),
            "--set-file" => {
                let expression = value();
                let read = |p: String| {
                    let data = fs::read(rule.join(&p)).unwrap();
                    (p, data)
                };
                let contents = set_file_paths(&expression)
                    .unwrap()
                    .into_iter()
                    .map(read)
                    .collect();
                options
                    .values
                    .push(ValuesSource::SetFile { expression, contents });
            }
            "--namespace" => options.namespace = value(),
            "--name-template" => options.name_template = Some(value()),
            "--kube-version" => options.kube_version = Some(value()),
            "--api-versions" => options.api_versions = value().split(',').map(str::to_owned).collect(),
            "--show-only" => options.show_only.push(value()),
            "--include-crds" => options.include_crds = true,
            "--is-upgrade" => options.is_upgrade = true,
            "--skip-tests" => options.skip_tests = true,
            "--no-hooks" => options.no_hooks = true,
            name if !name.starts_with('-') => name.clone_into(&mut options.release_name),
            other => unreachable!("{}: no such flag here: {other}", rule.display()),
        }
    }
    options
}

fn output(rule: &Path, options: &Options) -> Result<Vec<u8>, carrack::helm::Error> {
    let chart = load(&rule.join("chart"))?;
    render(&chart, options)?.template_output(options)
}

/// Checks every rule for one Helm and gives the complaints.
fn complaints(profile: Profile, major: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for rule in rules() {
        let name = rule.file_name().unwrap().to_string_lossy().into_owned();
        let expected = fs::read(rule.join(format!("expected-{major}")));
        let failed = rule.join(format!("failed-{major}")).exists();
        match (output(&rule, &options(&rule, profile)), expected) {
            (Ok(ours), Ok(theirs)) if ours == theirs => {}
            (Ok(ours), Ok(theirs)) => complaints.push(format!(
                "{name} differs\n--- Helm\n{}\n--- ours\n{}",
                String::from_utf8_lossy(&theirs),
                String::from_utf8_lossy(&ours)
            )),
            (Err(_), Err(_)) if failed => {}
            (Err(error), Ok(_)) => complaints.push(format!(
                "{name} fails: {error}: {:?}",
                std::error::Error::source(&error)
            )),
            (_, Err(_)) if failed => complaints.push(format!("{name} renders, and Helm fails")),
            (_, Err(error)) => complaints.push(format!("{name} was never recorded: {error}")),
        }
    }
    complaints
}

#[test]
fn every_rule_renders_as_helm_4_renders_it() {
    let complaints = complaints(Profile::Helm4, "helm4");
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

#[test]
fn every_rule_renders_as_helm_3_renders_it() {
    let complaints = complaints(Profile::Helm3, "helm3");
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

#[test]
fn there_is_a_rule_for_each_part_of_the_pipeline() {
    assert!(rules().len() >= 50);
}
