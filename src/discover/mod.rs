//! Kubernetes documents → image references, with tier and provenance.
