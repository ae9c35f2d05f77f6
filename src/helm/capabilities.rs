//! What templates learn of the cluster: without one, what Helm itself was built with.

use super::error::Error;
use super::profile::Profile;
use crate::version::kubernetes_numbers;

/// What charts are rendered for where nobody says: the minor of Kubernetes whose client library both profiles' Helm releases were built with.
pub const DEFAULT_KUBE_VERSION: &str = "v1.36.0";

/// The group versions that this client library knows, in its order. Helm lists no kinds (`apps/v1/Deployment`), and
/// the list does not depend on `--kube-version`.
const API_VERSIONS: [&str; 55] = [
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha2",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

/// The answers to questions about the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub(super) kube: KubeVersion,
    /// Group versions, and whatever `--api-versions` added.
    pub(super) api_versions: Vec<String>,
    pub(super) profile: Profile,
}

/// A version of Kubernetes as templates see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KubeVersion {
    /// As given, with a `v` (Helm 4), or without what follows the numbers (Helm 3).
    pub(super) version: String,
    /// The numbers alone, with a `v`: what constraints are checked against.
    pub(super) normalised: String,
    pub(super) major: String,
    pub(super) minor: String,
}

impl Capabilities {
    /// The defaults of a profile with what the options changed.
    pub(super) fn new(profile: Profile, version: Option<&str>, extra: &[String]) -> Result<Self, Error> {
        let version = version.unwrap_or(DEFAULT_KUBE_VERSION);
        let kube = KubeVersion::parse(version, profile).ok_or_else(|| Error::KubeVersion {
            version: version.to_owned(),
        })?;
        let known = API_VERSIONS.iter().map(|v| (*v).to_owned());
        Ok(Self {
            kube,
            api_versions: known.chain(extra.iter().cloned()).collect(),
            profile,
        })
    }
}

impl KubeVersion {
    /// Reads two or more numbers, with or without a `v`; anything may follow them.
    fn parse(text: &str, profile: Profile) -> Option<Self> {
        let numbers = kubernetes_numbers(text)?;
        let parts: Vec<String> = numbers.iter().map(u64::to_string).collect();
        let normalised = format!("v{}", parts.join("."));
        let given = if text.starts_with('v') {
            text.to_owned()
        } else {
            format!("v{text}")
        };
        Some(Self {
            version: if profile.is_helm4() {
                given
            } else {
                normalised.clone()
            },
            normalised,
            major: parts.first()?.clone(),
            minor: parts.get(1)?.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str, profile: Profile) -> Option<(String, String, String)> {
        KubeVersion::parse(text, profile).map(|k| (k.version, k.normalised, k.minor))
    }

    #[test]
    fn a_vendor_suffix_stays_in_helm_4_and_goes_in_helm_3() {
        let of = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(
            version("v1.29.3-gke.1", Profile::Helm4),
            of("v1.29.3-gke.1", "v1.29.3", "29")
        );
        assert_eq!(
            version("1.29.3-gke.1", Profile::Helm3),
            of("v1.29.3", "v1.29.3", "29")
        );
        assert_eq!(version("1.29", Profile::Helm4), of("v1.29", "v1.29", "29"));
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "1", "one.two", "v", "01.2"] {
            assert_eq!(version(text, Profile::Helm4), None, "{text}");
        }
    }
}
