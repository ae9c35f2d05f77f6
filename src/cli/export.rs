//! `carrack export`.

use std::path::PathBuf;

use clap::Args;

use super::arguments::{Network, ResultFormat};
use super::discovery::Discovery;
use super::failure::{Exit, Failure};
use super::session::Session;
use crate::chartrepo;
use crate::commands::consignment::{Asked, Item};
use crate::commands::export::{Options, run};
use crate::mirrors::{PullSource, PullSources};
use crate::oci::Platform;
use crate::transfer::{Choice, Shard};

/// Carry images and charts onto a drive: a portable folder that any other run goes on with, verified as it is written.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Image references; charts, manifests and lists on disk; repositories as `https://HOST/PATH#CHART[@RANGE]` or
    /// `oci://HOST/PATH/CHART[:VERSION]`.
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<String>,
    /// The bundle's folder on the drive; it is made if it is not there.
    #[arg(long, value_name = "BUNDLE")]
    to: PathBuf,
    /// Carry only this platform of images that have several, such as linux/arm64. May be repeated.
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_parser = platform)]
    platform: Vec<Platform>,
    /// Carry layers that registries may not distribute (Windows base layers), too.
    #[arg(long)]
    include_foreign: bool,
    /// Pull what lies under a host or path from elsewhere: `docker.io=cache.example.com/hub`. Names do not change.
    /// May be repeated.
    #[arg(long, value_name = "HOST[/PATH]=PLACE")]
    pull_through: Vec<PullSource>,
    /// Leave out what a receipt proves to be inside already: the file that `import` wrote, or a drive that carries one.
    /// May be repeated.
    #[arg(long, value_name = "FILE|BUNDLE")]
    have: Vec<PathBuf>,
    /// Carry only the Kth of N equal shares, the same ones on every machine.
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Store blobs larger than this as parts, joined again at import (FAT32 drives do so by themselves at 4 GiB).
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    largest_file: Option<u64>,
    /// Say what would be copied and whether it fits, and copy nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not read back from the drive what was written.
    #[arg(long)]
    no_read_back: bool,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: ResultFormat,
    #[command(flatten)]
    discovery: Discovery,
    #[command(flatten)]
    network: Network,
}

fn platform(text: &str) -> Result<Platform, String> {
    let mut parts = text.split('/').map(str::to_owned);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(os), Some(architecture), variant, None) if !os.is_empty() && !architecture.is_empty() => {
            Ok(Platform {
                os,
                architecture,
                variant,
                os_version: None,
            })
        }
        _ => Err("expected OS/ARCH or OS/ARCH/VARIANT, such as linux/amd64".into()),
    }
}

impl Arguments {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let world = session.world(Some(&self.network));
        let observer = session.observer();
        let items = self.sources.iter().map(|source| Item::parse(source));
        let asked = Asked {
            items: items.collect::<Result<_, _>>()?,
            images: self.discovery.options(Vec::new()),
            charts: chartrepo::Options::default(),
            pass_credentials: false,
        };
        let options = Options {
            asked,
            pull_sources: PullSources::new(self.pull_through),
            to: self.to,
            choice: Choice {
                platforms: self.platform,
                include_foreign: self.include_foreign,
                ..Choice::default()
            },
            config: None,
            dry_run: self.dry_run,
            read_back: !self.no_read_back,
            have: self.have,
            shard: self.shard,
            largest_file: self.largest_file,
            holder: session.holder(),
        };
        let client = world.registry(&observer)?;
        let report = Session::block_on(&world, run(&options, &client, &world, &observer))?;
        Session::finish(&report, self.output)
    }
}
