//! Images of the section `images` that another tool left on disk.

use std::path::PathBuf;

use super::written::Written;
use crate::layouts::{Kind, LocalSource};
use crate::reference::Reference;

/// Images that another tool left on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct OnDisk {
    /// What lies there.
    pub kind: Kind,
    /// The folder or file.
    pub path: PathBuf,
    /// The name that nodes ask for, if it is not the image's own.
    pub name: Option<Written<Reference>>,
    /// Which of several images.
    pub which: Option<String>,
}

impl OnDisk {
    /// What a word of the command line names.
    pub fn of(source: &LocalSource) -> Self {
        Self {
            kind: source.kind(),
            path: source.path().to_owned(),
            name: source.name().map(|name| Written {
                text: name.to_string(),
                value: name.clone(),
            }),
            which: source.which().map(str::to_owned),
        }
    }

    /// The source, as the command line's `NAME=oci-archive:FILE:WHICH` is one.
    pub fn source(&self) -> LocalSource {
        let name = self.name.as_ref().map(|name| name.value.clone());
        LocalSource::new(self.kind, self.path.clone(), self.which.clone(), name)
    }
}
