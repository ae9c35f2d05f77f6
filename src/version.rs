//! Versions and version ranges with the grammar that Helm accepts (Masterminds semver).
