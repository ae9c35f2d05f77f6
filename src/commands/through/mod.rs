//! `verify --through`, `verify --node-config`: whether nodes inside would find everything under the names it always had.
//!
//! Only mirrors are asked. Where an engine would go on to the original host, that is told and not tried: inside the gap
//! nobody answers there, and outside of it an answer would prove nothing.

mod report;
mod search;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};

use super::node_files::{self, NodeView};
use super::{Error, World};
use crate::bundle::{self, Bundle, Inventory};
use crate::digest::Digest;
use crate::mirrors::engines::Engine;
use crate::mirrors::nodes::{By, Lookup, Then};
use crate::mirrors::{Mapping, Target};
use crate::observe::{Event, Observer};
use crate::oci::{Descriptor, NESTING_CAP};
use crate::reference::{Reference, Repository};
use crate::registry::Client;

pub use report::{Missing, Report, Seen};
use search::Search;

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
