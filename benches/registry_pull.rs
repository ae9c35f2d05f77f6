//! How fast the registry client alone reads: all manifests and distinct blobs of a list of references, hashed and
//! thrown away. The floor to compare with is `curl --parallel --parallel-max 8` over the URLs that `--urls` prints.
//!
//! ```sh
//! mkimages 127.0.0.1:5000 --images 400 --bases 10 --base-mb 0.2 --layers 5 --layer-mb 0.02 > list
//! cargo bench --profile quick --bench registry_pull -- list
//! cargo bench --profile quick --bench registry_pull -- list --urls > urls
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring program prints, and ends at the first failure"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use carrack::credentials::Store;
use carrack::digest::Digest;
use carrack::http::{self, Settings};
use carrack::observe::{Silent, SystemClock};
use carrack::oci::Descriptor;
use carrack::reference::{Reference, Repository};
use carrack::registry::{Client, TagOrDigest};
use futures_util::{StreamExt, stream};

/// Requests at a time, as the floor has it.
const JOBS: usize = 8;

type Wanted = BTreeMap<Digest, (Repository, Descriptor)>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let Some(path) = arguments.first() else {
        println!("usage: registry_pull LIST [--urls]");
        return;
    };
    let list = std::fs::read_to_string(path).unwrap();
    let references: Vec<Reference> = list.lines().map(|line| line.parse().unwrap()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(references, arguments.iter().any(|a| a == "--urls")));
}

async fn measure(references: Vec<Reference>, urls: bool) {
    let http = http::Client::new(Settings::default(), Arc::new(Silent), Arc::new(SystemClock)).unwrap();
    let client = Client::new(http, Store::anonymous());
    let started = Instant::now();
    let count = references.len();
    let found: Vec<Wanted> = stream::iter(references)
        .map(|reference| {
            let client = client.clone();
            async move {
                tokio::spawn(async move { wanted(&client, &reference).await })
                    .await
                    .unwrap()
            }
        })
        .buffer_unordered(JOBS)
        .collect()
        .await;
    let resolved = started.elapsed();
    let wanted: Wanted = found.into_iter().flatten().collect();
    if urls {
        for (repository, descriptor) in wanted.values() {
            println!(
                "url=\"http://{}/v2/{}/blobs/{}\"",
                repository.host(),
                repository.path(),
                descriptor.digest
            );
            println!("output=/dev/null");
        }
        return;
    }
    let blobs = wanted.len();
    let started = Instant::now();
    let sizes: Vec<u64> = stream::iter(wanted.into_values())
        .map(|(repository, descriptor)| {
            let client = client.clone();
            async move {
                tokio::spawn(async move { read(&client, &repository, &descriptor).await })
                    .await
                    .unwrap()
            }
        })
        .buffer_unordered(JOBS)
        .collect()
        .await;
    let took = started.elapsed().as_secs_f64();
    let bytes: u64 = sizes.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let (blobs, megabytes) = (blobs as f64, bytes as f64 / 1e6);
    println!("{count} references resolved in {:.2} s", resolved.as_secs_f64());
    println!(
        "{blobs} blobs, {megabytes:.0} MB in {took:.2} s: {:.0} blobs/s, {:.0} MB/s",
        blobs / took,
        megabytes / took
    );
}

async fn wanted(client: &Client, reference: &Reference) -> Wanted {
    let mut found = Wanted::new();
    let mut next = vec![TagOrDigest::of(reference).unwrap()];
    while let Some(at) = next.pop() {
        let manifest = client.manifest(reference.repository(), &at).await.unwrap();
        let document = manifest.document().unwrap();
        next.extend(
            document
                .manifests
                .iter()
                .map(|child| TagOrDigest::Digest(child.digest)),
        );
        let blobs = document.blobs.into_iter();
        found.extend(blobs.map(|blob| (blob.digest, (reference.repository().clone(), blob))));
    }
    found
}

async fn read(client: &Client, repository: &Repository, descriptor: &Descriptor) -> u64 {
    let mut blob = client.blob(repository, descriptor, 0).await.unwrap();
    let mut hasher = descriptor.digest.algorithm().hasher();
    let mut size = 0;
    while let Some(chunk) = blob.chunk().await.unwrap() {
        hasher.update(&chunk);
        size += chunk.len() as u64;
    }
    assert_eq!(hasher.finish(), descriptor.digest);
    size
}
