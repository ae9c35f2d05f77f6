//! What tests stand on: fixtures, images, registries (scripted and real), servers, and listeners that must hear nothing.

pub(crate) mod docker_registry;
pub(crate) mod fixture_bundle;
pub(crate) mod helm;
pub(crate) mod images;
pub(crate) mod internet;
pub(crate) mod node;
pub(crate) mod program;
pub(crate) mod programs;
pub(crate) mod registry;
pub(crate) mod serving;
pub(crate) mod signing;
pub(crate) mod thief;
pub(crate) mod web;
