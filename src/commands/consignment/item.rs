//! What a word of the command line is: an image, a chart, a file, or images on disk.

use std::path::{Path, PathBuf};

use crate::bundle;
use crate::causes::chain;
use crate::chartrepo;
use crate::commands::Error;
use crate::layouts::{self, LocalSource};
use crate::reference::Reference;
use crate::secret::printable;
use crate::shell::quoted;
use crate::transfer::{TagFilter, TagSelection};

/// Who named what stands on the command line itself.
pub(super) const COMMAND_LINE: &str = "command line";

/// One thing that an export is asked to carry.
#[derive(Clone, Debug)]
pub enum Item {
    /// An image.
    Reference(Reference),
    /// Tags of a repository, whichever they are today.
    Tags(TagSelection),
    /// Charts of a repository, with their images.
    Repository(chartrepo::Source),
    /// A chart, manifests or a list on disk, with the images found there.
    Path(PathBuf),
    /// Images that another tool left on disk.
    OnDisk(LocalSource),
}

/// Whether a word that names nothing here is a file's name all the same: images are not called so.
fn is_file_name(text: &str) -> bool {
    let end = text.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    !text.contains(':')
        && matches!(
            end.as_deref(),
            Some("txt" | "yaml" | "yml" | "json" | "tgz" | "lst" | "list")
        )
}

impl Item {
    /// A file or folder with charts, manifests or a list. A bundle is none: the receipts in it name other registries.
    pub fn path(text: &str) -> Result<Self, Error> {
        let path = PathBuf::from(text);
        if bundle::is_bundle(&path) {
            let shown = printable(text, 200);
            let (layout, word) = (format!("oci:{shown}"), quoted(&shown));
            return Err(Error::Usage {
                problem: format!(
                    "`{shown}` is a bundle: {} names the images in it, and `carrack import --from {word} --to dir:FOLDER` copies all of it",
                    quoted(&layout)
                ),
            });
        }
        Ok(Self::Path(path))
    }

    /// Whether a word of the command line names images on disk.
    pub fn is_on_disk(text: &str) -> bool {
        LocalSource::is_one(text)
    }

    /// Tells what a word of the command line is: a URL, images on disk, a file or folder, or else a reference. With a filter
    /// of tags, a reference without tag and digest is a repository whose tags are chosen by it.
    pub fn parse(text: &str, tags: Option<&TagFilter>) -> Result<Self, Error> {
        if ["http://", "https://", "oci://"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
        {
            return Ok(Self::Repository(text.parse()?));
        }
        if LocalSource::is_one(text) {
            let parsed = text.parse().map(Self::OnDisk);
            return parsed.map_err(|error: layouts::Error| Error::Usage {
                problem: chain(&error),
            });
        }
        if text == "-" || Path::new(text).exists() {
            return Self::path(text);
        }
        if is_file_name(text) {
            return Err(Error::Usage {
                problem: format!("there is no file `{}` here", printable(text, 200)),
            });
        }
        if let Some(filter) = tags
            && let Ok(repository) = text.parse()
        {
            return Ok(Self::Tags(TagSelection {
                repository,
                filter: filter.clone(),
                source: COMMAND_LINE.to_owned(),
            }));
        }
        text.parse()
            .map(Self::Reference)
            .map_err(|error: crate::reference::Error| Error::Usage {
                problem: format!(
                    "`{}` is no file or folder that is here, and no image reference: {error}",
                    printable(text, 200)
                ),
            })
    }
}
