//! The registry that images are imported into.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Error;
use crate::reference::Repository;
use crate::secret::printable;

/// A registry inside the gap, with the path on it under which everything goes: `mirror.secure.lan/project`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    registry: String,
    prefix: Option<String>,
}

impl Target {
    /// The registry's host, with its port if one is given: `mirror.secure.lan:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path under which everything goes, without slashes at its ends: `project/mirror`.
    pub fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bare = text
            .trim()
            .trim_start_matches("https://")
            .trim_start_matches("http://")
            .trim_start_matches("oci://")
            .trim_start_matches("docker://")
            .trim_end_matches('/');
        let (host, prefix) = match bare.split_once('/') {
            Some((host, prefix)) => (host, Some(prefix)),
            None => (bare, None),
        };
        // A path is needed to check a host by the one grammar; `x` is a legal one.
        let repository = Repository::new(host, prefix.unwrap_or("x")).map_err(|cause| Error::BadTarget {
            target: printable(text, 120),
            cause,
        })?;
        Ok(Self {
            registry: repository.host().to_owned(),
            prefix: prefix.map(str::to_owned),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.registry)?;
        if let Some(prefix) = &self.prefix {
            write!(f, "/{prefix}")?;
        }
        Ok(())
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_host_and_perhaps_a_prefix() {
        let target: Target = "mirror.secure.lan:5000/project/sub/".parse().unwrap();
        assert_eq!(
            (target.registry(), target.prefix()),
            ("mirror.secure.lan:5000", Some("project/sub"))
        );
        assert_eq!(target.to_string(), "mirror.secure.lan:5000/project/sub");
        let plain: Target = "localhost".parse().unwrap();
        assert_eq!((plain.registry(), plain.prefix()), ("localhost", None));
    }

    #[test]
    fn what_is_no_registry_is_refused() {
        for text in ["", "a b", "host/../x", "host/Upper", "host//x", "host:port"] {
            assert!(
                matches!(text.parse::<Target>(), Err(Error::BadTarget { .. })),
                "{text}"
            );
        }
    }
}
