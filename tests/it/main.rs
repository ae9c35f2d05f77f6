//! Behaviour through the library and the real binary, against real registries and engines.
#![expect(
    clippy::unwrap_used,
    reason = "a failed unwrap in a test's helper is the test's failure"
)]

mod architecture;
mod bill;
mod bit_flips;
mod chart_museum;
mod charts_hostile;
mod charts_look;
mod charts_pull;
mod charts_whole;
mod config;
mod conformance;
mod crash_points;
mod declared;
mod direct;
mod docs;
mod drive;
mod engines;
mod engines_policy;
mod export;
mod faults;
mod fuzz_seeds;
mod goyaml;
mod helm_reads;
mod hostile_auth;
mod hostile_charts;
mod idle_rules;
mod images;
mod import;
mod import_files;
mod import_folder;
mod import_target;
mod indexes;
mod inside;
mod lock;
mod on_disk;
mod pasted;
mod policy;
mod ports;
mod program;
mod proxies;
mod prune;
mod pull_sources;
mod referrers;
mod registry_auth;
mod registry_pull;
mod registry_push;
mod registry_tls;
mod render;
mod serve;
mod sizes;
mod support;
mod tags;
mod trust;
mod tutorial;
mod volumes;
mod voyage;
mod voyage_fixture;
mod vulnerabilities;
