//! From arguments to an exit code: builds the world, runs the command, prints what it brings back.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::arguments::{Cli, Command, LogFormat, Network, ResultFormat, Talk};
use super::audit::Audit;
use super::env::{self, Environment};
use super::failure::{Exit, Failure};
use super::manual;
use super::progress::{self, Form};
use super::screen;
use crate::commands::export::Program;
use crate::commands::{self, Report, World};
use crate::observe::{Event, Observer, SystemClock};
use crate::{credentials, fsx, http};

/// One run of the program.
#[derive(Debug)]
pub struct Session {
    environment: Environment,
    talk: Talk,
    /// Who is told of the run, once somebody is.
    told: OnceLock<Arc<dyn Observer>>,
    audit: Option<Audit>,
}

/// Does what the arguments say.
pub fn run(cli: Cli, environment: Environment) -> Exit {
    let audit = match cli.talk.audit_log.as_deref().map(Audit::open).transpose() {
        Ok(audit) => audit,
        Err(failure) => {
            tell(&failure, &environment);
            return failure.exit;
        }
    };
    let session = Session {
        environment,
        talk: cli.talk,
        told: OnceLock::new(),
        audit,
    };
    session.start_log();
    let name = cli.command.name();
    let ended = session.run(cli.command);
    let recorded = session.log_run(name, &ended);
    let ended = recorded.and(ended);
    ended.unwrap_or_else(|failure| {
        session.end_progress();
        tell(&failure, &session.environment);
        session.record_failure(&failure);
        failure.exit
    })
}

impl Session {
    fn run(&self, command: Command) -> Result<Exit, Failure> {
        if let Some(path) = &self.talk.report {
            fsx::try_file(path).map_err(commands::Error::from)?;
        }
        match command {
            Command::Serve(arguments) => arguments.run(self),
            Command::Charts { command } => command.run(self),
            Command::Images(arguments) => arguments.run(self),
            Command::Export(arguments) => arguments.run(self),
            Command::Import(arguments) => arguments.run(self),
            Command::Verify(arguments) => arguments.run(self),
            Command::Prune(arguments) => arguments.run(self),
            Command::Sign(arguments) => arguments.run(self),
            Command::Bill(arguments) => arguments.run(self),
            Command::Config { command } => command.run(self),
            Command::Init(arguments) => arguments.run(self),
            Command::Help(arguments) => arguments.run(),
            Command::Completions { shell } => manual::completions(shell),
            Command::Manual(arguments) => arguments.run(),
        }
    }

    /// Writes the line of the audit log, if there is one.
    fn log_run(&self, command: &str, ended: &Result<Exit, Failure>) -> Result<(), Failure> {
        let Some(audit) = &self.audit else { return Ok(()) };
        let exit = ended.as_ref().map_or_else(|failure| failure.exit, |exit| *exit);
        audit.record(command, exit, self.environment.host.as_deref(), &SystemClock)
    }

    /// The log goes to standard error, and says nothing unless asked: results and progress have their own ways.
    fn start_log(&self) {
        let level = match self.talk.verbose {
            0 => "off",
            1 => "carrack=info",
            2 => "carrack=debug",
            _ => "carrack=trace",
        };
        let filter = self.environment.log.as_deref().unwrap_or(level);
        let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_default();
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(self.environment.stderr_is_terminal && !self.environment.no_color);
        // A second log in one process can only be a test's; the first one stays.
        let _ = match self.talk.log_format {
            LogFormat::Text => builder.try_init(),
            LogFormat::Json => builder.json().try_init(),
        };
    }

    /// The observer that the arguments ask for.
    pub fn observer(&self) -> Arc<dyn Observer> {
        let form = match (self.talk.quiet, self.talk.log_format) {
            (_, LogFormat::Json) => Form::Json,
            (true, _) => Form::Quiet,
            (false, _) => Form::People,
        };
        let made = || {
            let shown: Arc<dyn Observer> = Arc::from(progress::observer(form, !self.environment.no_color));
            match &self.audit {
                Some(audit) => audit.observing(shown),
                None => shown,
            }
        };
        Arc::clone(self.told.get_or_init(made))
    }

    /// Takes progress off the screen before the result or a failure is printed.
    pub fn end_progress(&self) {
        if let Some(observer) = self.told.get() {
            observer.on(&Event::Ended);
        }
    }

    /// The world of a command; one that uses the network gives its flags.
    pub fn world(&self, network: Option<&Network>) -> World {
        let environment = &self.environment;
        let jobs = environment.bounded(network.map_or(1, |network| usize::from(network.jobs)));
        let mut http = http::Settings {
            requests_per_host: jobs * commands::SMALL_EACH,
            proxies: http::Proxies {
                http: environment.http_proxy.clone(),
                https: environment.https_proxy.clone(),
                except: environment.no_proxy.clone(),
            },
            certificate_folders: environment.certificate_folders(),
            ..http::Settings::default()
        };
        let mut named = Vec::new();
        let mut token_servers = BTreeMap::<String, Vec<String>>::new();
        if let Some(network) = network {
            http.plain_http.clone_from(&network.plain_http);
            http.ca_files.clone_from(&network.ca_file);
            http.rate_per_host = network.requests_per_second;
            named.extend(network.authfile.clone());
            for (registry, server) in &network.token_server {
                token_servers
                    .entry(registry.clone())
                    .or_default()
                    .push(server.clone());
            }
        }
        let credentials = credentials::Settings {
            explicit: Vec::new(),
            named,
            files: environment.credential_files(),
            helper_folders: environment.path.clone(),
            token_servers,
        };
        World {
            clock: Arc::new(SystemClock),
            cancel: CancellationToken::new(),
            jobs,
            http,
            credentials,
            helm_repositories: environment.helm_repository_config.clone(),
        }
    }

    /// A folder that is gone when it is dropped.
    pub fn scratch(&self) -> Result<tempfile::TempDir, Failure> {
        let parent = &self.environment.scratch;
        tempfile::Builder::new()
            .prefix("carrack-")
            .tempdir_in(parent)
            .map_err(|source| {
                Failure::from(commands::Error::from(fsx::Error::io(
                    "make a folder in",
                    parent,
                    source,
                )))
            })
    }

    /// This program, to go along on a drive.
    pub fn program(&self) -> Result<Program, Failure> {
        let path = self
            .environment
            .program
            .clone()
            .ok_or_else(|| commands::Error::Usage {
                problem: "the system does not say which file this program is: copy it onto the drive by hand"
                    .to_owned(),
            })?;
        Ok(Program {
            path,
            platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        })
    }

    /// Who runs this, for a second run that finds a bundle locked.
    pub fn holder(&self) -> String {
        let host = self
            .environment
            .host
            .as_deref()
            .unwrap_or("a host without a name");
        format!("process {} on {host}", std::process::id())
    }

    /// Where the program remembers things from run to run, such as the bundles that it accepted.
    pub fn state_folder(&self) -> Option<std::path::PathBuf> {
        self.environment
            .state_home
            .as_ref()
            .map(|home| home.join("carrack"))
    }

    /// Runs network work to its end, or until a signal asks for a tidy stop.
    pub fn block_on<T>(
        world: &World,
        work: impl Future<Output = Result<T, commands::Error>>,
    ) -> Result<T, Failure> {
        Self::block_on_with(&mut tokio::runtime::Builder::new_multi_thread(), world, work)
    }

    /// The same for many small things: one thread speaks with the network, and as many as there are processors look at
    /// what has come. Threads that hand each other small things spend more on waking one another than on the work.
    pub fn block_on_small<T>(
        world: &World,
        work: impl Future<Output = Result<T, commands::Error>>,
    ) -> Result<T, Failure> {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let mut builder = tokio::runtime::Builder::new_current_thread();
        Self::block_on_with(builder.max_blocking_threads(processors.max(2)), world, work)
    }

    fn block_on_with<T>(
        builder: &mut tokio::runtime::Builder,
        world: &World,
        work: impl Future<Output = Result<T, commands::Error>>,
    ) -> Result<T, Failure> {
        let runtime = builder
            .enable_all()
            .build()
            .map_err(|cause| Failure::from(commands::Error::Runtime { cause }))?;
        let cancel = world.cancel.clone();
        let ended = runtime.block_on(async move {
            tokio::spawn(async move {
                stop_signal().await;
                cancel.cancel();
            });
            work.await
        });
        runtime.shutdown_timeout(std::time::Duration::from_secs(2));
        ended.map_err(Failure::from)
    }

    /// Runs work that blocks and has no use for the network; signals stop it as they stop the other kind.
    pub fn block_in_place<T: Send + 'static>(
        world: &World,
        work: impl FnOnce(&World) -> Result<T, commands::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let inside = world.clone();
        Self::block_on(world, async move {
            let joined = tokio::task::spawn_blocking(move || work(&inside)).await;
            joined.unwrap_or_else(|_| Err(commands::Error::Crashed))
        })
    }

    /// A text for people as the screen shows it best, if there is one.
    pub fn fitted(&self, text: &str) -> String {
        screen::fitted(text, self.environment.stdout_columns)
    }

    /// Prints the result, leaves it in the file of `--report`, and turns its ending into the exit code.
    pub fn finish(&self, report: &impl Report, format: ResultFormat) -> Result<Exit, Failure> {
        self.end_progress();
        self.record(report)?;
        let text = match format {
            ResultFormat::Text => self.fitted(&report.to_string()),
            ResultFormat::Json => serde_json::to_string_pretty(report)
                .map_err(|cause| Failure::from(commands::Error::Result { cause: cause.into() }))?,
        };
        print(text.as_bytes())?;
        Ok(report.ending().into())
    }
}

impl Session {
    /// Leaves a result in the file of `--report`, if there is one.
    pub fn record(&self, report: &impl serde::Serialize) -> Result<(), Failure> {
        let Some(path) = &self.talk.report else {
            return Ok(());
        };
        let text = serde_json::to_vec_pretty(report)
            .map_err(|cause| Failure::from(commands::Error::Result { cause: cause.into() }))?;
        fsx::write(path, &text).map_err(|error| Failure::from(commands::Error::from(error)))
    }

    /// Leaves a failure there: whoever reads the file must not take an older result for this run's.
    fn record_failure(&self, failure: &Failure) {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Failed<'a> {
            error: &'a str,
            exit_code: u8,
        }
        let failed = Failed {
            error: &failure.text,
            exit_code: failure.exit as u8,
        };
        if let Err(failure) = self.record(&failed) {
            tell(&failure, &self.environment);
        }
    }
}

/// Says on standard error why a run failed.
fn tell(failure: &Failure, environment: &Environment) {
    let columns = env::columns(std::io::stderr());
    let in_color = environment.stderr_is_terminal && !environment.no_color;
    let text = screen::painted(&screen::fitted(&failure.text, columns), in_color);
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes a result to standard output, ending in one line break.
///
/// A reader that went away (`carrack images … | head`) is no failure of ours.
pub fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let line_break: &[u8] = if text.is_empty() || text.ends_with(b"\n") {
        b""
    } else {
        b"\n"
    };
    match out
        .write_all(text)
        .and_then(|()| out.write_all(line_break))
        .and_then(|()| out.flush())
    {
        Err(cause) if cause.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(commands::Error::Result { cause }.into())
        }
        _ => Ok(()),
    }
}

/// Waits for the first of interrupt, termination and hang-up.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    if signals.is_empty() {
        return std::future::pending().await;
    }
    let waits = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    futures_util::future::select_all(waits).await;
}
