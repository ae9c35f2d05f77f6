//! What tests stand on: fixtures, servers, tools.

pub(crate) mod fixture_bundle;
pub(crate) mod serving;
