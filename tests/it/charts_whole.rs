//! Charts that depend on others cross the gap whole: classic repositories, registries, folders, names of Helm's list.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use carrack::digest::Digest;
use carrack::fsx;

use crate::support::docker_registry::DockerRegistry;
use crate::support::fixture_bundle::layer;
use crate::support::helm::{helm, helms};
use crate::support::program::Program;
use crate::support::programs::run;
use crate::support::serving::Serving;
use crate::support::web::Web;

/// The archive of a chart with one object that says the chart's name and version.
fn archive(name: &str, version: &str, more: &str) -> Vec<u8> {
    let chart = format!("apiVersion: v2\nname: {name}\nversion: {version}\n{more}");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Chart.Name }}\ndata:\n  version: {{ .Chart.Version | quote }}\n";
    layer(&[
        (&format!("{name}/Chart.yaml"), chart.as_bytes()),
        (&format!("{name}/templates/map.yaml"), template.as_bytes()),
    ])
}

/// Offers charts as the classic repository `/stable`.
fn offer(web: &Web, charts: &[(&str, &str, Vec<u8>)]) {
    let mut index = String::from("apiVersion: v1\nentries:\n");
    let mut names: Vec<_> = charts.iter().map(|(name, ..)| *name).collect();
    names.dedup();
    for name in names {
        writeln!(index, "  {name}:").unwrap();
        for (_, version, bytes) in charts.iter().filter(|(other, ..)| *other == name) {
            let hex = Digest::sha256(bytes).hex();
            let file = format!("{name}-{version}.tgz");
            writeln!(
                index,
                "  - {{name: {name}, version: {version}, urls: [{file}], digest: {hex}}}"
            )
            .unwrap();
            web.page(&format!("/stable/{file}"), bytes.clone());
        }
    }
    web.page("/stable/index.yaml", index);
}

fn write(root: &Path, name: &str, text: &str) {
    fsx::write(&root.join(name), text.as_bytes()).unwrap();
}

/// What a cluster says of itself to a client that only asks.
fn cluster() -> Web {
    let web = Web::start();
    let version = r#"{"major":"1","minor":"34","gitVersion":"v1.34.0"}"#;
    let resources = r#"{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"configmaps","namespaced":true,"kind":"ConfigMap","verbs":["get"]}]}"#;
    for (path, body) in [
        ("/version", version),
        ("/version?timeout=32s", version),
        ("/api?timeout=32s", r#"{"kind":"APIVersions","versions":["v1"]}"#),
        (
            "/apis?timeout=32s",
            r#"{"kind":"APIGroupList","apiVersion":"v1","groups":[]}"#,
        ),
        ("/api/v1?timeout=32s", resources),
    ] {
        web.page(path, body);
    }
    web
}

fn push(registry: &DockerRegistry, name: &str, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chart.tgz");
    fsx::write(&file, &archive(name, version, "")).unwrap();
    run(Command::new(env!("CARGO_BIN_EXE_carrack"))
        .args(["charts", "push", "--quiet"])
        .arg(&file)
        .args(["--to", &format!("oci://{}/charts", registry.host())]));
}

#[test]
fn an_umbrella_of_five_remote_charts_installs_inside_without_network() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    push(&registry, "four", "4.0.0");
    push(&registry, "five", "5.1.0");
    push(&registry, "five", "5.2.0");
    let (stable, second) = (Web::start(), Web::start());
    offer(
        &stable,
        &[
            ("one", "1.0.0", archive("one", "1.0.0", "")),
            ("one", "1.1.0", archive("one", "1.1.0", "")),
            ("three", "3.0.0", archive("three", "3.0.0", "")),
        ],
    );
    offer(&second, &[("two", "2.0.0", archive("two", "2.0.0", ""))]);
    let program = Program::new();
    write(
        &program.path(".config/helm"),
        "repositories.yaml",
        &format!(
            "repositories:\n- {{name: second, url: '{}', username: user, password: secret}}\n",
            second.url("/stable")
        ),
    );
    let (address, host) = (stable.url("/stable"), registry.host());
    let declared = [
        ("one", "^1.0.0", address.clone(), "1.0.0", address.clone()),
        ("two", ">=2", "@second".to_owned(), "2.0.0", second.url("/stable")),
        ("three", "3.x", address.clone(), "3.0.0", address),
        (
            "four",
            "4.0.0",
            format!("oci://{host}/charts"),
            "4.0.0",
            format!("oci://{host}/charts"),
        ),
        (
            "five",
            "~5.1",
            format!("oci://{host}/charts"),
            "5.1.0",
            format!("oci://{host}/charts"),
        ),
        (
            "common",
            "0.1.0",
            "file://../common".to_owned(),
            "0.1.0",
            "file://../common".to_owned(),
        ),
    ];
    let mut chart = String::from("apiVersion: v2\nname: umbrella\nversion: 1.0.0\ndependencies:\n");
    let mut lock = String::from("dependencies:\n");
    for (name, range, repository, version, resolved) in &declared {
        writeln!(
            chart,
            "- {{name: {name}, version: '{range}', repository: '{repository}'}}"
        )
        .unwrap();
        writeln!(
            lock,
            "- {{name: {name}, version: {version}, repository: '{resolved}'}}"
        )
        .unwrap();
    }
    lock.push_str("digest: sha256:0\ngenerated: '2024-01-01T00:00:00Z'\n");
    let folder = program.path("umbrella");
    write(&folder, "Chart.yaml", &chart);
    write(&folder, "Chart.lock", &lock);
    write(
        &folder,
        "templates/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: umbrella\n",
    );
    write(
        &program.path("common"),
        "Chart.yaml",
        "apiVersion: v2\nname: common\nversion: 0.1.0\n",
    );
    write(
        &program.path("common"),
        "templates/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: common\n",
    );

    // Without being asked, nobody else is asked.
    let ran = program
        .run(&["charts", "pull", "umbrella", "--to", "charts", "-q"])
        .ended_with(3);
    assert!(
        ran.out.contains("one, two, three, four, five, common"),
        "{}",
        ran.out
    );
    assert!(stable.take_asked().is_empty());

    let words = [
        "charts",
        "pull",
        "umbrella",
        "--with-dependencies",
        "--to",
        "charts",
        "-q",
        "-o",
        "json",
    ];
    let first = program.run(&words).ended_with(0);
    assert_eq!(
        first.json()["charts"].as_array().unwrap().len(),
        6,
        "{}",
        first.out
    );
    let passwords = |web: &Web| {
        web.take_asked()
            .into_iter()
            .filter(|asked| asked.authorization.is_some())
            .count()
    };
    assert_eq!(
        (passwords(&stable), passwords(&second)),
        (0, 3),
        "index, archive, provenance"
    );
    let whole = std::fs::read(program.path("charts/local/umbrella-1.0.0.tgz")).unwrap();
    let inside = carrack::helm::load_archive(&whole).unwrap();
    let found: Vec<_> = inside
        .dependencies
        .iter()
        .map(|chart| (chart.name(), chart.metadata.version.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("common", "0.1.0"),
            ("five", "5.1.0"),
            ("four", "4.0.0"),
            ("one", "1.0.0"),
            ("three", "3.0.0"),
            ("two", "2.0.0")
        ],
        "the lock's versions, not the newest"
    );
    let embedded = inside
        .raw
        .iter()
        .find(|file| file.name == "charts/one-1.0.0.tgz")
        .unwrap();
    assert_eq!(&*embedded.data, archive("one", "1.0.0", ""), "unchanged");
    let mirrored = format!("charts/127.0.0.1-{}/stable/one-1.0.0.tgz", stable.address.port());
    assert_eq!(
        std::fs::read(program.path(&mirrored)).unwrap(),
        archive("one", "1.0.0", "")
    );
    program.run(&words).ended_with(0);
    assert_eq!(
        std::fs::read(program.path("charts/local/umbrella-1.0.0.tgz")).unwrap(),
        whole
    );

    // Over the gap: nobody outside answers any more.
    program
        .run(&[
            "export",
            "charts/local/umbrella-1.0.0.tgz",
            "--to",
            "bundle",
            "-q",
        ])
        .ended_with(0);
    program.run(&["verify", "bundle"]).ended_with(0);
    drop(registry);
    stable.take_asked();
    second.take_asked();
    let serving = Serving::start(&program.path("bundle"));
    let cluster = cluster();
    for program in helms() {
        let home = tempfile::tempdir().unwrap();
        let helm = |words: &[&str]| run(&mut helm(&program, home.path(), words));
        helm(&["repo", "add", "inside", &serving.url("/charts/local")]);
        // Helm 3 asks for the cluster's version even where nothing is to be installed.
        let cluster = cluster.url("");
        let install = [
            "install",
            "r",
            "inside/umbrella",
            "--dry-run=client",
            "--disable-openapi-validation",
            "--kube-apiserver",
            &cluster,
        ];
        for words in [&["template", "r", "inside/umbrella"][..], &install] {
            let text = helm(words);
            for name in ["umbrella", "common", "one", "two", "three", "four", "five"] {
                assert!(text.contains(&format!("name: {name}\n")), "{name}: {text}");
            }
        }
    }
    assert!(stable.take_asked().is_empty() && second.take_asked().is_empty());
}

#[test]
fn an_archive_without_its_charts_stays_as_it_is_and_lies_whole_beside() {
    let web = Web::start();
    let dependency = format!(
        "dependencies: [{{name: one, version: '>=1', repository: '{}'}}]\n",
        web.url("/stable")
    );
    let hollow = archive("hollow", "1.0.0", &dependency);
    offer(
        &web,
        &[
            ("hollow", "1.0.0", hollow.clone()),
            ("one", "1.0.0", archive("one", "1.0.0", "")),
        ],
    );
    let program = Program::new();
    let source = web.url("/stable#hollow");
    let ran = program
        .run(&["charts", "pull", &source, "--to", "warned", "-o", "json", "-q"])
        .ended_with(0);
    let warning = ran.json()["charts"][0]["warnings"][0].to_string();
    assert!(
        warning.contains("not inside: one; --with-dependencies fetches them"),
        "{warning}"
    );
    program
        .run(&[
            "charts",
            "pull",
            &source,
            "--to",
            "charts",
            "--with-dependencies",
            "-q",
        ])
        .ended_with(0);
    let place = format!("charts/127.0.0.1-{}/stable", web.address.port());
    assert_eq!(
        std::fs::read(program.path(&format!("{place}/hollow-1.0.0.tgz"))).unwrap(),
        hollow
    );
    assert_eq!(
        std::fs::read(program.path(&format!("{place}/one-1.0.0.tgz"))).unwrap(),
        archive("one", "1.0.0", "")
    );
    let whole = std::fs::read(program.path("charts/local/hollow-1.0.0.tgz")).unwrap();
    assert_eq!(
        carrack::helm::load_archive(&whole).unwrap().dependencies[0].name(),
        "one"
    );
}

#[test]
fn a_dependency_that_cannot_be_had_names_itself_and_the_cause() {
    let web = Web::start();
    offer(&web, &[("one", "1.0.0", archive("one", "1.0.0", ""))]);
    let stable = web.url("/stable");
    for (dependency, lock, said) in [
        (
            format!("{{name: one, version: '>=2', repository: '{stable}'}}"),
            "",
            "none of its 1 versions",
        ),
        (
            format!("{{name: two, version: '>=2', repository: '{stable}'}}"),
            "",
            "no chart is called `two`",
        ),
        (
            "{name: one, version: '1', repository: '@nobody'}".to_owned(),
            "",
            "no repository is called `nobody`",
        ),
        (
            "{name: one, version: '1', repository: 'file://../gone'}".to_owned(),
            "",
            "cannot read",
        ),
        (
            "{name: one, version: '1', repository: ''}".to_owned(),
            "",
            "names no repository",
        ),
        (
            "{name: ../one, version: '1', repository: 'https://x.example'}".to_owned(),
            "",
            "a name that no chart can have",
        ),
        (
            format!("{{name: one, version: '>=1', repository: '{stable}'}}"),
            "dependencies: [{name: one, version: 0.9.0, repository: 'URL'}]\n",
            "Chart.yaml does not allow",
        ),
        (
            format!("{{name: one, version: '>=1', repository: '{stable}'}}"),
            "dependencies: []\n",
            "is not in Chart.lock",
        ),
    ] {
        let program = Program::new();
        let folder = program.path("umbrella");
        write(
            &folder,
            "Chart.yaml",
            &format!("apiVersion: v2\nname: umbrella\nversion: 1.0.0\ndependencies: [{dependency}]\n"),
        );
        if !lock.is_empty() {
            write(&folder, "Chart.lock", &lock.replace("URL", &stable));
        }
        let ran = program
            .run(&[
                "charts",
                "pull",
                "umbrella",
                "--with-dependencies",
                "--to",
                "charts",
                "-q",
            ])
            .ended_with(3);
        assert!(ran.out.contains(said), "{dependency}: {}", ran.out);
        assert!(!program.path("charts/local/umbrella-1.0.0.tgz").exists());
    }
}
