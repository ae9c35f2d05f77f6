//! carrack.yaml and the files of other tools, from the file to what is on the drive.

use std::fs;
use std::path::{Path, PathBuf};

use carrack::config::{self, Config};
use carrack::goyaml;
use serde_json::Value;

use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::{Mode, TestRegistry};

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/config")
        .join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn as_json(text: &str) -> Value {
    let value = goyaml::parse(text.as_bytes()).unwrap();
    serde_json::from_str(&goyaml::to_json(&value).unwrap()).unwrap()
}

/// A file of the test's folder.
fn file(program: &Program, name: &str, text: &str) {
    let path = program.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    carrack::fsx::write(&path, text.as_bytes()).unwrap();
}

fn references(report: &Value) -> Vec<String> {
    let rows = report["rows"].as_array().unwrap().iter();
    let mut references: Vec<String> = rows
        .map(|row| row["reference"].as_str().unwrap().to_owned())
        .collect();
    references.sort();
    references
}

#[test]
fn the_program_and_the_schema_agree_about_every_fixture() {
    let schema: Value = serde_json::from_str(&config::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let examples = fixtures("examples");
    let broken = fixtures("broken");
    assert!(examples.len() >= 3 && broken.len() >= 20);
    for path in examples {
        let text = fs::read_to_string(&path).unwrap();
        Config::parse(&text, "it").unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let problems: Vec<String> = validator
            .iter_errors(&as_json(&text))
            .map(|e| e.to_string())
            .collect();
        assert!(problems.is_empty(), "{}: {problems:?}", path.display());
    }
    for path in broken {
        let text = fs::read_to_string(&path).unwrap();
        let expected = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# "))
            .unwrap();
        let error = Config::parse(&text, "it").unwrap_err().to_string();
        assert!(error.contains(expected), "{}: {error}", path.display());
        assert!(
            error.starts_with("it:"),
            "{}: no place in {error}",
            path.display()
        );
        assert!(
            !validator.is_valid(&as_json(&text)),
            "{}: the schema takes it",
            path.display()
        );
    }
}

#[test]
fn the_published_schema_is_the_one_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/carrack.schema.json");
    let published = fs::read_to_string(&path).unwrap();
    assert_eq!(
        published,
        config::schema(),
        "`carrack config schema > docs/carrack.schema.json` writes it anew"
    );
    let printed = Program::new().run(&["config", "schema"]).ended_with(0);
    assert_eq!(printed.out, published);
}

#[test]
fn a_declared_set_is_exported_with_its_tags_platforms_and_reasons() {
    let registry = TestRegistry::start();
    for tag in ["1.0.0", "1.1.0", "1.2.0", "2.0.0", "latest"] {
        registry.seed(&format!("shop/web:{tag}"), &image().layer(tag, 2_000).build());
    }
    registry.seed("shop/db:1", &image().layer("db", 3_000).build());
    let program = Program::new();
    let host = registry.host();
    file(
        &program,
        "site/carrack.yaml",
        &format!(
            "version: 1\nimages:\n- image: {host}/shop/db:1\n  reason: every site has one\n\
             - repository: {host}/shop/web\n  versions: '>=1, <2'\n  newest: 2\nmanifests: [pod.yaml]\n"
        ),
    );
    file(
        &program,
        "site/pod.yaml",
        &format!(
            "apiVersion: v1\nkind: Pod\nspec: {{containers: [{{name: a, image: '{host}/shop/web:latest'}}]}}\n"
        ),
    );
    let arguments = [
        "export",
        "--config",
        "site/carrack.yaml",
        "--to",
        "bundle",
        "-o",
        "json",
    ];
    let ran = program.run(&arguments).ended_with(0);
    assert_eq!(
        references(&ran.json()),
        ["shop/db:1", "shop/web:1.1.0", "shop/web:1.2.0", "shop/web:latest"]
            .map(|name| format!("{host}/{name}"))
    );
    let inventory = fs::read_to_string(program.path("bundle/carrack/inventory.json")).unwrap();
    assert!(
        inventory.contains("site/carrack.yaml: every site has one"),
        "{inventory}"
    );
    let as_source = ["export", "site/carrack.yaml", "--to", "other", "-o", "json"];
    let again = program.run(&as_source).ended_with(0);
    assert_eq!(references(&again.json()), references(&ran.json()));
}

#[test]
fn a_skopeo_sync_file_runs_as_a_source_with_its_credentials() {
    let registry = TestRegistry::start_as(Mode::basic("mate", "ahoy"));
    for (name, layer) in [
        ("harbour/store:2.1", "store"),
        ("harbour/lighthouse:1.4.0", "light"),
        ("harbour/lighthouse:2.0.0", "newer"),
        ("harbour/pilot:3.1", "pilot"),
        ("harbour/pilot:2", "old"),
    ] {
        registry.seed(name, &image().layer(layer, 2_000).build());
    }
    let program = Program::new();
    let text = fs::read_to_string(
        fixtures("foreign")
            .iter()
            .find(|p| p.ends_with("skopeo-sync.yaml"))
            .unwrap(),
    );
    let host = registry.host();
    file(
        &program,
        "sync.yaml",
        &text.unwrap().replace("registry.example.com", &host),
    );
    let ran = program
        .run(&["export", "sync.yaml", "--to", "bundle", "-o", "json"])
        .ended_with(0);
    assert_eq!(
        references(&ran.json()),
        [
            "harbour/lighthouse:1.4.0",
            "harbour/pilot:3.1",
            "harbour/store:2.1"
        ]
        .map(|name| format!("{host}/{name}"))
    );
    assert!(ran.err.contains("tls-verify: false"), "{}", ran.err);
    assert!(!ran.err.contains("ahoy") && !ran.out.contains("ahoy"));
}

#[test]
fn every_foreign_file_becomes_a_configuration_that_checks() {
    for path in fixtures("foreign") {
        let program = Program::new();
        let source = path.to_str().unwrap();
        let made = program.run(&["init", source]).ended_with(0);
        assert!(made.out.contains("carrack.yaml is written"), "{}", made.out);
        let text = fs::read_to_string(program.path("carrack.yaml")).unwrap();
        assert!(!text.contains("ahoy"), "a password stands in {text}");
        let config =
            Config::parse(&text, "carrack.yaml").unwrap_or_else(|error| panic!("{source}: {error}\n{text}"));
        assert!(
            !config.images.is_empty() || !config.charts.is_empty(),
            "{source}: {text}"
        );
        let taken = program.run(&["init", source]).ended_with(2);
        assert!(taken.err.contains("is there already; --force"), "{}", taken.err);
    }
}

#[test]
fn pods_of_a_cluster_become_a_list_of_their_images() {
    let program = Program::new();
    let path = fixtures("foreign")
        .into_iter()
        .find(|path| path.ends_with("pods.json"))
        .unwrap();
    let made = program
        .run(&["init", path.to_str().unwrap(), "-o", "-"])
        .ended_with(0);
    for image in [
        "registry.example.com/harbour/lighthouse:1.0",
        "registry.example.com/harbour/store:2.1",
    ] {
        assert!(made.out.contains(&format!("\n- {image}\n")), "{}", made.out);
    }
}

#[test]
fn a_destination_is_found_by_its_name() {
    let upstream = TestRegistry::start();
    upstream.seed("shop/db:1", &image().layer("db", 3_000).build());
    let inside = TestRegistry::start();
    let program = Program::new();
    program
        .export(&[&format!("{}/shop/db:1", upstream.host())], &[])
        .ended_with(0);
    file(
        &program,
        "carrack.yaml",
        &format!(
            "version: 1\ndestinations:\n  factory: {{registry: '{}/plant', map: ['{}=shop']}}\n  folder: {{folder: served}}\n",
            inside.host(),
            upstream.host()
        ),
    );
    let import = ["import", "--from", "bundle", "--config", "carrack.yaml"];
    let which = program.run(&import).ended_with(2);
    assert!(which.err.contains("one of factory, folder"), "{}", which.err);
    program
        .run(&[&import[..], &["--to", "factory"]].concat())
        .ended_with(0);
    assert!(
        inside.manifest("plant/shop/shop/db", "1").is_some(),
        "{:?}",
        inside.asked()
    );
    program
        .run(&[&import[..], &["--to", "folder"]].concat())
        .ended_with(0);
    assert!(program.path("served/index.json").is_file());
}

#[test]
fn a_report_is_left_in_a_file_also_when_the_run_fails() {
    let program = Program::new();
    program
        .run(&["verify", ".", "--report", "report.json"])
        .ended_with(1);
    let failed: Value = serde_json::from_slice(&fs::read(program.path("report.json")).unwrap()).unwrap();
    assert_eq!(failed["exitCode"], 1);
    assert!(failed["error"].as_str().unwrap().contains("is no bundle"));
}

#[test]
fn the_program_goes_along_and_runs_from_a_copy() {
    let registry = TestRegistry::start();
    registry.seed("shop/db:1", &image().layer("db", 3_000).build());
    let program = Program::new();
    program
        .export(&[&format!("{}/shop/db:1", registry.host())], &["--with-carrack"])
        .ended_with(0);
    let name = format!("carrack-{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let copied = fs::read(program.path("bundle").join(&name)).unwrap();
    assert!(copied == fs::read(env!("CARGO_BIN_EXE_carrack")).unwrap());
    let readme = fs::read_to_string(program.path("bundle/README.txt")).unwrap();
    assert!(readme.contains(&format!("install -m 755 {name}")), "{readme}");
    let sums = fs::read_to_string(program.path("bundle/carrack/SHA256SUMS")).unwrap();
    assert!(sums.contains(&name), "{sums}");
    program.verify().ended_with(0);
}
