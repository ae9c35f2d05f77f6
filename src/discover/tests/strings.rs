//! What is written inside strings, in pieces, or left open: templates, scripts, embedded documents, variables.

use super::*;

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

#[test]
fn a_tag_that_is_left_open_is_not_taken_for_latest() {
    let text = "kind: X\nspec:\n  env:\n  - {name: IMAGE_NAME, value: quay.io/a/b}\n  - {name: IMAGE_TAG, value: null}\n  \
                - {name: PROXY_IMAGE, value: quay.io/a/c}\n  - {name: PROXY_TAG, valueFrom: {configMapKeyRef: {key: tag}}}\n  \
                proxyImage: quay.io/a/d\n  proxyImageVersion: ''\n  side: {image: quay.io/a/e, tag: ''}\n  image: quay.io/a/f\n";
    assert_eq!(
        images(text),
        [
            "4 quay.io/a/d:latest",
            "4 quay.io/a/b:latest",
            "4 quay.io/a/c:latest",
            "4 quay.io/a/e:latest",
            "2 quay.io/a/f:latest"
        ]
    );
}

#[test]
fn a_default_without_a_tag_in_a_definition_is_a_candidate() {
    let property = "{image: {type: string, default: nvcr.io/nvidia/driver}, side: {properties: {image: {default: 'quay.io/a/b:1'}}}}";
    let text = format!(
        "kind: CustomResourceDefinition\nspec: {{versions: [{{schema: {{openAPIV3Schema: {{properties: {property}}}}}}}]}}\n"
    );
    assert_eq!(
        images(&text),
        ["4 nvcr.io/nvidia/driver:latest", "2 quay.io/a/b:1"]
    );
}

#[test]
fn a_template_in_a_text_that_is_no_document_is_a_note_too() {
    let text = "kind: ConfigMap\ndata:\n  template: |\n    containers:\n    {{- if .On }}\n    - name: proxy\n      image: \"{{ .ProxyImage }}\"\n    {{- end }}\n";
    let found = unresolved(text);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].0, found[0].1.as_str()),
        (Severity::Note, "{{ .ProxyImage }}")
    );
}

#[test]
fn flags_that_spell_an_image_in_pieces_are_one_image() {
    let text = "kind: Deployment\nspec:\n  containers:\n  - args:\n    - --grafana-image=docker.io/grafana/grafana\n    \
                - --grafana-image-tag=9.3.2\n    - --init-container-image\n    - quay.io/a/init\n    - --init-container-tag\n    - 0.0.3\n    \
                - --side-image=quay.io/a/side\n    - --side-image-tag=\n    - --plain-image=quay.io/a/plain\n";
    assert_eq!(
        images(text),
        [
            "2 docker.io/grafana/grafana:9.3.2",
            "2 quay.io/a/init:0.0.3",
            "4 quay.io/a/side:latest",
            "4 quay.io/a/plain:latest"
        ]
    );
}

#[test]
fn a_name_without_a_tag_in_a_setting_or_a_bare_word_of_a_list_is_a_candidate() {
    let text = "kind: ConfigMap\ndata: {proxy-image: mesh/proxy, other-image: 'mesh/proxy:v1'}\n";
    assert_eq!(
        images(text),
        ["4 docker.io/mesh/proxy:latest", "2 docker.io/mesh/proxy:v1"]
    );
    let text = "kind: Check\nmatch_images: [web, quay.io/a/b]\n";
    assert_eq!(
        images(text),
        ["4 docker.io/library/web:latest", "2 quay.io/a/b:latest"]
    );
}

#[test]
fn a_digest_in_the_place_of_a_tag_is_joined() {
    let hex = "b".repeat(64);
    let text = format!("kind: X\nspec: {{image: 'quay.io/a/b@sha256', imageTag: {hex}}}\n");
    assert_eq!(images(&text), [format!("2 quay.io/a/b@sha256:{hex}")]);
}

#[test]
fn a_name_and_a_tag_without_a_registry_are_noted() {
    let text = "kind: Agent\nspec: {image: {name: agent, tag: '7.1'}, other: {name: agent, tag: '7.1'}}\n";
    assert_eq!(images(text), [] as [&str; 0]);
    let rows = unresolved(text);
    assert_eq!(
        (rows.len(), rows[0].0, rows[0].1.as_str()),
        (1, Severity::Note, "agent:7.1")
    );
}

#[test]
fn variables_share_a_registry_and_a_bare_name_without_one_is_noted() {
    let env = "env: [{name: APP_CONTAINER_REGISTRY, value: r.example.com}, {name: APP_AGENT_IMAGE_NAME, value: agent}, \
               {name: APP_AGENT_IMAGE_TAG, value: '7.1'}]\n";
    assert_eq!(images(env), ["2 r.example.com/agent:7.1"]);
    let bare =
        "env: [{name: APP_AGENT_IMAGE_NAME, value: agent}, {name: APP_AGENT_IMAGE_TAG, value: '7.1'}]\n";
    assert_eq!(images(bare), [] as [&str; 0]);
    assert_eq!(unresolved(bare)[0].1, "agent:7.1");
}

#[test]
fn a_comment_behind_an_image_in_a_text_that_is_no_document_hides_nothing() {
    let text = "kind: ConfigMap\ndata:\n  a.tpl: |\n    {{ if .X }}\n    image: busybox:1.28 # the shell\n    \
                toolImage = 'quay.io/a/tool:1'\t# the tool\n    otherImage: quay.io/a/other:1#2\n    {{ end }}\n";
    assert_eq!(
        images(text),
        ["2 docker.io/library/busybox:1.28", "2 quay.io/a/tool:1"]
    );
}
