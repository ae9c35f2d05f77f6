use super::super::Config;
use super::{Foreign, Format, format, read};

fn taken(text: &str) -> Foreign {
    read(text, format(text).unwrap(), "file").unwrap()
}

/// The configuration as text without comments, which must read as the same configuration.
fn written(foreign: &Foreign) -> String {
    let text = foreign.config.to_commented("", &[]);
    Config::parse(&text, "written").unwrap_or_else(|error| panic!("{error}\n{text}"));
    let kept = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    kept.fold(String::new(), |all, line| all + line + "\n")
}

fn notes(foreign: &Foreign) -> Vec<String> {
    foreign.notes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_skopeo_sync_file_comes_whole() {
    let foreign = taken(
        "registry.example.com:\n  images:\n    busybox: []\n    redis: [\"1.0\", 2.0, 'sha256:0000000000000000000000000000000011111111111111111111111111111111']\n  \
         images-by-semver:\n    alpine: \">= 3.12.0\"\n  credentials: {username: john, password: hunter2}\n  tls-verify: false\n  cert-dir: /etc/certs\n\
         quay.io:\n  images-by-tag-regex:\n    coreos/etcd: ^3\\.\n",
    );
    assert_eq!(foreign.format, Format::SkopeoSync);
    assert_eq!(
        written(&foreign),
        "version: 1\nimages:\n- repository: registry.example.com/busybox\n  all-tags: true\n\
         - registry.example.com/redis:1.0\n- registry.example.com/redis:2.0\n\
         - registry.example.com/redis@sha256:0000000000000000000000000000000011111111111111111111111111111111\n\
         - repository: registry.example.com/alpine\n  versions: \">= 3.12.0\"\n\
         - repository: quay.io/coreos/etcd\n  matching: \"^3\\\\.\"\n\
         registries:\n  \"registry.example.com\":\n    plain-http: true\n    certificate-folder: /etc/certs\n    login: {username: \"john\", password-file: registry.example.com.password}\n"
    );
    let login = foreign.config.registries["registry.example.com"]
        .login
        .as_ref()
        .unwrap();
    assert_eq!(login.password.as_ref().unwrap().expose(), "hunter2");
    assert!(
        notes(&foreign)[0]
            .starts_with("line 8: tls-verify: false of registry.example.com is read as plain HTTP")
    );
}

#[test]
fn a_hauler_manifest_gives_images_and_charts_and_says_what_stays() {
    let foreign = taken(
        "apiVersion: content.hauler.cattle.io/v1\nkind: Images\nmetadata:\n  annotations: {hauler.dev/registry: reg.example.com}\nspec:\n  images:\n  - name: org/app:1\n  \
         - name: quay.io/a/b:2\n    platform: linux/amd64\n    rewrite: x/y\n---\napiVersion: content.hauler.cattle.io/v1\nkind: Charts\nspec:\n  charts:\n  \
         - {name: rancher, repoURL: https://releases.example.com/stable, version: 2.8.2}\n  - {name: app, repoURL: 'oci://ghcr.io/org'}\n---\n\
         apiVersion: content.hauler.cattle.io/v1\nkind: Files\nspec:\n  files:\n  - path: https://example.com/install.sh\n",
    );
    assert_eq!(
        written(&foreign),
        "version: 1\ncharts:\n- repository: https://releases.example.com/stable\n  name: rancher\n  version: \"2.8.2\"\n\
         - oci: oci://ghcr.io/org/app\nimages:\n- reg.example.com/org/app:1\n- quay.io/a/b:2\nplatforms: [linux/amd64]\n"
    );
    let notes = notes(&foreign);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("rewrite of quay.io/a/b:2 is not done"));
    assert!(notes[1].contains("https://example.com/install.sh does not cross"));
}

#[test]
fn helm_mirror_command_lines_are_read_as_the_shell_reads_them() {
    let foreign = taken(
        "#!/bin/sh\nset -e\nhelm mirror https://charts.example.com/stable /srv/charts \\\n  --chart-name 'argo-cd' --chart-version=7.1.0 --username me --password \"p w\" --ca-file ca.pem -v\n\
         helm-mirror http://charts.example.com:8080 /srv/all --all-versions --ignore-errors # everything\nhelm mirror inspect-images /srv/charts -o skopeo=images.yaml\nhelm mirror inspect-images /srv/older\n",
    );
    assert_eq!(foreign.format, Format::HelmMirror);
    assert_eq!(
        written(&foreign),
        "version: 1\ncharts:\n- repository: https://charts.example.com/stable\n  name: argo-cd\n  version: \"7.1.0\"\n\
         - repository: http://charts.example.com:8080/\n  all-versions: true\n- path: /srv/older\n\
         registries:\n  \"charts.example.com\":\n    ca-files: [ca.pem]\n    login: {username: \"me\", password-file: charts.example.com.password}\n"
    );
    let notes = notes(&foreign);
    assert!(
        notes[0].starts_with("line 2: `set -e` is no helm-mirror command"),
        "{notes:?}"
    );
    assert!(
        notes
            .iter()
            .any(|note| note.starts_with("line 6: -o skopeo=images.yaml")),
        "{notes:?}"
    );
    let error = read(
        "helm mirror https://a.example x --chart-nmae y\n",
        Format::HelmMirror,
        "mirror.sh",
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "mirror.sh:1 is no helm-mirror command line that can be read: `--chart-nmae` is no flag of helm-mirror"
    );
}

#[test]
fn a_compose_file_gives_its_images_and_says_what_is_built() {
    let foreign = taken(
        "version: '3'\nservices:\n  web: {image: 'nginx:1.27'}\n  own: {build: .}\n  db:\n    image: postgres:${VERSION}\n",
    );
    assert_eq!(written(&foreign), "version: 1\nimages:\n- nginx:1.27\n");
    assert_eq!(foreign.notes.len(), 2);
}

#[test]
fn a_list_gives_its_images_and_a_bad_line_is_an_error_with_its_number() {
    let foreign = taken("# images\nnginx:1.27\n\nquay.io/a/b:2 # pinned\n");
    assert_eq!(
        written(&foreign),
        "version: 1\nimages:\n- nginx:1.27\n- quay.io/a/b:2\n"
    );
    let error = read("nginx:1.27\nquay.io/Bad:1\n", Format::List, "images.txt").unwrap_err();
    assert!(
        error.to_string().starts_with("images.txt:2 is no image list"),
        "{error}"
    );
}

#[test]
fn manifests_are_nobody_elses_file() {
    assert_eq!(
        format("apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a}]}\n"),
        None
    );
    assert_eq!(
        format("web: {images: {main: nginx}}\n"),
        None,
        "values of a chart"
    );
    assert_eq!(format(""), None);
    assert_eq!(format("{\"kind\": \"List\", \"items\": []}"), None);
}
