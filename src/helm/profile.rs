//! Which Helm's output we reproduce.

/// A major of Helm, at the release that its outputs were recorded from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// Helm 3.21.4.
    Helm3,
    /// Helm 4.2.4.
    #[default]
    Helm4,
}

impl Profile {
    /// What `.Capabilities.HelmVersion.Version` says.
    pub fn helm_version(self) -> &'static str {
        match self {
            Self::Helm3 => "v3.21.4",
            Self::Helm4 => "v4.2.4",
        }
    }

    /// Whether this is Helm 4.
    pub fn is_helm4(self) -> bool {
        self == Self::Helm4
    }
}
