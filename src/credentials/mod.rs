//! Who we are to a host: docker's `config.json`, containers' `auth.json`, Helm's registry file, credential helpers.
//!
//! The files are read where the user's other tools keep them, so that a machine on which `docker login`, `podman login`
//! or `helm registry login` was run needs nothing more. Which files those are is decided where the environment is
//! read; here they are values.

mod file;
mod helper;
mod store;

pub use store::{Explicit, Settings, Store};

use std::io;
use std::path::PathBuf;

use crate::secret::Secret;

/// Proof of who we are to one host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// A user name and a password.
    Basic {
        /// The user name.
        user: String,
        /// The password or access token.
        password: Secret,
    },
    /// A token that a token server trades for access tokens (`grant_type=refresh_token`).
    IdentityToken(Secret),
    /// A token that is sent to the registry as it is.
    RegistryToken(Secret),
}

/// Why a credential cannot be had. A host without a credential is no error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A credential file cannot be read.
    #[error("cannot read the credential file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A credential file is too long to be one.
    #[error("the credential file {} is longer than {cap} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The cap, in bytes.
        cap: u64,
    },
    /// A credential file is not the JSON it should be. The text is not shown: it may hold passwords.
    #[error("the credential file {} is not well formed, line {line}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The entry of a host is not what it should be.
    #[error("the entry for {host} in {} {problem}", path.display())]
    BadEntry {
        /// The file.
        path: PathBuf,
        /// The entry's key.
        host: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A helper's name in a configuration is no plain program name.
    #[error("`{name}` in {} is no credential helper name: letters, digits, `-`, `_` and `.` only", path.display())]
    BadHelperName {
        /// The file.
        path: PathBuf,
        /// The name, printable and capped.
        name: String,
    },
    /// A host's name may not be handed to a helper.
    #[error("`{host}` is no host name that a credential helper may be asked for")]
    BadHost {
        /// The host, printable and capped.
        host: String,
    },
    /// A helper that a configuration names is not installed.
    #[error("the credential helper {program} for {host} is not installed in any folder of PATH")]
    HelperMissing {
        /// The program.
        program: String,
        /// The host it should answer for.
        host: String,
    },
    /// A helper did not run.
    #[error("the credential helper {program} for {host} does not run")]
    HelperFailedToRun {
        /// The program.
        program: String,
        /// The host.
        host: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A helper failed.
    #[error("the credential helper {program} has no answer for {host}: {message}")]
    HelperFailed {
        /// The program.
        program: String,
        /// The host.
        host: String,
        /// What it printed, printable and capped.
        message: String,
    },
    /// A helper answered with something else than a credential.
    #[error("the credential helper {program} answered for {host} with something else than a credential")]
    HelperNonsense {
        /// The program.
        program: String,
        /// The host.
        host: String,
    },
}
