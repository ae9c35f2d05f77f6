//! Whether a bundle may be looked into at all: who signed its inventory, and whether it is the newest of its kind.
//!
//! This comes before anything of the bundle is parsed but the name of its layout.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::Error;
use crate::bundle::{self, Bundle, Files, Inventory, Sealed, Verified};
use crate::digest::Digest;
use crate::observe::{Identity, Observer};
use crate::trust::{self, Accepted, AllowedSigners, Candidate, Demand, PemKey, Seal, SignatureFile};

/// Larger files of keys and signers are refused.
const KEYS_CAP: u64 = 4 << 20;

/// What is asked of a bundle's signatures.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The `allowed_signers` file; with it an unsigned bundle is refused.
    pub allowed_signers: Option<PathBuf>,
    /// PEM files of keys that count for `inventory.json.sig`.
    pub inventory_keys: Vec<PathBuf>,
    /// How many different signers must have signed.
    pub require_signers: usize,
    /// Take a bundle that has no signature although signers are named.
    pub allow_unsigned: bool,
    /// The folder that remembers what was accepted.
    pub state: Option<PathBuf>,
}

/// A bundle's inventory with the verdict about it.
#[derive(Clone, Debug, Default)]
pub(super) struct Admitted {
    /// What the bundle says about itself, from the very bytes that were checked.
    pub(super) inventory: Option<Arc<Inventory>>,
    /// Who signed it.
    pub(super) seal: Seal,
    digest: Option<Digest>,
}

impl Admitted {
    /// Whether someone who counts vouches for the inventory, so that nothing beside it may be there.
    pub(super) fn is_sealed(&self) -> bool {
        self.seal.vouched
    }

    /// The digest of the inventory's bytes.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Which bundle it is, for the record.
    pub(super) fn identity(&self) -> Option<Identity> {
        let inventory = self.inventory.as_ref()?;
        Some(Identity {
            bundle_id: inventory.bundle_id.clone(),
            inventory: self.digest?,
            sequence: inventory.sequence,
            signers: self.seal.signers().into_iter().map(str::to_owned).collect(),
        })
    }

    /// Lets go of what nobody asks for once the bundle is verified: all but its name, and what was left out of it.
    pub(super) fn forget_files(&mut self) {
        if let Some(inventory) = self.inventory.as_mut().and_then(Arc::get_mut) {
            inventory.files = Files::default();
            inventory.references.clear();
            inventory.referrers.clear();
        }
    }

    fn candidate(&self) -> Option<Candidate<'_>> {
        let inventory = self.inventory.as_ref().filter(|_| self.is_sealed())?;
        Some(Candidate {
            bundle_id: &inventory.bundle_id,
            sequence: inventory.sequence,
            inventory: self.digest.as_ref()?,
        })
    }

    /// Whether nothing newer of its signers was accepted before.
    pub(super) fn check_sequence(&self, state: Option<&Path>) -> Result<(), Error> {
        if let (Some(candidate), Some(state)) = (self.candidate(), state) {
            Accepted::load(state)?.check(candidate, self.seal.signers())?;
        }
        Ok(())
    }

    /// Remembers that it was accepted.
    pub(super) fn remember(&self, state: Option<&Path>, holder: &str) -> Result<(), Error> {
        if let (Some(candidate), Some(state)) = (self.candidate(), state) {
            Accepted::remember(state, candidate, self.seal.signers(), holder)?;
        }
        Ok(())
    }

    /// Hashes the bundle, against its sealed inventory if it has one. Blocks until it is done.
    pub(super) fn verify(
        &self,
        bundle: &Bundle,
        observer: &dyn Observer,
        stop: &dyn Fn() -> bool,
    ) -> Result<Verified, Error> {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Ok(match &self.inventory {
            Some(inventory) if self.is_sealed() => {
                bundle::verify_sealed(bundle, inventory, threads, observer, stop)?
            }
            Some(inventory) => bundle::verify_against(bundle, inventory, threads, observer, stop)?,
            None => bundle::verify(bundle, threads, observer, stop)?,
        })
    }
}

/// Checks the signatures of the bundle in the folder `path`, and reads its inventory only then.
pub(super) fn admit(path: &Path, options: &Options, now: SystemTime) -> Result<Admitted, Error> {
    let demand = demand(options)?;
    if !demand.is_made()
        && let Some((inventory, digest)) = bundle::read_unsigned(path)?
    {
        // There is nothing that the bytes as a whole are needed for.
        return Ok(Admitted {
            inventory: Some(Arc::new(inventory)),
            seal: Seal::default(),
            digest: Some(digest),
        });
    }
    let Some(sealed) = Sealed::read(path)? else {
        if demand.is_made() && !options.allow_unsigned {
            return Err(trust::Error::NoInventory.into());
        }
        return Ok(Admitted::default());
    };
    let files: Vec<SignatureFile> = sealed
        .signatures
        .iter()
        .map(|(name, bytes)| SignatureFile {
            name: name.clone(),
            bytes: bytes.clone(),
        })
        .collect();
    let seal = Seal::judge(&sealed.bytes, &files, &demand, now)?;
    Ok(Admitted {
        inventory: Some(Arc::new(sealed.inventory(path)?)),
        seal,
        digest: Some(Digest::sha256(&sealed.bytes)),
    })
}

fn demand(options: &Options) -> Result<Demand, Error> {
    let signers = options.allowed_signers.as_ref().map(|path| {
        let text = read(path)?;
        Ok::<_, Error>(AllowedSigners::parse(path, &text)?)
    });
    let keys = options.inventory_keys.iter().map(|path| {
        let key = PemKey::parse(&read(path)?).map_err(|source| trust::Error::BadKey {
            name: path.display().to_string(),
            source: Box::new(source),
        })?;
        Ok::<_, Error>((path.display().to_string(), key))
    });
    Ok(Demand {
        signers: signers.transpose()?,
        keys: keys.collect::<Result<_, _>>()?,
        required: options.require_signers,
        allow_unsigned: options.allow_unsigned,
    })
}

/// A small text file that the operator names.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(KEYS_CAP).read_to_string(&mut text))
        .map_err(failed)?;
    Ok(text)
}
