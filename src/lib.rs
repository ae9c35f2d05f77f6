//! Carrack takes Helm charts and container images across an air gap, names and digests unchanged.
//!
//! This page is the map of the house. Each module has one room; the arrows below are the only ways between
//! rooms, and `tests/it/architecture.rs` reads every `use crate::` and holds them.
//!
//! ```text
//! ── ground: values, and the only door to the disk ──────────────────────────────────────────────────────
//! digest reference version observe deadline excerpt secret causes shell
//! fsx/            the only writer of files: atomic, durable (FAT32 too), resumable, space and limits
//! ── engines: pure, synchronous, no network ─────────────────────────────────────────────────────────────
//! goyaml/         YAML and JSON exactly as Helm's Go libraries read and write them
//! gotemplate/     Go text/template: lexer, parser, tree, values, evaluator, fmt verbs; knows nothing of Helm
//! sprig/          the function library, files split as Sprig's own are
//! helm/           charts as data: loading, .helmignore, dependencies, values, capabilities, engine, manifests
//! explore/        which switches hide images: probe, plan, re-render
//! discover/       documents → image references, with tier and provenance
//! ── formats ────────────────────────────────────────────────────────────────────────────────────────────
//! oci/            media types, descriptors, manifests, indexes
//! bundle/         the portable directory: layout, inventory, verify
//! layouts/        images that other tools left on disk: OCI layouts and archives, docker archives
//! trust/          signatures of the inventory and of images, policy, replay
//! mirrors/        reference mapping, container-engine configuration both ways, what nodes asked for in vain
//! config/         carrack.yaml, and other tools' files read as the same
//! ── network (async) ────────────────────────────────────────────────────────────────────────────────────
//! http/           one client for all hosts: TLS, redirects, retries, budgets
//! credentials/    who we are to a host: docker config, auth.json, helpers
//! registry/       the OCI distribution protocol, both directions
//! chartrepo/      Helm repositories: index.yaml, archives, OCI charts
//! serve/          a bundle as a read-only registry and chart repository
//! ── work ───────────────────────────────────────────────────────────────────────────────────────────────
//! transfer/       plan (what is missing where) → run (workers) → report
//! commands/       charts images export import verify prune sign bill serve: options → plan → run → report
//! ── people ─────────────────────────────────────────────────────────────────────────────────────────────
//! cli/            clap arguments, environment (one door), printer, progress, failure (hints and exit codes)
//! ```
//!
//! Arrows, one way:
//!
//! ```text
//! cli → commands → transfer → {registry, chartrepo, bundle, layouts, mirrors}
//! commands → {serve, explore, discover, helm, trust}   serve → {bundle, mirrors, oci}
//! registry, chartrepo → {http, credentials, oci}    http → credentials
//! explore → {helm, discover}    helm → {sprig → gotemplate, goyaml}    discover → {goyaml}
//! bundle, layouts → {oci, fsx}    trust → {oci, fsx}    chartrepo → {goyaml, fsx, helm}
//! config → {layouts, mirrors, trust, goyaml}    mirrors → {goyaml}
//! all → digest, reference, version, observe, deadline, excerpt, secret, causes, shell
//! ```
//!
//! `gotemplate`, `sprig`, `goyaml`, `helm`, `explore`, `discover`, `bundle`, `layouts`, `trust`, `mirrors` and `config`
//! never name `http`, `registry` or `credentials`. Nobody names `cli`.

pub mod bundle;
pub mod causes;
pub mod chartrepo;
pub mod cli;
pub mod commands;
pub mod config;
pub mod credentials;
pub mod deadline;
pub mod digest;
pub mod discover;
pub mod excerpt;
pub mod explore;
pub mod fsx;
pub mod gotemplate;
pub mod goyaml;
pub mod helm;
pub mod http;
pub mod layouts;
pub mod mirrors;
pub mod observe;
pub mod oci;
pub mod reference;
pub mod registry;
pub mod secret;
pub mod serve;
pub mod shell;
pub mod sprig;
pub mod transfer;
pub mod trust;
pub mod version;
