//! The traps that lost images for others, each as a small document.

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

#[test]
fn a_template_that_something_fills_in_at_run_time_is_a_note() {
    let text = "kind: ConfigMap\ndata:\n  template: |\n    spec:\n      containers:\n      - name: proxy\n        image: \"{{ .ProxyImage }}\"\n";
    assert_eq!(unresolved(text)[0].0, Severity::Note);
    let text = "kind: WorkflowTemplate\nspec: {templates: [{containers: [{name: a, image: '{{inputs.parameters.image}}'}]}]}\n";
    assert_eq!(unresolved(text)[0].0, Severity::Note);
}

#[test]
fn flags_scripts_and_pairs_of_arguments_are_read() {
    let text = "
kind: Deployment
spec:
  containers:
  - args:
    - --prometheus-config-reloader=quay.io/prometheus-operator/prometheus-config-reloader:v0.80.0
    - --manager-image
    - longhornio/longhorn-manager:v1.8.0
    - --image-pull-policy=IfNotPresent
    - -engine-image=longhornio/longhorn-engine:v1.8.0
    command: [sh, -c, 'exec manager --share-manager-image longhornio/longhorn-share-manager:v1.8.0 --v=2']
";
    assert_eq!(
        images(text),
        [
            "3 quay.io/prometheus-operator/prometheus-config-reloader:v0.80.0",
            "2 docker.io/longhornio/longhorn-manager:v1.8.0",
            "2 docker.io/longhornio/longhorn-engine:v1.8.0",
            "2 docker.io/longhornio/longhorn-share-manager:v1.8.0"
        ]
    );
}

#[test]
fn manifests_inside_config_maps_are_walked_with_their_lines() {
    let text = "kind: ConfigMap\ndata:\n  pod.yaml: |\n    kind: Pod\n    spec:\n      containers:\n      - name: a\n        image: quay.io/a/b:v1\n";
    let found = sightings(text);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].tier, Tier::Certain);
    assert_eq!(found[0].place.embedded, ["/data/pod.yaml"]);
    assert_eq!(found[0].place.line, Some(8));
}

#[test]
fn broken_json_in_a_config_map_is_still_searched() {
    let text = "kind: ConfigMap\ndata:\n  config.json: |\n    {\"image\": \"quay.io/a/b:v1\", broken\n";
    assert_eq!(images(text), ["3 quay.io/a/b:v1"]);
}

#[test]
fn secrets_are_decoded_and_what_is_unreadable_in_them_is_not_repeated() {
    let text = "kind: Secret\nstringData:\n  config: |\n    sidecarImage: quay.io/a/b:v1\n    otherImage: 'hunter2@'\n  password: some/word:pass1\n\
                data:\n  more: aW1hZ2U6IHF1YXkuaW8vYy9kOnYyCm90aGVyOiAxCg==\n";
    assert_eq!(images(text), ["2 quay.io/a/b:v1", "2 quay.io/c/d:v2"]);
    let rows = unresolved(text);
    assert_eq!(rows.len(), 1);
    assert!(
        !rows[0].1.contains("hunter2") && !rows[0].2.contains("hunter2"),
        "{rows:?}"
    );
}

#[test]
fn dashboards_and_rule_expressions_need_no_images() {
    let text =
        "kind: ConfigMap\ndata:\n  dash.json: |\n    {\"panels\": [{\"title\": \"see quay.io/a/b:v1\"}]}\n";
    assert_eq!(images(text), ["4 quay.io/a/b:v1"]);
    let text = "kind: PrometheusRule\nspec: {groups: [{rules: [{expr: 'x{image=\"quay.io/a/b:v1\"}', record: 'a/b:c1'}]}]}\n";
    assert_eq!(images(text), [] as [&str; 0]);
}

#[test]
fn annotations_that_announce_an_image_are_strong() {
    let text = "kind: Deployment\nmetadata:\n  annotations:\n    sidecar.istio.io/proxyImage: quay.io/istio/proxyv2:1.24\n    note: plain words\n";
    assert_eq!(images(text), ["2 quay.io/istio/proxyv2:1.24"]);
}

#[test]
fn digests_without_a_repository_are_listed() {
    let text = format!("env:\n- {{name: VIRT_API_IMAGE_SHA, value: 'sha256:{HEX}'}}\n");
    assert_eq!(unresolved(&text)[0].0, Severity::Note);
}

#[test]
fn an_operators_digests_are_joined_with_its_own_repository() {
    let text = format!(
        "kind: Deployment\nspec: {{template: {{spec: {{containers: [{{image: 'quay.io/kubevirt/virt-operator:v1', env: [\
         {{name: VIRT_API_SHASUM, value: 'sha256:{HEX}'}}, {{name: GS_SHASUM, value: 'sha256:{HEX}'}}]}}]}}}}}}\n"
    );
    assert_eq!(
        images(&text),
        [
            "1 quay.io/kubevirt/virt-operator:v1".to_owned(),
            format!("2 quay.io/kubevirt/virt-api@sha256:{HEX}"),
            format!("2 quay.io/kubevirt/libguestfs-tools@sha256:{HEX}"),
        ]
    );
}

#[test]
fn invalid_yaml_is_an_error_with_its_line_and_the_text_can_still_be_searched() {
    let text = "kind: Pod\nspec: [unclosed\nimage: quay.io/a/b:v1\n";
    assert!(matches!(
        walk(text.as_bytes(), &origin(), &Knowledge::built_in()),
        Err(Error::InvalidYaml { line: 2.., .. })
    ));
    assert_eq!(scan_text(text, &origin()).len(), 1);
}

#[test]
fn an_alias_bomb_is_refused_in_a_document_and_searched_as_text_in_a_string() {
    let bomb = (1..12).fold("a0: &a0 [quay.io/a/b:v1]\n".to_owned(), |text, n| {
        let list = vec![format!("*a{}", n - 1); 10].join(", ");
        text + &format!("a{n}: &a{n} [{list}]\n")
    });
    assert!(walk(bomb.as_bytes(), &origin(), &Knowledge::built_in()).is_err());
    let inside = bomb.trim_end().replace('\n', "\n    ");
    let map = format!("kind: ConfigMap\ndata:\n  bomb.yaml: |\n    {inside}\n");
    assert_eq!(images(&map), ["3 quay.io/a/b:v1"]);
}

#[test]
fn pieces_under_names_that_begin_alike_are_one_image() {
    let text = "kind: Deployment\nspec:\n  containers:\n  - image: a/operator:1\n    env:\n    \
                - {name: SIDECAR_IMAGE_REPOSITORY, value: quay.io/a/sidecar}\n    - {name: SIDECAR_IMAGE_TAG, value: v2}\n";
    assert_eq!(
        images(text),
        ["1 docker.io/a/operator:1", "2 quay.io/a/sidecar:v2"]
    );
    let text = "kind: ConfigMap\ndata: {trivy.repository: quay.io/a/trivy, trivy.tag: '0.50'}\n";
    assert_eq!(images(text), ["2 quay.io/a/trivy:0.50"]);
}

#[test]
fn a_base_image_without_a_tag_a_port_and_a_socket_are_no_images() {
    let text = "args: [--prometheus-default-base-image=quay.io/a/prometheus, --image-service=thumbnails:8080, \
                '--image-endpoint=unix:///run/containerd.sock']\n";
    assert_eq!(
        images(text),
        [
            "4 quay.io/a/prometheus:latest",
            "4 docker.io/library/thumbnails:8080"
        ]
    );
    assert!(unresolved(text).iter().all(|row| row.0 == Severity::Note));
}

#[test]
fn an_operator_bundle_declares_its_images_and_its_deployments_are_read_too() {
    let text = "kind: ClusterServiceVersion\nmetadata: {annotations: {containerImage: 'quay.io/a/operator:v1'}}\nspec:\n  \
                install: {spec: {deployments: [{spec: {template: {spec: {containers: [{image: 'quay.io/a/operator:v1', env: \
                [{name: RELATED_IMAGE_DB, value: 'quay.io/a/db:v2'}]}]}}}}]}}\n  relatedImages: [{name: db, image: 'quay.io/a/db:v2'}]\n";
    assert_eq!(
        images(text),
        [
            "2 quay.io/a/operator:v1",
            "1 quay.io/a/operator:v1",
            "2 quay.io/a/db:v2",
            "2 quay.io/a/db:v2"
        ]
    );
    assert!(
        sightings(text)
            .iter()
            .any(|s| s.source == Source::Bundle && s.rule == Rule::RelatedImage)
    );
}

#[test]
fn openshift_and_kustomize_name_images_in_their_own_ways() {
    let text = "kind: ImageStream\nspec: {tags: [{from: {kind: DockerImage, name: 'quay.io/a/b'}}]}\n---\n\
                kind: Kustomization\nimages:\n- {name: nginx, newTag: '1.27'}\n- {name: x/y, newName: quay.io/x/y, newTag: v1}\n";
    assert_eq!(
        images(text),
        [
            "2 quay.io/a/b:latest",
            "2 docker.io/library/nginx:1.27",
            "2 quay.io/x/y:v1"
        ]
    );
}

#[test]
fn comments_mention_candidates_only() {
    let text = "# was quay.io/a/b:v1\nkind: Pod\n";
    assert_eq!(images(text), ["4 quay.io/a/b:v1"]);
}

#[test]
fn hostile_documents_end_in_an_error_or_a_row_and_never_in_a_panic() {
    let deep = format!("a: {}", "[".repeat(5_000));
    assert!(walk(deep.as_bytes(), &origin(), &Knowledge::built_in()).is_err());
    let nested = (0..600).fold(String::from("quay.io/a/b:v1"), |inner, _| {
        format!("{{\"a\": {inner}}}")
    });
    assert!(
        unresolved(&nested)
            .iter()
            .any(|row| row.2.contains("nested deeper"))
    );
    let huge = vec![b' '; MANIFEST_CAP + 1];
    assert!(matches!(
        walk(&huge, &origin(), &Knowledge::built_in()),
        Err(Error::TooLarge { .. })
    ));
    for text in [
        "",
        "\u{0}",
        "- - -",
        "? a\n: b",
        "&a [*a]",
        "!!binary x",
        "--- |\n--- >\n",
    ] {
        let _ = walk(text.as_bytes(), &origin(), &Knowledge::built_in());
    }
}
