//! `charts list` and `charts diff`, and who we are to repositories that Helm knows.

use std::path::Path;

use carrack::digest::Digest;
use carrack::fsx;

use crate::support::fixture_bundle::{self, layer};
use crate::support::program::Program;
use crate::support::web::Web;

const SIGNED: &[u8] = include_bytes!("../../fixtures/provenance/signed-1.0.0.tgz");
const PROVENANCE: &[u8] = include_bytes!("../../fixtures/provenance/signed-1.0.0.tgz.prov");

fn write(root: &Path, name: &str, text: &str) {
    fsx::write(&root.join(name), text.as_bytes()).unwrap();
}

#[test]
fn a_listing_shows_what_a_repository_a_folder_and_a_bundle_have() {
    let web = Web::start();
    web.page(
        "/stable/index.yaml",
        "apiVersion: v1\nentries:\n  redis:\n  - {name: redis, version: 2.0.0, appVersion: 7.2, urls: [x], description: Keeps values, keywords: [cache]}\n  - {name: redis, version: 1.0.0, urls: [x]}\n  old:\n  - {name: old, version: 1.0.0, urls: [x], deprecated: true, description: Was good once}\n",
    );
    let program = Program::new();
    let source = web.url("/stable");
    let ran = program.run(&["charts", "list", &source]).ended_with(0);
    let rows: Vec<_> = ran
        .out
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        rows,
        [
            "NAME VERSION APP VERSION DESCRIPTION",
            "old 1.0.0 DEPRECATED Was good once",
            "redis 2.0.0 7.2 Keeps values",
            "2 charts"
        ]
    );
    let found = program
        .run(&["charts", "list", &source, "--search", "CACHE", "-o", "json"])
        .ended_with(0)
        .json();
    assert_eq!(found["charts"].as_array().unwrap().len(), 1);
    assert_eq!(found["charts"][0]["app_version"], "7.2");
    let all = program
        .run(&["charts", "list", &source, "--all-versions", "-o", "json"])
        .json();
    assert_eq!(all["charts"].as_array().unwrap().len(), 3);

    // What the source itself names, and what nobody has.
    let one = program
        .run(&["charts", "list", &format!("{source}#old"), "-o", "json"])
        .ended_with(0)
        .json();
    assert_eq!(one["charts"].as_array().unwrap().len(), 1);
    program
        .run(&["charts", "list", &format!("{source}#redis@>=3")])
        .ended_with(3);
    let ran = program
        .run(&["charts", "list", &source, "--chart", "nope"])
        .ended_with(3);
    assert!(ran.out.contains("no chart is called `nope`"), "{}", ran.out);

    let fixture = fixture_bundle::make();
    let bundle = fixture.path().to_str().unwrap();
    let listed = program
        .run(&["charts", "list", bundle, "-o", "json"])
        .ended_with(0)
        .json();
    assert_eq!(listed["charts"][0]["name"], "hello");
    let archive = fixture
        .path()
        .join("charts/charts.example.com/stable/hello-1.0.0.tgz");
    let listed = program
        .run(&["charts", "list", archive.to_str().unwrap(), "-o", "json"])
        .ended_with(0)
        .json();
    assert_eq!(listed["charts"][0]["version"], "1.0.0");

    let ran = program
        .run(&["charts", "list", "gone", &web.url("/nothing"), &source])
        .ended_with(3);
    assert!(
        ran.out.contains("cannot read gone") && ran.out.contains("404"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("redis"), "the others are listed all the same");
}

#[test]
fn a_diff_tells_images_definitions_interfaces_and_values() {
    let program = Program::new();
    for (version, image, api, more) in [
        ("1.0.0", "nginx:1.25", "policy/v1beta1", "removed: true\n"),
        ("2.0.0", "nginx:1.27", "policy/v1", "added: {deep: [1]}\n"),
    ] {
        let folder = program.path(version);
        write(
            &folder,
            "Chart.yaml",
            &format!("apiVersion: v2\nname: demo\nversion: {version}\n"),
        );
        write(
            &folder,
            "values.yaml",
            &format!("image: {image}\nsame: 1\n{more}"),
        );
        write(
            &folder,
            "templates/all.yaml",
            &format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: a, image: {{{{ .Values.image | quote }}}}}}]}}\n---\napiVersion: {api}\nkind: PodDisruptionBudget\nmetadata: {{name: b}}\n"
            ),
        );
        write(
            &folder,
            "crds/widgets.yaml",
            &format!(
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: widgets.example.com}}\nspec: {{group: example.com, names: {{kind: Widget}}, versions: [{{name: v1, served: true}}, {{name: v{version}, served: true}}]}}\n"
            ),
        );
    }
    let ran = program.run(&["charts", "diff", "1.0.0", "2.0.0"]).ended_with(0);
    for line in [
        "--- demo 1.0.0",
        "+++ demo 2.0.0",
        "  - docker.io/library/nginx:1.25",
        "  + docker.io/library/nginx:1.27",
        "  ~ Widget.example.com: v1, v1.0.0 → v1, v2.0.0",
        "  - policy/v1beta1 PodDisruptionBudget: 1",
        "  + policy/v1 PodDisruptionBudget: 1",
        "  - removed: true",
        "  + added.deep: [1]",
        "  ~ image: \"nginx:1.25\" → \"nginx:1.27\"",
    ] {
        assert!(ran.out.lines().any(|found| found == line), "{line}: {}", ran.out);
    }
    assert!(!ran.out.contains("same: 1"));
    let json = program
        .run(&["charts", "diff", "1.0.0", "2.0.0", "-o", "json"])
        .json();
    assert_eq!(json["apis"]["added"]["policy/v1 PodDisruptionBudget"], "1");
    let same = program.run(&["charts", "diff", "1.0.0", "1.0.0"]).ended_with(0);
    assert_eq!(same.out.matches(": the same").count(), 4, "{}", same.out);
}

#[test]
fn a_repository_that_helm_knows_is_reached_by_its_name_with_its_password() {
    let (web, cdn) = (Web::start(), Web::start());
    let archive = layer(&[("a/Chart.yaml", b"apiVersion: v2\nname: a\nversion: 1.0.0\n")]);
    cdn.page("/a-1.0.0.tgz", archive.clone());
    web.page(
        "/stable/index.yaml",
        format!(
            "apiVersion: v1\nentries:\n  a:\n  - {{name: a, version: 1.0.0, urls: ['{}'], digest: {}}}\n",
            cdn.url("/a-1.0.0.tgz"),
            Digest::sha256(&archive).hex()
        ),
    );
    for (passes, sent) in [(false, 0), (true, 2)] {
        let program = Program::new();
        write(
            &program.path(".config/helm"),
            "repositories.yaml",
            &format!(
                "repositories:\n- {{name: stable, url: '{}', username: user, password: secret, pass_credentials_all: {passes}}}\n",
                web.url("/stable")
            ),
        );
        program
            .run(&["charts", "pull", "@stable/a@^1", "--to", "mirror", "-q"])
            .ended_with(0);
        assert!(web.take_asked().iter().all(|asked| asked.authorization.is_some()));
        let there = cdn
            .take_asked()
            .iter()
            .filter(|asked| asked.authorization.is_some())
            .count();
        assert_eq!(there, sent, "pass_credentials_all: {passes}");
    }
    let program = Program::new();
    let ran = program
        .run(&["charts", "pull", "@nobody", "--to", "mirror", "-q"])
        .ended_with(3);
    assert!(
        ran.out.contains("no repository is called `nobody`"),
        "{}",
        ran.out
    );
    write(
        &program.path(".config/helm"),
        "repositories.yaml",
        "repositories: 5\n",
    );
    let ran = program
        .run(&["charts", "pull", "@nobody", "--to", "mirror", "-q"])
        .ended_with(2);
    assert!(ran.err.contains("repositories.yaml"), "{}", ran.err);
}

#[test]
fn a_chart_is_taken_only_with_a_signature_of_the_keyring() {
    let web = Web::start();
    let program = Program::new();
    let key = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/provenance");
        format!("{folder}/{name}")
    };
    web.page(
        "/stable/index.yaml",
        "apiVersion: v1\nentries:\n  signed:\n  - {name: signed, version: 1.0.0, urls: [signed-1.0.0.tgz]}\n",
    );
    web.page("/stable/signed-1.0.0.tgz", SIGNED);
    let source = web.url("/stable");
    let pull = |keyring: &str, to: &str| {
        program.run(&[
            "charts",
            "pull",
            &source,
            "--keyring",
            &key(keyring),
            "--to",
            to,
            "-q",
        ])
    };
    let ran = pull("signer.gpg", "absent").ended_with(3);
    assert!(
        ran.out.contains("no provenance file, and one is required"),
        "{}",
        ran.out
    );
    web.page("/stable/signed-1.0.0.tgz.prov", PROVENANCE);
    pull("signer.gpg", "mirror").ended_with(0);
    pull("signer.gpg", "mirror").ended_with(0);
    // What lies there is checked as well as what comes.
    let ran = pull("subkey.asc", "mirror").ended_with(3);
    assert!(ran.out.contains("signed by none of the keys"), "{}", ran.out);
    let ran = pull("subkey.asc", "other").ended_with(3);
    assert!(ran.out.contains("signed by none of the keys"), "{}", ran.out);
    assert!(
        !program
            .path("other")
            .join(format!(
                "127.0.0.1-{}/stable/signed-1.0.0.tgz",
                web.address.port()
            ))
            .exists()
    );
    // A file that lies at hand is asked the same.
    for (keyring, code) in [("signer.gpg", 0), ("subkey.asc", 3)] {
        let (archive, key) = (key("signed-1.0.0.tgz"), key(keyring));
        program
            .run(&[
                "charts",
                "pull",
                &archive,
                "--keyring",
                &key,
                "--to",
                keyring,
                "-q",
            ])
            .ended_with(code);
    }
    let ran = pull("README.md", "other").ended_with(2);
    assert!(ran.err.contains("has no keys"), "{}", ran.err);
}

#[test]
fn a_provenance_file_that_came_later_is_fetched_when_one_is_required() {
    let (web, program) = (Web::start(), Program::new());
    let hex = Digest::sha256(SIGNED).hex();
    web.page(
        "/stable/index.yaml",
        format!("apiVersion: v1\nentries:\n  signed:\n  - {{name: signed, version: 1.0.0, urls: [signed-1.0.0.tgz], digest: {hex}}}\n"),
    );
    web.page("/stable/signed-1.0.0.tgz", SIGNED);
    let source = web.url("/stable");
    let words = ["charts", "pull", &source, "--to", "mirror", "-q"];
    program.run(&words).ended_with(0);
    let required = [&words[..], &["--require-provenance"]].concat();
    let ran = program.run(&required).ended_with(3);
    assert!(
        ran.out.contains("no provenance file"),
        "being there already is no excuse: {}",
        ran.out
    );
    web.page("/stable/signed-1.0.0.tgz.prov", PROVENANCE);
    program.run(&required).ended_with(0);
    let place = format!(
        "mirror/127.0.0.1-{}/stable/signed-1.0.0.tgz.prov",
        web.address.port()
    );
    assert_eq!(std::fs::read(program.path(&place)).unwrap(), PROVENANCE);
}
