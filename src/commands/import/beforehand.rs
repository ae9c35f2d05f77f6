//! What an import reads and writes beside its target, looked at before the first byte moves: nobody shall wait for a
//! transfer to learn that a file of their own cannot be used.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Destination, Options};
use crate::bundle::{self, Bundle};
use crate::commands::charts_in::ChartsTo;
use crate::commands::engine_config::{Configured, Prepared};
use crate::commands::wanted::{self, Request};
use crate::commands::{Error, World};
use crate::fsx;
use crate::observe::Observer;
use crate::reference::Reference;

/// What was read, and where something will be written.
pub(super) struct Beforehand<'a> {
    options: &'a Options,
    wanted: Option<Request>,
    engines: Option<Prepared<'a>>,
}

impl<'a> Beforehand<'a> {
    /// Reads what is to be read, and sees that what is to be written can be, and that charts have a way.
    pub(super) fn look(
        options: &'a Options,
        world: &World,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        if let Some(to) = &options.charts_to {
            to.try_way(world, observer)?;
        }
        let engines = options
            .engine_config
            .as_ref()
            .map(|wanted| Prepared::new(wanted, options.to.target(), world))
            .transpose()?;
        let wanted = if options.wanted.is_empty() {
            None
        } else {
            Some(wanted::read(&options.wanted, options.to.mapping())?)
        };
        if !options.dry_run {
            if let Some(engines) = &engines {
                fsx::try_folder(engines.folder())?;
            }
            if let Some(receipt) = &options.receipt {
                fsx::try_file(receipt)?;
            }
        }
        Ok(Self {
            options,
            wanted,
            engines,
        })
    }

    /// What nodes asked for in vain and this bundle does not hold, left where the receipt will be.
    pub(super) fn leave_request(&mut self, bundle: &Bundle) -> Result<Option<(Request, PathBuf)>, Error> {
        let Some(mut request) = self.wanted.take() else {
            return Ok(None);
        };
        request.without(|reference| bundle.entries().contains_key(reference));
        let list = request.to_list();
        let path = match &self.options.receipt {
            _ if self.options.dry_run => PathBuf::new(),
            Some(receipt) => {
                let path = receipt.with_extension("wanted.txt");
                fsx::write(&path, list.as_bytes()).map_err(bundle::Error::from)?;
                path
            }
            None => {
                let target = self.options.to.target();
                let name = target.map_or_else(|| "folder".to_owned(), ToString::to_string);
                bundle.path().join(bundle.leave_request(&name, &list)?)
            }
        };
        Ok(Some((request, path)))
    }

    /// Writes the engine configuration, if it is asked for.
    pub(super) fn configure(&self, chosen: &BTreeSet<Reference>) -> Result<Option<Configured>, Error> {
        let prepared = self.engines.as_ref().filter(|_| !self.options.dry_run);
        let repositories = chosen.iter().map(Reference::repository).collect();
        let policy = self.options.policy.as_deref();
        prepared
            .map(|prepared| prepared.write(self.options.to.mapping(), &repositories, policy))
            .transpose()
    }
}

/// Sees that nothing is brought into the very bundle that it comes from: a bundle knows all of its files, and those would be
/// more.
pub(super) fn check_places(options: &Options) -> Result<(), Error> {
    let from = &options.from;
    if let Destination::Folder { folder, .. } = &options.to {
        // The bundle itself has all of it already, and may get its engine configuration that way.
        if !fsx::is_same(folder, from) {
            check_place(folder, from)?;
        }
    }
    match &options.charts_to {
        Some(ChartsTo::Folder(folder)) => check_place(folder, from),
        _ => Ok(()),
    }
}

fn check_place(folder: &Path, from: &Path) -> Result<(), Error> {
    if !fsx::leads_into(folder, from) {
        return Ok(());
    }
    Err(Error::Usage {
        problem: format!(
            "{} leads into {}, the bundle that is imported, which would get files that its inventory does not name, and could not be signed any more: name a folder outside of it",
            folder.display(),
            from.display()
        ),
    })
}
