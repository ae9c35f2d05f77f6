use super::*;

fn wrong(text: &str) -> String {
    Config::parse(text, "carrack.yaml").unwrap_err().to_string()
}

#[test]
fn an_unknown_key_is_shown_where_it_stands_with_what_was_probably_meant() {
    assert_eq!(
        wrong("version: 1\nimages: []\nregistries:\n  localhost:5000:\n    plain-htpp: true\n"),
        "carrack.yaml:5:5: unknown key `plain-htpp`; did you mean `plain-http`?\n   \
         5 |     plain-htpp: true\n     |     ^^^^^^^^^^"
    );
    let far = wrong("version: 1\nnonsense: 1\n");
    assert!(
        far.contains("unknown key `nonsense`; expected one of `version`, `charts`,"),
        "{far}"
    );
}

#[test]
fn a_key_that_is_said_twice_is_an_error() {
    let error = wrong("version: 1\nplatforms: [linux/amd64]\nplatforms: [linux/arm64]\n");
    assert!(
        error.starts_with("carrack.yaml:3:1: `platforms` is said twice"),
        "{error}"
    );
}

#[test]
fn texts_that_break_their_grammar_are_errors_at_their_line() {
    for (text, place, problem) in [
        (
            "images:\n- nginx:1.27\n- Nginx:1\n",
            "carrack.yaml:4:3",
            "`Nginx:1` is no image",
        ),
        (
            "images:\n- {repository: quay.io/a/b, matching: 'v1.('}\n",
            "carrack.yaml:3:",
            "unclosed group",
        ),
        (
            "images:\n- {repository: quay.io/a/b, versions: newest}\n",
            "carrack.yaml:3:",
            "newest",
        ),
        ("platforms: [linux]\n", "carrack.yaml:2:", "expected OS/ARCH"),
        (
            "registries:\n  docker.io: {}\n  https://harbor.lan: {plain-http: true}\n",
            "carrack.yaml:4:3",
            "`https://harbor.lan` is no host, which is written HOST[:PORT]",
        ),
        (
            "registries:\n  harbor.lan:99999: {plain-http: true}\n",
            "carrack.yaml:3:3",
            "65535",
        ),
        (
            "rendering: {kube-version: newest}\n",
            "carrack.yaml:2:",
            "`newest` is no version of Kubernetes",
        ),
        (
            "charts:\n- path: own\n  kube-version: v1\n",
            "carrack.yaml:4:",
            "`v1` is no version of Kubernetes",
        ),
        ("discovery: {min-tier: 7}\n", "carrack.yaml:2:", "tiers go from 1"),
        (
            "destinations: {inside: {registry: mirror.lan, map: [nowhere]}}\n",
            "carrack.yaml:2:",
            "nowhere",
        ),
    ] {
        let error = wrong(&format!("version: 1\n{text}"));
        assert!(error.starts_with(place) && error.contains(problem), "{error}");
    }
}

#[test]
fn what_does_not_go_together_is_said() {
    for (text, problem) in [
        (
            "charts: [{path: a, repository: https://b}]",
            "one of `path`, `repository` and `oci`",
        ),
        ("charts: [{path: a, version: 1}]", "has one version"),
        ("charts: [{repository: charts.example.com}]", "is a URL such as"),
        ("charts: [{oci: oci://h/c, name: x}]", "`name` chooses"),
        (
            "images: [{repository: quay.io/a/b}]",
            "which tags of quay.io/a/b?",
        ),
        ("images: [{image: nginx:1, newest: 2}]", "has its tag in its name"),
        (
            "images: [{repository: quay.io/a/b, tags: [v1], newest: 2}]",
            "names all that is carried",
        ),
        (
            "registries: {h: {login: {username: me}}}",
            "`password-file` is missing",
        ),
        (
            "destinations: {x: {registry: a.b, folder: c}}",
            "either `registry` or `folder`",
        ),
        (
            "destinations: {x: {folder: c, max-depth: 2}}",
            "`max-depth` is about paths on a registry, and this destination is a folder",
        ),
        (
            "destinations: {x: {folder: c, create-projects: public}}",
            "`create-projects` is about projects on a registry, and this destination is a folder",
        ),
    ] {
        let error = wrong(&format!("version: 1\n{text}\n"));
        assert!(error.contains(problem), "{error}");
    }
    assert!(wrong("version: 2\n").contains("reads version 1"));
    assert!(wrong("images: []\n").contains("`version` is missing"));
}

#[test]
fn tags_and_versions_may_look_like_numbers() {
    let config = Config::parse(
        "version: 1\nimages: [{repository: nginx, tags: [1.10, 1.27]}]\nrendering: {kube-version: 1.30}\n",
        "carrack.yaml",
    )
    .unwrap();
    let Some(Image::Tags {
        tags: Tags::Named(names),
        ..
    }) = config.images.first()
    else {
        panic!("no tags");
    };
    assert_eq!(names, &["1.10", "1.27"]);
    assert_eq!(config.rendering.kube_version.unwrap().text, "1.30");
}

#[test]
fn paths_are_those_of_the_files_own_folder() {
    let mut config = Config::parse(
        "version: 1\ncharts: [{path: own, values: [a.yaml, /abs.yaml], profiles: {p: [b.yaml]}}]\nmanifests: [deploy]\n",
        "carrack.yaml",
    )
    .unwrap();
    config.take_paths_from(Path::new("/git/site"));
    let chart = config.charts.first().unwrap();
    assert_eq!(chart.origin, Origin::Path("/git/site/own".into()));
    assert_eq!(
        chart.fields.values,
        [Path::new("/git/site/a.yaml"), Path::new("/abs.yaml")]
    );
    assert_eq!(chart.fields.profiles["p"], [Path::new("/git/site/b.yaml")]);
    assert_eq!(config.manifests, [Path::new("/git/site/deploy")]);
}

#[test]
fn a_configuration_is_told_from_manifests_and_compose_files() {
    assert!(is_config("# ours\nversion: 1\nimages:\n- a\n"));
    assert!(is_config("version: 1\nchart:\n- a\n"));
    assert!(!is_config("version: '3'\nservices:\n  a: {image: b}\n"));
    assert!(!is_config("apiVersion: v1\nkind: Pod\nversion: 1\nimages: []\n"));
    assert!(!is_config("nginx:1.27\n"));
}
