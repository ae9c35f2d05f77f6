//! The one door through which the environment comes in.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use crate::http::Proxy;

/// What the process was born into, read once.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The home directory.
    pub home: Option<PathBuf>,
    /// `DOCKER_CONFIG`: the directory of docker's config.json.
    pub docker_config: Option<PathBuf>,
    /// `REGISTRY_AUTH_FILE`: the file that podman and skopeo read credentials from.
    pub registry_auth_file: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`: where podman keeps auth.json of a session.
    pub runtime_dir: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, or `~/.config`.
    pub config_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`, or `~/.local/state`.
    pub state_home: Option<PathBuf>,
    /// `HELM_REGISTRY_CONFIG`, or Helm's default place of it.
    pub helm_registry_config: Option<PathBuf>,
    /// `HELM_REPOSITORY_CONFIG`, or Helm's default place of repositories.yaml.
    pub helm_repository_config: Option<PathBuf>,
    /// The entries of `PATH`, in which credential helpers are looked for.
    pub path: Vec<PathBuf>,
    /// `HTTP_PROXY`.
    pub http_proxy: Option<Proxy>,
    /// `HTTPS_PROXY`.
    pub https_proxy: Option<Proxy>,
    /// `NO_PROXY`.
    pub no_proxy: String,
    /// The file of this program.
    pub program: Option<PathBuf>,
    /// Where files may lie for the time of a run: `TMPDIR`.
    pub scratch: PathBuf,
    /// This machine's name.
    pub host: Option<String>,
    /// `NO_COLOR` is set to something.
    pub no_color: bool,
    /// `CARRACK_LOG`: a filter for the log, as `carrack::registry=debug`.
    pub log: Option<String>,
    /// Whether people look at standard error.
    pub stderr_is_terminal: bool,
    /// Whether people look at standard output, and on how many columns.
    pub stdout_columns: Option<usize>,
    /// How many files the process may have open at once; `None` is no limit.
    pub open_files: Option<u64>,
}

/// Files that are open whatever the work: the runtime's own, the bundle's folders, the lock.
const OPEN_ALWAYS: u64 = 24;

/// Files that one transfer has open at most: connections, the blob on its way, and its folder.
const OPEN_PER_TRANSFER: u64 = 6;

/// Asks for as many open files as the process may have, and says how many it got.
fn open_files() -> Option<u64> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

/// How wide the terminal is; none if there is no terminal, or one that does not say.
pub(super) fn columns(stream: impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

impl Environment {
    /// At most so many transfers at once as the limit of open files lets run, and one at the least. Three eighths of the
    /// files are left to those that wait to become durable.
    pub fn bounded(&self, jobs: usize) -> usize {
        let most = self.open_files.map_or(u64::MAX, |limit| {
            (limit / 8 * 5).saturating_sub(OPEN_ALWAYS) / OPEN_PER_TRANSFER
        });
        jobs.min(usize::try_from(most).unwrap_or(usize::MAX)).max(1)
    }

    /// Reads the process's environment.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the door through which the environment comes in"
    )]
    pub fn read() -> Self {
        let set =
            |name: &str| -> Option<OsString> { std::env::var_os(name).filter(|value| !value.is_empty()) };
        let path = |name: &str| set(name).map(PathBuf::from);
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        // Curl reads the lower-case names, most other programs both.
        let either = |name: &str| [name.to_ascii_lowercase(), name.to_owned()];
        let proxy = |name: &str| {
            either(name).into_iter().find_map(|variable| {
                // What is no text is no proxy that can be used either, and is told.
                let url = set(&variable)?.to_string_lossy().into_owned();
                Some(Proxy { variable, url })
            })
        };
        let home = path("HOME");
        let config_home = path("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|h| h.join(".config")));
        let helm = |name: &str, file: &str| {
            let default =
                || path("HELM_CONFIG_HOME").or_else(|| config_home.as_ref().map(|c| c.join("helm")));
            path(name).or_else(|| default().map(|folder| folder.join(file)))
        };
        Self {
            docker_config: path("DOCKER_CONFIG").or_else(|| home.as_ref().map(|h| h.join(".docker"))),
            registry_auth_file: path("REGISTRY_AUTH_FILE"),
            runtime_dir: path("XDG_RUNTIME_DIR"),
            state_home: path("XDG_STATE_HOME").or_else(|| home.as_ref().map(|h| h.join(".local/state"))),
            helm_registry_config: helm("HELM_REGISTRY_CONFIG", "registry/config.json"),
            helm_repository_config: helm("HELM_REPOSITORY_CONFIG", "repositories.yaml"),
            path: set("PATH")
                .map(|value| std::env::split_paths(&value).collect())
                .unwrap_or_default(),
            http_proxy: proxy("HTTP_PROXY").or_else(|| proxy("ALL_PROXY")),
            https_proxy: proxy("HTTPS_PROXY").or_else(|| proxy("ALL_PROXY")),
            no_proxy: either("NO_PROXY")
                .into_iter()
                .find_map(|name| text(&name))
                .unwrap_or_default(),
            program: std::env::current_exe().ok(),
            scratch: std::env::temp_dir(),
            host: rustix::system::uname()
                .nodename()
                .to_str()
                .ok()
                .map(str::to_owned),
            no_color: set("NO_COLOR").is_some(),
            log: text("CARRACK_LOG"),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            stdout_columns: columns(std::io::stdout()),
            open_files: open_files(),
            home,
            config_home,
        }
    }

    /// Folders with certificates of single hosts, the most important first: where podman and docker have them.
    pub fn certificate_folders(&self) -> Vec<PathBuf> {
        let own = self.config_home.as_ref().map(|f| f.join("containers/certs.d"));
        let system = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
        own.into_iter().chain(system).collect()
    }

    /// The files that may hold credentials, the most important first.
    pub fn credential_files(&self) -> Vec<PathBuf> {
        let containers = |folder: &Option<PathBuf>| folder.as_ref().map(|f| f.join("containers/auth.json"));
        let docker = self
            .docker_config
            .as_ref()
            .map(|folder| folder.join("config.json"));
        [
            self.registry_auth_file.clone(),
            containers(&self.runtime_dir),
            containers(&self.config_home),
            docker,
            self.helm_registry_config.clone(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
