//! Every command block of the README and the book is run as it stands.
//!
//! A block marked `sh` runs with `sh -eu` in the page's own folder, one after the other, so that a page reads from top to
//! bottom. The internet is a few names (`support::internet`): fixtures play `charts.example.com`, `registry.example.com`
//! and Docker Hub, a registry that takes pushes is `mirror.example.lan`, and `/media/usb` is a folder. A block below
//! `<!-- not run: REASON -->` is not run; how many those are is part of the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use carrack::mirrors::{Mapping, Place, Rule};
use carrack::serve::Settings;
use tempfile::TempDir;

use crate::support::internet::Internet;
use crate::support::registry::{Fault, On, TestRegistry};
use crate::support::serving::{Serving, open};
use crate::support::web::Web;

/// A block of a page.
struct Block {
    line: usize,
    text: String,
    not_run: Option<String>,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut before = "";
    let mut lines = (1..).zip(page.lines());
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: Vec<&str> = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| *line != "```")
                .collect();
            let reason = before
                .strip_prefix("<!-- not run: ")
                .and_then(|reason| reason.strip_suffix(" -->"));
            if language == "sh" {
                blocks.push(Block {
                    line: number,
                    text: text.join("\n"),
                    not_run: reason.map(str::to_owned),
                });
            }
            before = "";
        } else if !line.is_empty() {
            before = line;
        }
    }
    blocks
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The README and every page of the book, with their text.
fn pages() -> Vec<(String, String)> {
    let mut paths = vec![root().join("README.md")];
    let mut book: Vec<PathBuf> = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    book.sort();
    paths.extend(book);
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The world that the pages are read in.
struct Sandbox {
    place: TempDir,
    internet: Internet,
    _upstream: Serving,
    _charts: Web,
    _inside: TestRegistry,
}

impl Sandbox {
    fn new() -> Self {
        let fixtures = root().join("fixtures/voyage/upstream");
        let rules = ["registry.example.com=/", "docker.io=/", "docker.io/library+=hub"];
        let mapping = Mapping::new(Place::ByHost).with_rules(rules.map(|rule| rule.parse::<Rule>().unwrap()));
        let upstream = Serving::with(&fixtures, Settings { mapping, ..open() });
        let charts = Web::start();
        for name in ["index.yaml", "harbour-1.0.0.tgz"] {
            let file = fixtures.join("charts/charts.example.com/stable").join(name);
            charts.page(&format!("/stable/{name}"), fs::read(file).unwrap());
        }
        let inside = TestRegistry::start();
        // It does not know the name under which it is reached.
        inside.fault(On::any(), Fault::RelativeLocation);
        let hosts = BTreeMap::from([
            ("charts.example.com".to_owned(), charts.address),
            ("registry.example.com".to_owned(), upstream.address),
            ("registry-1.docker.io".to_owned(), upstream.address),
            ("mirror.example.lan".to_owned(), inside.host().parse().unwrap()),
        ]);
        let place = tempfile::tempdir().unwrap();
        let programs = place.path().join("bin");
        fs::create_dir(&programs).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_carrack"), programs.join("carrack")).unwrap();
        Self {
            place,
            internet: Internet::start(hosts),
            _upstream: upstream,
            _charts: charts,
            _inside: inside,
        }
    }

    /// Runs the blocks of a page in order; gives how many ran, and what went wrong.
    fn read(&self, name: &str, text: &str) -> (usize, Option<String>) {
        let folder = self.place.path().join(name.replace('/', "-"));
        let drive = folder.join("media/usb");
        fs::create_dir_all(&drive).unwrap();
        let mut ran = 0;
        for block in blocks(text).iter().filter(|block| block.not_run.is_none()) {
            let script = block.text.replace("/media/usb", drive.to_str().unwrap());
            let output = Command::new("sh")
                .args(["-euc", &script])
                .current_dir(&folder)
                .env_clear()
                .env("HOME", &folder)
                .env("NO_COLOR", "1")
                .env("PATH", format!("{}:/usr/bin:/bin", self.programs().display()))
                .envs(self.internet.environment(self.place.path()))
                .output()
                .unwrap();
            if !output.status.success() {
                let said = format!(
                    "{name}:{}: exit code {:?}\n{}\n--- said\n{}{}",
                    block.line,
                    output.status.code(),
                    block.text,
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr),
                );
                return (ran, Some(said));
            }
            ran += 1;
        }
        (ran, None)
    }

    fn programs(&self) -> PathBuf {
        self.place.path().join("bin")
    }
}

#[test]
fn every_command_block_of_the_book_does_what_it_says() {
    let sandbox = Sandbox::new();
    let mut ran = 0;
    let mut wrong = Vec::new();
    for (name, text) in pages() {
        let (blocks, problem) = sandbox.read(&name, &text);
        ran += blocks;
        wrong.extend(problem);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(ran >= 25, "only {ran} blocks ran: is the book still there?");
}

#[test]
fn blocks_that_are_not_run_say_why() {
    for (name, text) in pages() {
        for block in blocks(&text) {
            if let Some(reason) = block.not_run {
                assert!(
                    reason.len() > 10,
                    "{name}:{}: `{reason}` is no reason",
                    block.line
                );
            }
        }
        let wild = text
            .lines()
            .filter(|line| line.starts_with("```bash") || line.starts_with("```shell"));
        assert_eq!(wild.count(), 0, "{name}: blocks of commands are marked `sh`");
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut dead = Vec::new();
    for (name, text) in pages() {
        let page = root().join(&name);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            let elsewhere = target.contains("://") || path.is_empty();
            if !elsewhere && !page.parent().unwrap_or_else(|| Path::new("")).join(path).exists() {
                dead.push(format!("{name}: {target}"));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}
