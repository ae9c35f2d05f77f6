//! The arguments, as clap reads them. Each doc comment here is the text of `--help`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::styling::{AnsiColor, Effects, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::causes::chain;
use crate::reference::Repository;

const EXIT_CODES: &str = "\
Exit codes: 0 all done and checked · 1 failed · 2 wrong usage or configuration · 3 finished, but some items failed · \
4 content did not verify · 130 interrupted";

/// Colours that are read on dark screens and on light ones: no yellow.
const STYLES: Styles = Styles::styled()
    .valid(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .invalid(AnsiColor::Red.on_default());

/// Takes Helm charts and container images across an air gap, names and digests unchanged.
#[derive(Debug, Parser)]
#[command(name = "carrack", version, max_term_width = 100, styles = STYLES, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to talk.
    #[command(flatten)]
    pub talk: Talk,
}

/// How results and progress are told; the same for every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Talk {
    /// Show no progress, only the result and failures.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Progress and log as text, or as one JSON object a line on standard error.
    #[arg(long, global = true, value_name = "FORM", default_value = "text")]
    pub log_format: LogFormat,
    /// Write the result as JSON into this file, whatever is printed.
    #[arg(long, global = true, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Append one line of JSON about this run to FILE: who, when, which bundle, what came of it. Each line holds the
    /// hash of the one before.
    #[arg(long, global = true, value_name = "FILE")]
    pub audit_log: Option<PathBuf>,
    /// Log each request and what came of it.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The form of progress and log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// How registries and repositories are reached.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Network")]
pub struct Network {
    /// Use plain HTTP for this host; loopback addresses use it without asking. May be repeated.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = host)]
    pub plain_http: Vec<String>,
    /// Trust the certificates in this PEM file, beside the system's. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Vec<PathBuf>,
    /// Read credentials from this file first; docker's and podman's own files are read in any case.
    #[arg(long, value_name = "FILE")]
    pub authfile: Option<PathBuf>,
    /// Send the credential of this registry to the token server on this host too. May be repeated.
    #[arg(long, value_name = "REGISTRY=HOST[:PORT]", value_parser = token_server)]
    pub token_server: Vec<(String, String)>,
    /// Begin at most this many requests a second to one host.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_second: Option<u32>,
    /// Work on this many transfers at once; small blobs and manifests count a quarter.
    #[arg(long, short, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
}

/// Reads a word by its own grammar. clap shows no causes of an error, and often they say what is wrong.
pub(super) fn with_causes<T: FromStr<Err: std::error::Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| chain(&error))
}

/// A host as it is called in URLs. Whatever no host is called would be a flag without effect.
fn host(text: &str) -> Result<String, String> {
    match Repository::new(text, "any") {
        Ok(_) => Ok(text.to_ascii_lowercase()),
        Err(error) => Err(format!("this is no HOST[:PORT]: {}", chain(&error))),
    }
}

/// A registry and the host of a token server that it may name.
fn token_server(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((registry, server)) if !registry.is_empty() && !server.is_empty() => {
            Ok((host(registry)?, host(server)?))
        }
        _ => Err("expected REGISTRY=HOST, such as registry.example.com=sso.example.com".to_owned()),
    }
}

/// The form of a result on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ResultFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Mirror and render charts.
    Charts {
        /// What to do with them.
        #[command(subcommand)]
        command: super::charts::Command,
    },
    /// Find every image that charts, manifests and lists need, and say why.
    Images(Box<super::images::Arguments>),
    /// Carry images and charts onto a drive.
    Export(Box<super::export::Arguments>),
    /// Bring a bundle into a registry inside, or into a bundle that nodes are served from.
    Import(Box<super::import::Arguments>),
    /// Check a bundle: hash every file, and see that nothing which a manifest needs is missing.
    Verify(super::verify::Arguments),
    /// Make room in a bundle: take references out, and remove what none of the others needs.
    Prune(super::prune::Arguments),
    /// Sign a bundle's inventory with ssh-keygen.
    Sign(super::sign::Arguments),
    /// Write the bill of transfer, for the people who must agree to it.
    Bill(super::bill::Arguments),
    /// Offer a bundle to nodes: a read-only registry and chart repository, with no server to install.
    Serve(super::serve::Arguments),
    /// Work with carrack.yaml, the file that says what crosses.
    Config {
        /// What to do with it.
        #[command(subcommand)]
        command: super::config::Command,
    },
    /// Write a commented carrack.yaml from what there is: charts, lists, pods, other tools' files.
    Init(super::config::Init),
    /// Explain a command, or one of the topics bundle, mirrors, signatures and tiers.
    Help(super::manual::Help),
    /// Print the completion script of a shell: `carrack completions bash > /etc/bash_completion.d/carrack`.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages: `carrack manual --to /usr/local/share/man/man1`.
    Manual(super::manual::Manual),
}

impl Command {
    /// Its name, as the audit log has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Charts { .. } => "charts",
            Self::Images(_) => "images",
            Self::Export(_) => "export",
            Self::Import(_) => "import",
            Self::Verify(_) => "verify",
            Self::Prune(_) => "prune",
            Self::Sign(_) => "sign",
            Self::Bill(_) => "bill",
            Self::Serve(_) => "serve",
            Self::Config { .. } => "config",
            Self::Init(_) => "init",
            Self::Help(_) => "help",
            Self::Manual(_) => "manual",
            Self::Completions { .. } => "completions",
        }
    }
}
