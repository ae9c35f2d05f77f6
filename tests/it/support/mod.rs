//! What tests stand on: fixtures, images, registries (scripted and real), servers, and listeners that must hear nothing.

#[expect(dead_code, reason = "its faults and questions are for the tests to come")]
pub(crate) mod docker_registry;
pub(crate) mod fixture_bundle;
#[expect(dead_code, reason = "its faults and questions are for the tests to come")]
pub(crate) mod images;
#[expect(dead_code, reason = "its faults and questions are for the tests to come")]
pub(crate) mod registry;
pub(crate) mod serving;
#[expect(dead_code, reason = "its faults and questions are for the tests to come")]
pub(crate) mod thief;
pub(crate) mod web;
