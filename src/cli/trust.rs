//! The flags by which a bundle's signatures are checked, the same for `import` and `verify`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::session::Session;
use crate::commands::admission::Options;
use crate::commands::configuration::Declaration;
use crate::commands::vetting::Policed;

/// Who must have signed the bundle.
#[derive(Debug, Args)]
#[command(next_help_heading = "Trust")]
pub struct Trust {
    /// Take only bundles that someone in this file signed; it is what `ssh-keygen -Y verify` reads. Whatever was added
    /// to such a bundle, taken from it or changed is refused.
    #[arg(long, value_name = "FILE")]
    allowed_signers: Option<PathBuf>,
    /// Take only bundles with this PEM key's signature in carrack/inventory.json.sig, as openssl and cosign sign-blob
    /// make it. May be repeated.
    #[arg(long, value_name = "FILE")]
    inventory_key: Vec<PathBuf>,
    /// So many different signers must have signed.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    require_signers: u8,
    /// Take a bundle that nobody signed although signers are named.
    #[arg(long)]
    allow_unsigned: bool,
    /// What is asked of images, a YAML file: registries, tags, age, signatures. What it refuses is not imported. A
    /// carrack.yaml with a `policy` is one, too.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Where the newest bundle of each signer is remembered, so that an older one is refused.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Trust {
    /// What is asked of images, with its keys: by `--policy` and by a configuration.
    pub(super) fn policy(
        &self,
        declaration: Option<&Declaration>,
    ) -> Result<Option<Arc<Policed>>, super::Failure> {
        let mut policies = Vec::new();
        policies.extend(self.policy.as_deref().map(Policed::load).transpose()?);
        if let Some(declaration) = declaration {
            policies.extend(declaration.policy()?);
        }
        Ok(Policed::all_of(policies).map(Arc::new))
    }

    /// As plain data. `keeps_its_own` is for a destination that remembers by itself what it accepted.
    pub(super) fn options(self, session: &Session, keeps_its_own: bool) -> Result<Options, super::Failure> {
        let asked = self.allowed_signers.is_some() || !self.inventory_key.is_empty();
        if !asked && (self.require_signers > 1 || self.allow_unsigned || self.state.is_some()) {
            return Err(crate::commands::Error::Usage {
                problem: "nobody is named whose signatures count: add --allowed-signers FILE".to_owned(),
            }
            .into());
        }
        let state = match self.state {
            None if !keeps_its_own => session.state_folder(),
            given => given,
        };
        Ok(Options {
            allowed_signers: self.allowed_signers,
            inventory_keys: self.inventory_key,
            require_signers: usize::from(self.require_signers),
            allow_unsigned: self.allow_unsigned,
            state,
        })
    }
}
