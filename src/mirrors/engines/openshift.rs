//! `ImageDigestMirrorSet` and `ImageTagMirrorSet` of `OpenShift`.

use std::fmt::Write;

use super::{HEADER, Work, quoted};

pub(super) fn write(mut work: Work<'_>) {
    let mirror = work.mirror;
    if mirror.is_plain() {
        let host = mirror.host();
        work.gap(format!(
            "it asks mirrors over TLS: give {host} a certificate, or name it under insecureRegistries of the cluster's image.config.openshift.io"
        ));
    }
    for (file, kind, field) in [
        ("50-digests.yaml", "ImageDigestMirrorSet", "imageDigestMirrors"),
        ("51-tags.yaml", "ImageTagMirrorSet", "imageTagMirrors"),
    ] {
        let mut text = format!(
            "{HEADER}apiVersion: config.openshift.io/v1\nkind: {kind}\nmetadata:\n  name: carrack\nspec:\n  {field}:\n"
        );
        for host in &work.hosts {
            for (source, path) in mirror.mapping.prefixes_of(host) {
                let _ = write!(
                    text,
                    "  - source: {}\n    mirrors:\n    - {}\n    mirrorSourcePolicy: NeverContactSource\n",
                    quoted(&source),
                    quoted(&mirror.location(&path))
                );
            }
        }
        work.file(file, text);
    }
    let mut apply = String::from("  oc apply -f 50-digests.yaml -f 51-tags.yaml\n");
    if let Some(pem) = mirror.authority() {
        let indented = pem.lines().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "    {line}");
            text
        });
        // The key of a host with a port is written with two dots.
        let key = mirror.host().replace(':', "..");
        let text = format!(
            "{HEADER}apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: carrack-mirror-ca\n  namespace: openshift-config\ndata:\n  {}: |\n{indented}",
            quoted(&key)
        );
        work.file("40-authority.yaml", text);
        apply.push_str("  oc apply -f 40-authority.yaml\n  oc patch image.config.openshift.io/cluster --type=merge -p '{\"spec\":{\"additionalTrustedCA\":{\"name\":\"carrack-mirror-ca\"}}}'\n");
    }
    if mirror.login.is_some() {
        let _ = writeln!(
            apply,
            "  oc get secret/pull-secret -n openshift-config -o jsonpath='{{.data.\\.dockerconfigjson}}' | base64 -d > pull.json\n  oc registry login --registry={} --auth-basic=USER:PASSWORD --to=pull.json\n  oc set data secret/pull-secret -n openshift-config --from-file=.dockerconfigjson=pull.json",
            mirror.host()
        );
    }
    let page = format!(
        "OpenShift 4.13 and later: images come from {}, under the names they always had.\n\n\
         Install, once for the cluster. Its nodes are drained and restarted one after the other:\n{apply}\n\
         Try it:\n\
         \x20 oc debug node/NODE -- chroot /host crictl pull NAME-OF-AN-IMAGE\n\n\
         Take it back:\n\
         \x20 oc delete imagedigestmirrorset/carrack imagetagmirrorset/carrack\n",
        mirror.host()
    );
    work.file("INSTALL.txt", page);
}
