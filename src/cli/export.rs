//! `carrack export`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::arguments::{Network, ResultFormat, with_causes};
use super::declared::Declared;
use super::discovery::Discovery;
use super::failure::{Exit, Failure};
use super::placement::Placement;
use super::session::Session;
use crate::causes::chain;
use crate::commands;
use crate::commands::consignment::{Asked, Item};
use crate::commands::direct::{self, Mirror};
use crate::commands::export::{Options, run};
use crate::commands::survey::needs_network;
use crate::commands::volumes::{self, Split};
use crate::config::{Size, Written};
use crate::mirrors::{PullSource, PullSources, Target};
use crate::oci::Platform;
use crate::transfer::{Choice, Companions, Shard, TagFilter, TagFilterError};

/// Carry images and charts onto a drive: a portable folder that any other run goes on with, verified as it is written.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Image references; charts, manifests and lists on disk; repositories as `https://HOST/PATH#CHART[@RANGE]` or
    /// `oci://HOST/PATH/CHART[:VERSION]`; a carrack.yaml, or the file of skopeo sync, hauler, helm-mirror or compose;
    /// images that other tools left on disk, as `oci:FOLDER`, `oci-archive:FILE` or `docker-archive:FILE`, with `NAME=`
    /// before it to give it a name and `:WHICH` behind it to choose one of several.
    #[arg(value_name = "SOURCE", required_unless_present = "config")]
    sources: Vec<String>,
    /// Carry what this carrack.yaml declares, too. May be repeated.
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// The bundle's folder on the drive; it is made if it is not there. Or `docker://REGISTRY[/PREFIX]`: another
    /// registry, with no bundle in between.
    #[arg(long, value_name = "BUNDLE|docker://REGISTRY")]
    to: To,
    /// Carry only this platform of images that have several, such as linux/arm64. May be repeated.
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_parser = platform)]
    platform: Vec<Platform>,
    /// Carry layers that registries may not distribute (Windows base layers), too.
    #[arg(long)]
    include_foreign: bool,
    /// Signatures, attestations and SBOMs that go along with images, and with each other: all, or none by choice; all, if
    /// nobody says otherwise. One that cannot be had fails its image: an image must not look unsigned by accident.
    #[arg(long, value_name = "WHAT")]
    referrers: Option<Referrers>,
    /// The same as `--referrers none`.
    #[arg(long, conflicts_with = "referrers")]
    no_signatures: bool,
    /// Pull what lies under a host or path from elsewhere: `docker.io=cache.example.com/hub`. Names do not change.
    /// May be repeated.
    #[arg(long, value_name = "HOST[/PATH]=PLACE", value_parser = with_causes::<PullSource>)]
    pull_through: Vec<PullSource>,
    /// Pull through the mirrors that this `registries.conf` names, and from the locations themselves where those fail.
    /// Its `insecure` is not taken over. May be repeated.
    #[arg(long, value_name = "FILE")]
    registries_conf: Vec<PathBuf>,
    /// Leave out what a receipt proves to be inside already: the file that `import` wrote, or a drive that carries one.
    /// May be repeated.
    #[arg(long, value_name = "FILE|BUNDLE")]
    have: Vec<PathBuf>,
    /// Carry only the Kth of N equal shares, the same ones on every machine.
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Split the set into volumes of at most this size, such as 32GB, each in a folder of its own below BUNDLE and each
    /// of use alone.
    #[arg(long, value_name = "SIZE")]
    volume_size: Option<Size>,
    /// Write only the Kth volume, and that directly into BUNDLE: for drives that are plugged in one after the other. With
    /// --lock, so that all of them are cut from the same digests.
    #[arg(long, value_name = "K")]
    volume: Option<NonZeroUsize>,
    /// Take out of the bundle what is not asked for any more, once everything that is asked for has come.
    #[arg(long, conflicts_with = "volume_size")]
    prune: bool,
    /// Store blobs larger than this as parts, joined again at import (FAT32 drives do so by themselves at 4 GiB).
    #[arg(long, value_name = "SIZE")]
    largest_file: Option<Size>,
    /// Take the digests and the versions of charts that this file pins, and bring it up to date: `carrack.lock`.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Ask again: for what the lock pins, so that tags that moved and new versions of charts are followed, and for
    /// signatures, attestations and SBOMs of what the bundle holds already.
    #[arg(long)]
    refresh: bool,
    /// Hash what the bundle holds already, too, and fetch again what is not what its digest says, such as what `carrack
    /// verify` has found.
    #[arg(long)]
    rehash: bool,
    /// Put this program onto the drive, too, for the side that has only the drive.
    #[arg(long)]
    with_carrack: bool,
    /// What is asked of images, a YAML file: registries, tags, age, signatures. What it refuses does not get onto the
    /// drive. The policy of a --config is asked as well.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Sign the inventory at the end with this key, as `carrack sign --key` does.
    #[arg(long, value_name = "FILE", conflicts_with = "volume_size")]
    sign_with: Option<PathBuf>,
    /// Say what would be copied and whether it fits, and copy nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not read back from the drive what was written. A disk that is built into the machine is read while other blobs
    /// still come, everything else at the end.
    #[arg(long)]
    no_read_back: bool,
    /// The form of the result.
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: ResultFormat,
    #[command(flatten)]
    tags: TagFlags,
    #[command(flatten)]
    placement: Placement,
    #[command(flatten)]
    discovery: Discovery,
    #[command(flatten)]
    network: Network,
}

/// What goes along with images because it is about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Referrers {
    /// Everything that there is.
    All,
    /// Nothing, by choice.
    None,
}

/// Which tags of repositories are carried.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tags of repositories")]
struct TagFlags {
    /// Of each SOURCE that names a repository without a tag, carry the tags that match; `.` is all of them.
    #[arg(long = "tags", value_name = "REGEX", allow_hyphen_values = true)]
    pattern: Option<String>,
    /// Of each such SOURCE, carry the tags that are versions in this range: `>=1.27, <2`, `~3.1`.
    #[arg(long, value_name = "RANGE")]
    versions: Option<String>,
    /// Of each such SOURCE, carry only the N highest versions.
    #[arg(long, value_name = "N")]
    newest: Option<NonZeroUsize>,
}

impl TagFlags {
    /// The filter that the flags make; none if there is no flag.
    fn filter(&self) -> Result<Option<TagFilter>, TagFilterError> {
        let mut filter = TagFilter::default();
        if let Some(pattern) = &self.pattern {
            filter = filter.matching(pattern)?;
        }
        if let Some(range) = &self.versions {
            filter = filter.in_range(range)?;
        }
        if let Some(count) = self.newest {
            filter = filter.newest(count);
        }
        let is_set = self.pattern.is_some() || self.versions.is_some() || self.newest.is_some();
        Ok(is_set.then_some(filter))
    }

    /// What each SOURCE is that declares nothing of its own.
    fn items(&self, sources: &[String]) -> Result<Vec<Item>, Failure> {
        let filter = self.filter().map_err(|error| Failure::usage(&error))?;
        let items = sources.iter().map(|source| Item::parse(source, filter.as_ref()));
        let items: Vec<Item> = items.collect::<Result<_, _>>()?;
        if filter.is_some() && !items.iter().any(|item| matches!(item, Item::Tags(_))) {
            let problem = "--tags, --versions and --newest choose among the tags of a repository, and no SOURCE is a repository without a tag, such as quay.io/coreos/etcd";
            return Err(commands::Error::Usage {
                problem: problem.to_owned(),
            }
            .into());
        }
        Ok(items)
    }
}

/// Where content is brought.
#[derive(Clone, Debug)]
enum To {
    Folder(PathBuf),
    Registry(Target),
}

impl FromStr for To {
    type Err = String;

    /// Only a scheme makes a registry of it: without one, `mirror.lan/suse` is a folder. What other commands and tools
    /// write for something else is no folder's name, unless a folder of that name is here.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_registry = ["docker://", "oci://"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        if is_registry {
            return Ok(Self::Registry(text.parse().map_err(|error| chain(&error))?));
        }
        if text.is_empty() {
            return Err("name a folder, or docker://REGISTRY".to_owned());
        }
        let path = PathBuf::from(text);
        let first = text.split('/').next().unwrap_or_default();
        match first.split_once(':') {
            Some((scheme @ ("dir" | "oci"), rest)) if !path.exists() => Err(format!(
                "a bundle is written to a folder, which has no `{scheme}:` before it: {rest}"
            )),
            Some((_, port)) if !path.exists() && is_number(port) => {
                // Who means a registry hears at once that it cannot have this port.
                let registry = match text.parse::<Target>() {
                    Err(error) if port.parse::<u16>().is_err() => chain(&error),
                    _ => format!("a registry is docker://{text}"),
                };
                Err(format!("{registry}, and a folder of that name is ./{text}"))
            }
            _ => Ok(Self::Folder(path)),
        }
    }
}

/// Whether a port is meant, be it one that there is or not.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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

/// Where content is pulled from.
fn pull_sources(rules: Vec<PullSource>, files: &[PathBuf]) -> Result<PullSources, Failure> {
    let mut sources = PullSources::new(rules);
    for path in files {
        let text = std::fs::read_to_string(path).map_err(|source| commands::Error::Read {
            path: path.clone(),
            source,
        })?;
        let merged = sources.with_registries_conf(&path.display().to_string(), &text);
        sources = merged.map_err(|error| Failure::usage(&error))?;
    }
    Ok(sources)
}

/// What of the flags and the configuration does not go together.
fn contradiction(options: &Options, splits: bool, has_number: bool, is_bundle: bool) -> Option<&'static str> {
    if has_number && !splits {
        Some("--volume names one of several volumes: add --volume-size SIZE")
    } else if splits && options.prune {
        Some("a bundle is pruned, and a set that is split has several: leave out --volume-size or --prune")
    } else if splits && options.sign_with.is_some() {
        Some(
            "--sign-with signs one bundle, and a set that is split has several: sign each with `carrack sign`",
        )
    } else if !is_bundle && (splits || options.prune || options.rehash) {
        Some("--volume-size, --prune and --rehash are about bundles, and --to names a registry")
    } else if !is_bundle && (options.policy.is_some() || options.sign_with.is_some()) {
        Some(
            "a policy and --sign-with are about bundles, and --to names a registry: export to a folder, then import",
        )
    } else if !is_bundle && (options.program.is_some() || options.largest_file.is_some()) {
        Some("--with-carrack and --largest-file are about bundles, and --to names a registry")
    } else {
        None
    }
}

impl Arguments {
    pub(super) fn run(self, session: &Session) -> Result<Exit, Failure> {
        let mut world = session.world(Some(&self.network));
        let observer = session.observer();
        let declared = Declared::read(&self.sources, &self.config, observer.as_ref())?;
        let charts = self.discovery.charts();
        let images = self.discovery.options(Vec::new());
        let mut asked = vec![Asked {
            items: self.tags.items(&declared.others)?,
            images: images.clone(),
            charts: charts.clone(),
            ..Asked::default()
        }];
        asked.extend(declared.asked(&images, &charts, &world)?);
        declared.equip(&mut world)?;
        let mut rules = self.pull_through.clone();
        rules.extend(declared.pull_sources()?);
        let mut registries_conf = self.registries_conf;
        registries_conf.extend(declared.registries_conf());
        let bundle = declared.bundle()?;
        let is_bundle = matches!(self.to, To::Folder(_));
        // What a configuration says of bundles says nothing of a registry.
        let size = |declared: Option<Written<Size>>| Some(declared.filter(|_| is_bundle)?.value);
        let volume_size = self.volume_size.or_else(|| size(bundle.volume_size));
        let largest_file = self.largest_file.or_else(|| size(bundle.largest_file));
        let prune = self.prune || (is_bundle && bundle.prune);
        let lock = self.lock.or(bundle.lock);
        let program = if self.with_carrack || (is_bundle && bundle.with_carrack) {
            Some(session.program()?)
        } else {
            None
        };
        let platforms = if self.platform.is_empty() {
            declared.platforms()
        } else {
            self.platform
        };
        let (folder, mirror) = match self.to {
            To::Folder(_) if self.placement.is_given() || self.placement.is_limited() => {
                let problem = "--layout, --map and --max-depth are about places on a registry, and --to names a folder: names in a bundle stay as they are, and import places them";
                return Err(commands::Error::Usage {
                    problem: problem.to_owned(),
                }
                .into());
            }
            To::Folder(folder) => (folder, None),
            To::Registry(target) => {
                let (mapping, limits) = self.placement.on(&target, None)?;
                let mirror = Mirror {
                    target,
                    mapping,
                    limits,
                };
                (PathBuf::new(), Some(mirror))
            }
        };
        // Charts that go nowhere are looked into all the same.
        let scratch = if (self.dry_run || mirror.is_some()) && needs_network(&asked) {
            Some(session.scratch()?)
        } else {
            None
        };
        let options = Options {
            asked,
            pull_sources: pull_sources(rules, &registries_conf)?,
            pull_through: self.pull_through,
            to: folder,
            prune,
            choice: Choice {
                platforms,
                include_foreign: self.include_foreign || declared.includes_foreign(),
                referrers: match self.referrers {
                    _ if self.no_signatures => Companions::LeftOut,
                    Some(Referrers::None) => Companions::LeftOut,
                    None if declared.leaves_out_referrers() => Companions::LeftOut,
                    Some(Referrers::All) | None => Companions::Sought,
                },
                refresh: self.refresh,
                ..Choice::default()
            },
            config: declared.digest(),
            program,
            dry_run: self.dry_run,
            read_back: !self.no_read_back,
            have: self.have,
            shard: self.shard,
            largest_file: largest_file.map(|Size(bytes)| bytes),
            lock,
            refresh: self.refresh,
            rehash: self.rehash,
            scratch: scratch.as_ref().map(|folder| folder.path().to_owned()),
            policy: declared.policy(self.policy.as_deref())?.map(Arc::new),
            sign_with: self.sign_with,
            holder: session.holder(),
        };
        if let Some(problem) =
            contradiction(&options, volume_size.is_some(), self.volume.is_some(), is_bundle)
        {
            let problem = problem.to_owned();
            return Err(commands::Error::Usage { problem }.into());
        }
        let client = world.registry(&observer)?;
        if let Some(mirror) = mirror {
            let work = direct::run(&options, &mirror, &client, &world, &observer);
            return session.finish(&Session::block_on(&world, work)?, self.output);
        }
        if let Some(Size(size)) = volume_size {
            let only = self.volume.map(NonZeroUsize::get);
            let split = Split { size, only };
            let work = volumes::run(&options, &split, &client, &world, &observer);
            return session.finish(&Session::block_on(&world, work)?, self.output);
        }
        let report = Session::block_on(&world, run(&options, &client, &world, &observer))?;
        session.finish(&report, self.output)
    }
}
