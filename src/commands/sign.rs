//! `carrack sign`: lets `ssh-keygen` sign the inventory of a bundle. The program never holds a private key.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

use super::{Ending, Error};
use crate::bundle::{Bundle, Sealed};
use crate::trust::{self, NAMESPACE, SshSignature};

/// What is signed, and with which key.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// A private key's file, or a public one whose private half an agent or a security key has.
    pub key: PathBuf,
    /// Who runs this, for a run that finds the bundle locked.
    pub holder: String,
}

/// What was signed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// The signature's file, below the bundle's folder.
    pub signature: String,
    /// The fingerprint of the key.
    pub key: String,
}

/// Signs the inventory. Files that it does not name would be refused on the other side, and are refused here.
pub fn run(options: &Options) -> Result<Report, Error> {
    let path = &options.bundle;
    let sealed = Sealed::read(path)?.ok_or(trust::Error::NoInventory)?;
    let inventory = sealed.inventory(path)?;
    let unlisted = Bundle::open(path)?.unlisted(&inventory)?;
    if let Some(first) = unlisted.first() {
        return Err(Error::Unlisted {
            bundle: path.clone(),
            first: first.clone(),
            more: unlisted.len() - 1,
        });
    }
    let text = ssh_keygen(&options.key, &sealed.bytes)?;
    let signature = SshSignature::parse(&text)?;
    signature.verify(&sealed.bytes)?;
    let name = own_name(&sealed, &signature);
    sealed.put_signature(path, &name, &text, &options.holder)?;
    Ok(Report {
        bundle: path.clone(),
        signature: format!("carrack/{name}"),
        key: signature.key().fingerprint(),
    })
}

/// Whether the key's file is there: a long run should not find out at its end.
pub(super) fn check(key: &Path) -> Result<(), Error> {
    match std::fs::metadata(key) {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Read {
            path: key.to_owned(),
            source,
        }),
    }
}

/// The file of an earlier signature with the same key, or the next that is free.
fn own_name(sealed: &Sealed, signature: &SshSignature) -> String {
    let same = sealed
        .signatures
        .iter()
        .find(|(_, bytes)| SshSignature::parse(bytes).is_ok_and(|earlier| earlier.key() == signature.key()));
    same.map_or_else(|| sealed.next_signature_name(), |(name, _)| name.clone())
}

/// Lets `ssh-keygen` sign: it asks for passphrases and PINs by itself, and finds agents and security keys.
fn ssh_keygen(key: &Path, message: &[u8]) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Signing {
        key: key.to_owned(),
        source: Some(source),
        said: String::new(),
    };
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", NAMESPACE, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(message));
    let output = child.wait_with_output().map_err(failed)?;
    // A child that refuses its key stops reading; what it says is the better error.
    if output.status.success() && written.is_some_and(|written| written.is_ok()) {
        return Ok(output.stdout);
    }
    Err(Error::Signing {
        key: key.to_owned(),
        source: None,
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

impl super::Report for Report {
    fn ending(&self) -> Ending {
        Ending::Done
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: signed with {} in {}",
            self.bundle.display(),
            self.key,
            self.signature
        )?;
        write!(
            f,
            "anyone can check it without carrack, in the bundle's folder and with the signer's line in allowed_signers:\n  {}\n  {}",
            by_hand(&self.signature),
            crate::bundle::SUMS_BY_HAND
        )
    }
}

/// The command that checks who signed.
fn by_hand(signature: &str) -> String {
    format!(
        "ssh-keygen -Y verify -f allowed_signers -I NAME -n {NAMESPACE} -s {signature} <carrack/inventory.json"
    )
}
