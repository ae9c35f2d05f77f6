//! How a run ends: what it wrote is read back, and then made visible.

use super::Writer;
use super::on_its_way::clear_leftovers;
use crate::bundle::{Closing, Error, Pruned, closing, index, inventory, layout, prune, read_back, streamed};
use crate::fsx;
use crate::observe::Identity;

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Which bundle it is now, and the number of its runs.
    pub identity: Identity,
    /// What was removed, if the run was asked to.
    pub pruned: Option<Pruned>,
}

impl Writer {
    /// Begins to read back what becomes durable while other blobs still come, on `threads` threads, if the bundle lies on a
    /// disk that is built in. What else a bundle lies on may write in a circle, which only a look at the end finds out.
    pub fn read_back_on_the_way(&self, threads: usize) {
        if fsx::is_built_in(&self.bundle.folder) {
            self.written.read_on_the_way(&self.bundle, threads);
        }
    }

    /// Hashes every blob that this run wrote again as the drive has it, past the page cache as far as the system allows,
    /// on `threads` threads. Wrong ones are removed, so that another run brings them anew. What the end of the run
    /// writes will be read again, too.
    pub fn read_back(&self, threads: usize) -> Result<(), Error> {
        let unkept = self.written.read_back(&self.bundle, threads);
        for digest in &unkept.blobs {
            // A drive that lies may refuse this, too. The lock then tells the next run to trust nothing unhashed.
            let _ = self.remove_blob(digest);
        }
        match (unkept.blobs.first(), unkept.unreadable) {
            (Some(first), _) => Err(Error::NotKept {
                path: self.bundle.path().to_path_buf(),
                wrong: unkept.blobs.len(),
                first: first.to_string(),
            }),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(()),
        }
    }

    /// Writes everything that makes the run's content visible, in the order of the module's page, and ends the run.
    pub fn finish(self, closing: Closing) -> Result<Finished, Error> {
        let root = &self.bundle.folder;
        let bundle = self.preview();
        streamed::write_if_new(root, layout::INDEX, &|to| index::encode(&bundle.entries, to))?;
        let is_pruned = closing.prune;
        let closed = closing::close(&bundle, self.before, closing)?;
        clear_leftovers(&self.tmp, &bundle)?;
        let pruned = if is_pruned {
            let before = self.bundle.entries();
            Some(prune::unreached(&bundle, before, &closed.inventory)?)
        } else {
            None
        };
        drop(self.committer);
        if self.written.was_read_back() {
            read_back::pages(&bundle, &closed)?;
        }
        self.lock.release()?;
        let identity = inventory::identity(&closed.inventory, closed.digest);
        Ok(Finished { identity, pruned })
    }
}
