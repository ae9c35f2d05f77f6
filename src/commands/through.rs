//! `verify --through`, `verify --node-config`: whether nodes inside would find everything under the names it always had.
//!
//! Only mirrors are asked. Where an engine would go on to the original host, that is told and not tried: inside the gap
//! nobody answers there, and outside of it an answer would prove nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;

use super::node_files::{self, NodeView};
use super::{Ending, Error, World};
use crate::bundle::{self, Bundle, Inventory};
use crate::causes::chain;
use crate::digest::Digest;
use crate::mirrors::engines::Engine;
use crate::mirrors::nodes::{By, Lookup, Then};
use crate::mirrors::{Mapping, Target};
use crate::observe::{Event, Observer, Outcome};
use crate::oci::{Descriptor, NESTING_CAP};
use crate::reference::{Reference, Repository};
use crate::registry::{Client, TagOrDigest};

/// Where nodes look.
#[derive(Clone, Debug)]
pub enum Way {
    /// At a mirror that was filled by a mapping; without one, by the receipt that the import left, or by host.
    Registry {
        /// The mirror.
        target: Target,
        /// Where references are on it.
        mapping: Option<Mapping>,
    },
    /// Where the configuration of container engines says.
    Nodes {
        /// The folder that `import --engine-config` wrote, or the root of a node's file system.
        folder: PathBuf,
        /// Only these engines; empty means all that are configured there.
        engines: Vec<Engine>,
    },
}

/// What is looked for, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// Where nodes look.
    pub way: Way,
}

/// One way in which nodes look, and what it came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    /// References that are found, by tag and by digest, with all their content.
    pub found: usize,
    /// References that are not.
    pub missing: usize,
}

/// Something that a node would not find.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Missing {
    /// The reference as nodes know it.
    pub reference: Reference,
    /// Where it was looked for and what came of that, one line.
    pub problem: String,
    /// Who would not find it: the registry, or names of engines.
    pub viewers: BTreeSet<String>,
    /// Whether other content than the bundle's is there.
    pub is_different: bool,
}

/// What nodes would find.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// The mirror, or each engine.
    pub viewers: BTreeMap<String, Seen>,
    /// Everything that somebody would not find.
    pub missing: Vec<Missing>,
}

/// Looks for every reference of a bundle the way nodes would.
pub async fn run(options: &Options, world: &World, observer: &Arc<dyn Observer>) -> Result<Report, Error> {
    let bundle = Bundle::open(&options.bundle)?;
    let views = match &options.way {
        Way::Registry { target, mapping } => vec![View::of_registry(
            &bundle,
            target,
            mapping.as_ref(),
            world,
            observer,
        )?],
        Way::Nodes { folder, engines } => node_files::open(folder, engines)?
            .into_iter()
            .map(|node| View::of_node(node, world, observer))
            .collect::<Result<_, _>>()?,
    };
    observer.on(&Event::Phase {
        name: "looking through".to_owned(),
    });
    let contents = contents(&bundle)?;
    let mut report = Report {
        bundle: options.bundle.clone(),
        viewers: BTreeMap::new(),
        missing: Vec::new(),
    };
    let mut gathered: BTreeMap<(Reference, String, bool), BTreeSet<String>> = BTreeMap::new();
    for view in &views {
        let search = Search::start(view, &contents).await;
        let mut seen = Seen::default();
        let mut answers = stream::iter(&contents)
            .map(|content| search.look_for(content, &**observer))
            .buffer_unordered(world.jobs.max(1));
        while let Some((reference, problems)) = answers.next().await {
            if world.cancel.is_cancelled() {
                return Err(Error::Interrupted);
            }
            if problems.is_empty() {
                seen.found += 1;
            } else {
                seen.missing += 1;
            }
            for problem in problems {
                let key = (reference.clone(), problem.text, problem.is_different);
                gathered.entry(key).or_default().insert(view.name.clone());
            }
        }
        report.viewers.insert(view.name.clone(), seen);
    }
    report.missing = gathered
        .into_iter()
        .map(|((reference, problem, is_different), viewers)| Missing {
            reference,
            problem,
            viewers,
            is_different,
        })
        .collect();
    Ok(report)
}

/// One way of looking, with the client that goes it.
struct View {
    name: String,
    client: Client,
    looker: Looker,
}

enum Looker {
    Mapping { registry: String, mapping: Mapping },
    Node(crate::mirrors::nodes::Node),
}

impl View {
    fn of_registry(
        bundle: &Bundle,
        target: &Target,
        mapping: Option<&Mapping>,
        world: &World,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let mapping = match mapping {
            Some(mapping) => mapping.clone(),
            None => match of_receipt(bundle, target)? {
                Some(mapping) => mapping,
                None => Mapping::default().with_prefix(target.prefix())?,
            },
        };
        Ok(Self {
            name: target.to_string(),
            client: world.registry(observer)?,
            looker: Looker::Mapping {
                registry: target.registry().to_owned(),
                mapping,
            },
        })
    }

    fn of_node(node: NodeView, world: &World, observer: &Arc<dyn Observer>) -> Result<Self, Error> {
        Ok(Self {
            name: node.name(),
            client: node.world(world).registry(observer)?,
            looker: Looker::Node(node.node),
        })
    }

    fn lookup(&self, repository: &Repository, by: By) -> Lookup {
        match &self.looker {
            Looker::Node(node) => node.lookup(repository, by),
            Looker::Mapping { registry, mapping } => {
                let place = Repository::new(registry, &mapping.path_of(repository));
                let (places, problems) = match place {
                    Ok(place) => (vec![place], Vec::new()),
                    Err(error) => (Vec::new(), vec![error.to_string()]),
                };
                Lookup {
                    places,
                    then: Then::Stop,
                    problems,
                }
            }
        }
    }
}

/// The mapping that the last import into this target left on the drive.
fn of_receipt(bundle: &Bundle, target: &Target) -> Result<Option<Mapping>, Error> {
    let name = target.to_string();
    let receipt = bundle
        .receipts()?
        .into_iter()
        .find(|receipt| receipt.target == name);
    Ok(receipt.and_then(|receipt| serde_json::from_value(receipt.mapping).ok()))
}

/// What one reference consists of, as far as the bundle has it.
struct Content {
    reference: Reference,
    root: Digest,
    manifests: BTreeSet<Digest>,
    blobs: BTreeMap<Digest, Descriptor>,
}

fn contents(bundle: &Bundle) -> Result<Vec<Content>, Error> {
    let inventory = bundle.inventory()?;
    let each = bundle.entries().iter().map(|(reference, root)| {
        let mut content = Content {
            reference: reference.clone(),
            root: root.digest,
            manifests: BTreeSet::new(),
            blobs: BTreeMap::new(),
        };
        descend(bundle, inventory.as_ref(), root, NESTING_CAP, &mut content)?;
        Ok(content)
    });
    each.collect()
}

fn descend(
    bundle: &Bundle,
    inventory: Option<&Inventory>,
    descriptor: &Descriptor,
    depth: usize,
    content: &mut Content,
) -> Result<(), bundle::Error> {
    let is_left_out = |digest: &Digest| inventory.is_some_and(|i| i.absent.contains_key(digest));
    if !content.manifests.insert(descriptor.digest) {
        return Ok(());
    }
    let (_, document) = bundle.document(&descriptor.digest, &descriptor.media_type)?;
    for blob in &document.blobs {
        // A blob that a receipt left out is inside all the same; foreign layers never were.
        if bundle.blob_size(&blob.digest)?.is_some() || !is_left_out(&blob.digest) {
            content.blobs.insert(blob.digest, blob.clone());
        }
    }
    for child in &document.manifests {
        let is_here = bundle.blob_size(&child.digest)?.is_some();
        if depth > 0 && (is_here || !is_left_out(&child.digest)) {
            descend(bundle, inventory, child, depth - 1, content)?;
        }
    }
    Ok(())
}

/// One thing that is wrong.
struct Problem {
    text: String,
    is_different: bool,
}

impl Problem {
    fn absent(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_different: false,
        }
    }
}

/// The looking of one view.
struct Search<'v> {
    view: &'v View,
    /// Mirrors that do not answer, with why not: found out once, not for each reference.
    silent: BTreeMap<String, String>,
}

impl<'v> Search<'v> {
    async fn start(view: &'v View, contents: &[Content]) -> Self {
        let mut hosts = BTreeSet::new();
        for content in contents {
            for by in [By::Tag, By::Digest] {
                let lookup = view.lookup(content.reference.repository(), by);
                hosts.extend(lookup.places.iter().map(|place| place.host().to_owned()));
            }
        }
        let mut silent = BTreeMap::new();
        for host in hosts {
            if let Err(error) = view.client.ping(&host).await {
                silent.insert(host, chain(&error));
            }
        }
        Self { view, silent }
    }

    async fn look_for(&self, content: &Content, observer: &dyn Observer) -> (Reference, Vec<Problem>) {
        let reference = &content.reference;
        let subject = format!("{} {reference}", self.view.name);
        observer.on(&Event::ItemStarted {
            subject: subject.clone(),
        });
        let mut problems = Vec::new();
        if let Some(tag) = reference.tag().filter(|_| reference.digest().is_none()) {
            let at = TagOrDigest::Tag(tag.clone());
            if let Err(problem) = self.resolve(content, By::Tag, &at).await {
                problems.push(problem);
            }
        }
        match self.resolve(content, By::Digest, &content.root.into()).await {
            Ok(place) => problems.extend(self.follow(content, &place).await),
            Err(problem) if problems.iter().any(|known| known.text == problem.text) => {}
            Err(problem) => problems.push(problem),
        }
        let outcome = match problems.first() {
            None => Outcome::Done,
            Some(problem) => Outcome::Failed(problem.text.clone()),
        };
        observer.on(&Event::ItemFinished { subject, outcome });
        (reference.clone(), problems)
    }

    /// The first place that has the manifest. What an engine would be given there must be what the bundle has.
    async fn resolve(&self, content: &Content, by: By, at: &TagOrDigest) -> Result<Repository, Problem> {
        let repository = content.reference.repository();
        let lookup = self.view.lookup(repository, by);
        let mut tried = lookup.problems.clone();
        for place in &lookup.places {
            let shown = match at {
                TagOrDigest::Tag(tag) => format!("{place}:{tag}"),
                TagOrDigest::Digest(digest) => format!("{place}@{digest}"),
            };
            if let Some(why) = self.silent.get(place.host()) {
                tried.push(format!("{} does not answer: {why}", place.host()));
                continue;
            }
            match self.view.client.manifest(place, at).await {
                Ok(manifest) if manifest.digest == content.root => return Ok(place.clone()),
                Ok(manifest) => {
                    return Err(Problem {
                        text: format!("{shown} is {}, the bundle has {}", manifest.digest, content.root),
                        is_different: true,
                    });
                }
                Err(error) => tried.push(chain(&error)),
            }
        }
        if lookup.then == Then::Upstream {
            let host = repository.host();
            tried.push(if lookup.places.is_empty() {
                format!("no mirror is configured for {host}: the node asks {host} itself")
            } else {
                format!("the node then asks {host} itself")
            });
        }
        Err(Problem::absent(tried.join("; ")))
    }

    /// Whether everything that the reference consists of is at the place.
    async fn follow(&self, content: &Content, place: &Repository) -> Vec<Problem> {
        let mut problems = Vec::new();
        for digest in content.manifests.iter().filter(|digest| **digest != content.root) {
            if let Err(error) = self.view.client.manifest(place, &(*digest).into()).await {
                problems.push(Problem::absent(chain(&error)));
            }
        }
        for (digest, descriptor) in &content.blobs {
            match self.view.client.has_blob(place, descriptor).await {
                Ok(true) => {}
                Ok(false) => problems.push(Problem::absent(format!("{place} has no blob {digest}"))),
                Err(error) => problems.push(Problem::absent(chain(&error))),
            }
        }
        problems
    }
}

impl super::Report for Report {
    fn ending(&self) -> Ending {
        if self.missing.iter().any(|missing| missing.is_different) {
            Ending::NotVerified
        } else if self.missing.is_empty() {
            Ending::Done
        } else {
            Ending::SomeFailed
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for missing in &self.missing {
            let viewers: Vec<_> = missing.viewers.iter().map(String::as_str).collect();
            let word = if missing.is_different {
                "other content"
            } else {
                "not found"
            };
            writeln!(
                f,
                "{word}: {} by {}: {}",
                missing.reference,
                viewers.join(", "),
                missing.problem
            )?;
        }
        let mut rows = self.viewers.iter().peekable();
        while let Some((viewer, seen)) = rows.next() {
            let all = seen.found + seen.missing;
            write!(
                f,
                "{viewer}: {} of {all} references are found under their own names",
                seen.found
            )?;
            if rows.peek().is_some() {
                writeln!(f)?;
            }
        }
        Ok(())
    }
}
