//! Helm chart repositories: index.yaml, archives, charts in OCI registries.
