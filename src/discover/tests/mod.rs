//! The traps that lost images for others, each as a small document.

mod strings;

use super::*;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn origin() -> Origin {
    Origin {
        subject: Subject {
            file: "manifest.yaml".to_owned(),
            ..Subject::default()
        },
        source: Source::Manifest,
        lines_before: 0,
    }
}

fn sightings(text: &str) -> Vec<Sighting> {
    walk(text.as_bytes(), &origin(), &Knowledge::built_in()).unwrap()
}

/// `tier reference` of every image, in the order of the walk.
fn images(text: &str) -> Vec<String> {
    sightings(text)
        .iter()
        .filter_map(|s| match &s.reading {
            Reading::Image(reference) => Some(format!("{} {reference}", s.tier)),
            Reading::Unresolved { .. } => None,
        })
        .collect()
}

fn unresolved(text: &str) -> Vec<(Severity, String, String)> {
    sightings(text)
        .into_iter()
        .filter_map(|s| match s.reading {
            Reading::Unresolved { severity, reason } => Some((severity, s.raw, reason)),
            Reading::Image(_) => None,
        })
        .collect()
}

#[test]
fn a_container_is_one_in_every_kind_and_every_list() {
    let pod = "spec: {initContainers: [{name: a, image: busybox:1}], containers: [{name: b, image: nginx:1}], \
               ephemeralContainers: [{name: c, image: alpine:3}]}";
    let text = format!(
        "kind: CronJob\nspec: {{jobTemplate: {{spec: {{template: {{{pod}}}}}}}}}\n---\nkind: Whatever\nspec: {{containers: [{{image: redis:7}}]}}\n"
    );
    assert_eq!(
        images(&text),
        [
            "1 docker.io/library/busybox:1",
            "1 docker.io/library/nginx:1",
            "1 docker.io/library/alpine:3",
            "1 docker.io/library/redis:7"
        ]
    );
}

#[test]
fn image_volumes_and_container_disks_are_pulled_by_the_kubelet_too() {
    let text = "kind: Pod\nspec:\n  volumes:\n  - name: m\n    image: {reference: quay.io/models/llm:v1, pullPolicy: Always}\n";
    assert_eq!(images(text), ["1 quay.io/models/llm:v1"]);
    let text = "kind: VirtualMachine\nspec: {volumes: [{name: d, containerDisk: {image: quay.io/kubevirt/cirros:v1}}]}\n";
    assert_eq!(images(text), ["1 quay.io/kubevirt/cirros:v1"]);
}

#[test]
fn the_items_of_a_list_are_documents_of_their_own() {
    let text = "kind: List\nitems:\n- kind: Pod\n  metadata: {name: one, namespace: shop}\n  spec:\n    containers:\n    - image: nginx:1\n";
    let found = sightings(text);
    let place = &found[0].place;
    assert_eq!(
        (place.subject.kind.as_str(), place.subject.name.as_str()),
        ("Pod", "one")
    );
    assert_eq!(place.subject.namespace, "shop");
    assert_eq!(place.pointer, "/items/0/spec/containers/0/image");
    assert_eq!(place.line, Some(7));
}

#[test]
fn a_map_of_images_holds_references_under_any_names() {
    let text = format!(
        "spec:\n  images: {{shell: 'busybox:1.36', web: 'quay.io/a/b:v1', registry: 'mirror.example.com:5000',\n    \
         digest: 'sha256:{HEX}', port: 'cache:6379', note: 'see:below for more', pullPolicy: Always}}\n"
    );
    assert_eq!(
        images(&text),
        ["2 docker.io/library/busybox:1.36", "2 quay.io/a/b:v1"]
    );
}

#[test]
fn what_an_object_reports_in_its_status_is_no_need() {
    let status = "status:\n  images:\n  - {names: ['docker.io/acme/seen:v1.2'], sizeBytes: 1}\n";
    let node = format!("apiVersion: v1\nkind: Node\n{status}");
    assert_eq!(images(&node), ["4 docker.io/acme/seen:v1.2"]);
    assert_eq!(images(status), ["3 docker.io/acme/seen:v1.2"]);
}

#[test]
fn size_inside_csi_resizer_image_hides_nothing() {
    let text = "kind: Deployment\nenv:\n- {name: CSI_RESIZER_IMAGE, value: 'longhornio/csi-resizer:v1.13.2'}\n\
                - {name: IMAGE_PULL_POLICY, value: 'a/b:c1'}\n";
    assert_eq!(
        images(text),
        ["2 docker.io/longhornio/csi-resizer:v1.13.2", "3 docker.io/a/b:c1"]
    );
}

#[test]
fn a_multi_line_map_of_versions_to_images_is_split() {
    let text = "env:\n- name: STRIMZI_KAFKA_IMAGES\n  value: |\n    3.8.0=quay.io/strimzi/kafka:0.44.0-kafka-3.8.0\n    3.9.0=quay.io/strimzi/kafka:0.44.0-kafka-3.9.0\n";
    assert_eq!(
        images(text),
        [
            "2 quay.io/strimzi/kafka:0.44.0-kafka-3.8.0",
            "2 quay.io/strimzi/kafka:0.44.0-kafka-3.9.0"
        ]
    );
}

#[test]
fn istio_composes_hub_tag_and_a_bare_image_and_auto_is_none() {
    let text = r#"
kind: ConfigMap
data:
  values: |
    {"global": {"hub": "docker.io/istio", "tag": "1.24.1", "proxy": {"image": "proxyv2"}, "other": {"image": "auto"}}}
"#;
    assert_eq!(images(text), ["2 docker.io/istio/proxyv2:1.24.1"]);
    let text = "kind: Deployment\nspec: {containers: [{name: istio-proxy, image: auto}]}\n";
    assert_eq!(images(text), [] as [&str; 0]);
    assert_eq!(unresolved(text)[0].0, Severity::Note);
}

#[test]
fn nvidia_triples_are_joined_and_read_once() {
    let text = "apiVersion: nvidia.com/v1\nkind: ClusterPolicy\nspec:\n  driver: {repository: nvcr.io/nvidia, image: driver, version: '550.54'}\n  \
                toolkit: {repository: nvcr.io/nvidia/k8s, image: container-toolkit, version: v1.17.0-ubuntu20.04}\n";
    assert_eq!(
        images(text),
        [
            "2 nvcr.io/nvidia/driver:550.54",
            "2 nvcr.io/nvidia/k8s/container-toolkit:v1.17.0-ubuntu20.04"
        ]
    );
}

#[test]
fn a_map_that_names_an_image_below_its_directory_names_nothing_else() {
    let text = "kind: Worker\nspec: {image: {repository: gcr.io/acme, name: worker, tag: 2.21.0}}\n";
    assert_eq!(images(text), ["2 gcr.io/acme/worker:2.21.0"]);
    let text = "kind: Worker\nspec: {image: {repo: quay.io, image: acme/in8, tag: v8}}\n";
    assert_eq!(images(text), ["2 quay.io/acme/in8:v8"]);
}

#[test]
fn eck_builds_its_image_from_the_version() {
    let text = "apiVersion: elasticsearch.k8s.elastic.co/v1\nkind: Elasticsearch\nspec: {version: 8.15.0}\n";
    assert_eq!(
        images(text),
        ["2 docker.elastic.co/elasticsearch/elasticsearch:8.15.0"]
    );
    let text = "apiVersion: elasticsearch.k8s.elastic.co/v1\nkind: Elasticsearch\nspec: {version: 8.15.0, image: 'mirror.example.com/es:8'}\n";
    assert_eq!(images(text), ["2 mirror.example.com/es:8"]);
}

#[test]
fn examples_in_config_maps_are_candidates_only() {
    let text = "kind: ConfigMap\ndata:\n  _example: |\n    # comment\n    queueSidecarImage: gcr.io/knative/queue:v1\n    image: a/b:v2\n";
    assert_eq!(images(text), ["4 gcr.io/knative/queue:v1", "4 docker.io/a/b:v2"]);
}

#[test]
fn only_defaults_of_a_definition_are_images_and_its_prose_mentions_candidates() {
    let text = "
kind: CustomResourceDefinition
spec:
  versions:
  - schema:
      openAPIV3Schema:
        properties:
          spec:
            properties:
              image:
                type: string
                description: for example quay.io/wrong/one:v1
                default: quay.io/right/one:v1
                enum: [quay.io/wrong/two:v2]
              default:
                type: string
                example: quay.io/wrong/three:v3
              config:
                default: {sidecar: quay.io/right/two:v2}
";
    assert_eq!(
        images(text),
        [
            "4 quay.io/wrong/one:v1",
            "2 quay.io/right/one:v1",
            "4 quay.io/wrong/two:v2",
            "4 quay.io/wrong/three:v3",
            "3 quay.io/right/two:v2"
        ]
    );
}

#[test]
fn an_empty_digest_is_reported_and_never_dropped() {
    let text = "kind: Pod\nspec: {containers: [{name: a, image: 'quay.io/a/b@'}]}\n";
    let rows = unresolved(text);
    assert_eq!((rows[0].0, rows[0].1.as_str()), (Severity::Error, "quay.io/a/b@"));
    assert!(rows[0].2.contains("no digest"), "{}", rows[0].2);
}

#[test]
fn an_unreadable_image_of_a_container_is_an_error_finding() {
    for image in [
        "nginx:",
        "Nginx:1",
        "{{ .Values.image }}",
        "$(IMAGE)",
        "repo:@sha256:abc",
        "a/b:1.0+2",
        "/nginx:1",
        "a/b@sha256:abc",
    ] {
        let text = format!("kind: Pod\nspec: {{containers: [{{name: a, image: '{image}'}}]}}\n");
        let rows = unresolved(&text);
        assert_eq!(rows.len(), 1, "{image}");
        assert_eq!(rows[0].0, Severity::Error, "{image}");
    }
    let text = "kind: Pod\nspec: {containers: [{name: a, image: ''}]}\n";
    assert_eq!(unresolved(text)[0].0, Severity::Warning);
}
