//! One chart on its way: looked for, fetched, checked, written, settled.

use std::sync::Arc;

use bytes::Bytes;

use super::run::Run;
use super::{DigestMismatch, Provenance, Row, blocking};
use crate::causes::chain;
use crate::chartrepo::archive::ARCHIVE_CAP;
use crate::chartrepo::fetch::Site;
use crate::chartrepo::oci_chart::{Fetched, PROVENANCE_CAP};
use crate::chartrepo::shelf::Arriving;
use crate::chartrepo::{Archive, Entry, Error, Keyring, Shelf};
use crate::digest::Digest;
use crate::http::StatusCode;
use crate::observe::{Event, Outcome};

/// A chart that is fetched and written, if it had to be, and waits for the disk.
pub(super) struct Item {
    subject: String,
    row: Row,
    arriving: Option<Arriving>,
}

impl Run<'_> {
    /// Fetches one chart, unless it is here.
    ///
    /// `claimed` says whether its name is free; names are taken in the order of the index, so that of two charts whose
    /// names differ in capitals only it is always the same one that comes. `pin` is what the archive must hash to.
    pub(super) async fn item(
        &self,
        site: Option<&Site>,
        entry: &Entry,
        pin: Option<Digest>,
        claimed: Result<(), Error>,
    ) -> Result<Item, Error> {
        let subject = format!("{} {entry}", self.source);
        self.observer.on(&Event::ItemStarted {
            subject: subject.clone(),
        });
        let mut row = self.row_of(entry);
        let mut arriving = None;
        match (&self.shelf, claimed) {
            (_, Err(error)) => fail(&mut row, error)?,
            (None, Ok(())) => {}
            (Some(shelf), Ok(())) => match self.bring(site, shelf, entry, pin, &mut row).await {
                Ok(Some(written)) => arriving = Some(written),
                Ok(None) => row.outcome = Outcome::Present,
                Err(error) => fail(&mut row, error)?,
            },
        }
        Ok(Item {
            subject,
            row,
            arriving,
        })
    }

    fn row_of(&self, entry: &Entry) -> Row {
        let deprecated = "upstream calls this chart deprecated".to_owned();
        Row {
            file: Some(format!("{}/{}", self.place, entry.file_name())),
            warnings: entry.is_deprecated().then_some(deprecated).into_iter().collect(),
            ..Row::new(self.source, entry)
        }
    }

    /// Waits until the disk has the chart.
    pub(super) async fn settle(&self, item: Result<Item, Error>) -> Result<Row, Error> {
        let Item {
            subject,
            mut row,
            arriving,
        } = item?;
        if let (Some(arriving), Some(shelf)) = (arriving, &self.shelf)
            && let Err(error) = shelf.settle(arriving).await
        {
            fail(&mut row, error)?;
        }
        for warning in &row.warnings {
            self.observer.on(&Event::Warning {
                text: format!("{subject}: {warning}"),
            });
        }
        self.observer.on(&Event::ItemFinished {
            subject,
            outcome: row.outcome.clone(),
        });
        Ok(row)
    }

    /// Brings the chart here, written but not durable; `None` if it is here already.
    async fn bring(
        &self,
        site: Option<&Site>,
        shelf: &Arc<Shelf>,
        entry: &Entry,
        pin: Option<Digest>,
        row: &mut Row,
    ) -> Result<Option<Arriving>, Error> {
        let demands = self.demands(pin);
        if shelf.has_file(entry) {
            let (here, wanted, asked) = (shelf.clone(), entry.clone(), demands.clone());
            if let Some(digest) = blocking(move || here_as(&here, &wanted, &asked)).await? {
                row.digest = Some(digest);
                return Ok(None);
            }
        }
        let (fetched, from_registry) = self.fetch(site, entry).await?;
        row.bytes = fetched.archive.len() as u64;
        let (shelf, entry) = (shelf.clone(), entry.clone());
        let (arriving, digest, warnings) = blocking(move || {
            let checked = check(&fetched, &entry, &demands)?;
            let listed = if from_registry {
                described_by(&checked.archive, &entry, checked.digest).unwrap_or(entry)
            } else {
                entry
            };
            let provenance = fetched.provenance.as_deref();
            let arriving = shelf.begin(&listed, checked.digest, &fetched.archive, provenance)?;
            Ok((arriving, checked.digest, checked.warnings))
        })
        .await?;
        row.digest = Some(digest);
        row.warnings.extend(warnings);
        Ok(Some(arriving))
    }

    fn demands(&self, pin: Option<Digest>) -> Demands {
        Demands {
            pin,
            provenance: self.options.provenance,
            keyring: self.options.keyring.clone(),
            mismatch: self.options.digest_mismatch,
            tell_missing: !self.options.dependencies,
        }
    }

    /// Rows of charts that a lock pins, if all of them are here with all that is demanded of them.
    pub(super) async fn all_here(
        &self,
        shelf: &Arc<Shelf>,
        pinned: Vec<(Entry, Option<Digest>)>,
    ) -> Result<Option<Vec<Row>>, Error> {
        let mut rows = Vec::new();
        for (entry, pin) in pinned {
            let (here, wanted, asked) = (shelf.clone(), entry.clone(), self.demands(pin));
            let digest = blocking(move || here_as(&here, &wanted, &asked)).await?;
            if digest.is_none() {
                return Ok(None);
            }
            rows.push(Row {
                outcome: Outcome::Present,
                digest,
                ..self.row_of(&entry)
            });
        }
        for row in &rows {
            self.observer.on(&Event::ItemFinished {
                subject: format!("{} {}", self.source, row.chart),
                outcome: Outcome::Present,
            });
        }
        Ok(Some(rows))
    }

    /// The archive from the first of the entry's URLs that has it, and whether that was a registry.
    async fn fetch(&self, site: Option<&Site>, entry: &Entry) -> Result<(Fetched, bool), Error> {
        let mut first_error = None;
        for url in entry.urls() {
            let fetched = match (url.starts_with("oci://"), site) {
                (true, _) | (false, None) => self.fetcher.oci_chart(url).await.map(|fetched| (fetched, true)),
                (false, Some(site)) => self
                    .fetch_classic(site, url)
                    .await
                    .map(|fetched| (fetched, false)),
            };
            match fetched {
                Ok(fetched) => return Ok(fetched),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or(Error::NoIndex { found: "no URL" }))
    }

    /// The archive and its provenance file, asked for at the same time.
    async fn fetch_classic(&self, site: &Site, url: &str) -> Result<Fetched, Error> {
        let url = site.resolve(url)?;
        let archive = self.fetcher.get(site, &url, "a chart's archive", ARCHIVE_CAP);
        let (archive, provenance) = tokio::join!(archive, self.provenance(site, url.clone()));
        Ok(Fetched {
            archive: archive?,
            provenance: provenance?,
        })
    }

    /// The provenance file beside an archive. Only "not found" is absence; that it could not be asked for is an error.
    async fn provenance(&self, site: &Site, mut url: url::Url) -> Result<Option<Bytes>, Error> {
        if self.options.provenance == Provenance::Never {
            return Ok(None);
        }
        url.set_path(&format!("{}.prov", url.path()));
        match self
            .fetcher
            .get(site, &url, "a provenance file", PROVENANCE_CAP)
            .await
        {
            // A server that answers everything with a page has no provenance file.
            Ok(bytes)
                if bytes
                    .trim_ascii_start()
                    .starts_with(b"-----BEGIN PGP SIGNED MESSAGE-----") =>
            {
                Ok(Some(bytes))
            }
            Ok(_) => Ok(None),
            Err(error) if error.is_absent() => Ok(None),
            // S3 without the right to list answers 403 for what is not there.
            Err(Error::Refused { status, .. })
                if status == StatusCode::FORBIDDEN && self.options.provenance == Provenance::IfThere =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Notes a failure. A full or missing drive ends the run: every other chart would fail in the same way.
fn fail(row: &mut Row, error: Error) -> Result<(), Error> {
    match error {
        Error::Disk(error) if error.is_fatal() => Err(error.into()),
        error => {
            row.file = None;
            row.outcome = Outcome::Failed(chain(&error));
            Ok(())
        }
    }
}

/// What is demanded of every chart.
#[derive(Clone)]
struct Demands {
    /// What the archive must hash to, whatever the index says.
    pin: Option<Digest>,
    provenance: Provenance,
    keyring: Option<Arc<Keyring>>,
    mismatch: DigestMismatch,
    /// Whether charts that are not inside are told; where they are fetched anyway they are not.
    tell_missing: bool,
}

impl Demands {
    fn check_provenance(
        &self,
        entry: &Entry,
        digest: Digest,
        provenance: Option<&[u8]>,
    ) -> Result<(), Error> {
        let keyring = self.keyring.as_deref();
        super::check_provenance(self.provenance, keyring, &entry.file_name(), digest, provenance)
    }
}

/// What the chart's archive hashes to if it is here with all that is demanded of it.
fn here_as(shelf: &Shelf, entry: &Entry, demands: &Demands) -> Result<Option<Digest>, Error> {
    let Some(digest) = shelf.has(entry)? else {
        return Ok(None);
    };
    let is_wanted = match (demands.pin, demands.mismatch) {
        (Some(pin), _) => pin == digest,
        // Upstream published another archive under this version: that one is wanted.
        (None, DigestMismatch::Refuse) => entry.digest().is_none_or(|expected| *expected == digest),
        (None, DigestMismatch::Accept) => true,
    };
    if !is_wanted {
        return Ok(None);
    }
    if demands.provenance == Provenance::Required && !shelf.has_provenance(entry) {
        return Ok(None);
    }
    if demands.keyring.is_some() {
        let (archive, provenance) = shelf.read(entry)?;
        demands.check_provenance(entry, Digest::sha256(&archive), provenance.as_deref())?;
    }
    if entry.digest().is_some() {
        shelf.keep(entry, digest);
    }
    Ok(Some(digest))
}

struct Checked {
    archive: Archive,
    digest: Digest,
    warnings: Vec<String>,
}

/// Compares what came with what was asked for.
fn check(fetched: &Fetched, entry: &Entry, demands: &Demands) -> Result<Checked, Error> {
    let digest = Digest::sha256(&fetched.archive);
    if let Some(expected) = demands.pin.filter(|expected| *expected != digest) {
        return Err(Error::PinMismatch {
            expected,
            found: digest,
        });
    }
    let mut warnings = Vec::new();
    if let Some(expected) = entry.digest().filter(|expected| **expected != digest) {
        if demands.mismatch == DigestMismatch::Refuse {
            return Err(Error::DigestMismatch {
                expected: *expected,
                found: digest,
            });
        }
        warnings.push(format!(
            "the archive hashes to {digest}, the index says {expected}: taken all the same"
        ));
    }
    demands.check_provenance(entry, digest, fetched.provenance.as_deref())?;
    let archive = Archive::read(&fetched.archive)?;
    if archive.name != entry.name() || archive.version != entry.version().original() {
        let (name, version) = (shown(&archive.name), shown(&archive.version));
        warnings.push(format!("the archive calls itself {name} {version}"));
    }
    if demands.tell_missing && !archive.missing.is_empty() {
        let names: Vec<_> = archive.missing.iter().map(|name| shown(name)).collect();
        warnings.push(format!(
            "it needs charts that are not inside: {}; --with-dependencies fetches them",
            names.join(", ")
        ));
    }
    Ok(Checked {
        archive,
        digest,
        warnings,
    })
}

/// The entry that the chart's own `Chart.yaml` makes, for a source without an index.
fn described_by(archive: &Archive, entry: &Entry, digest: Digest) -> Option<Entry> {
    let described = Entry::of_chart(archive.metadata.clone(), digest, entry.file_name()).ok()?;
    (described.file_name() == entry.file_name()).then_some(described)
}

fn shown(text: &str) -> String {
    crate::secret::printable(text, 80)
}
