//! A registry that says anything: whatever stands in its challenges, `Location`s, `Link`s and bodies, the client ends,
//! believes no wrong bytes, and tells its password to nobody else.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carrack::credentials::{self, Explicit, Store};
use carrack::digest::Digest;
use carrack::http::{self, BytesSource, Retry};
use carrack::observe::{Silent, SystemClock};
use carrack::oci::Descriptor;
use carrack::reference::Repository;
use carrack::registry::{Client, TagOrDigest};
use carrack::secret::Secret;

const PASSWORD: &str = "open-sesame-9";

/// `me:open-sesame-9` in base64.
const BASIC: &str = "bWU6b3Blbi1zZXNhbWUtOQ==";

/// The first byte tells what is asked for; what follows are the answers, one on from each line with `~~`. In them
/// `HOST` is the registry's own address and `THIEF` another one.
pub(super) fn check(data: &[u8]) {
    let Some((which, answers)) = data.split_first() else {
        return;
    };
    with_world(|world| world.run(*which, answers));
}

/// The registry, the listener that must hear nothing, and the client.
struct World {
    registry: Arc<Script>,
    host: SocketAddr,
    thief: SocketAddr,
    stolen: Arc<Mutex<Vec<u8>>>,
    http: http::Client,
    store: Store,
    runtime: tokio::runtime::Runtime,
}

/// What the registry will answer.
#[derive(Default)]
struct Script(Mutex<Vec<Vec<u8>>>);

fn with_world(run: impl FnOnce(&World)) {
    thread_local!(static WORLD: World = World::new());
    WORLD.with(run);
}

impl World {
    fn new() -> Self {
        let registry = Arc::new(Script::default());
        let script = Arc::clone(&registry);
        let host = listen(move |mut stream| {
            // One answer for each connection; whatever length it announces, there is no more.
            if request(&mut stream).is_some() {
                let answer = script.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let _ = stream.write_all(&answer.unwrap_or_default());
            }
        });
        let stolen = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&stolen);
        let thief = listen(move |mut stream| {
            if let Some(bytes) = request(&mut stream) {
                heard.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
                let body = r#"{"token":"a-thiefs-token"}"#;
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        let settings = http::Settings {
            connect_timeout: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(2),
            stall_timeout: Duration::from_secs(2),
            retry: Retry::NEVER,
            ..http::Settings::default()
        };
        let http = http::Client::new(settings, Arc::new(Silent), Arc::new(SystemClock));
        let store = Store::load(&credentials::Settings {
            explicit: vec![Explicit {
                host: host.to_string(),
                user: "me".to_owned(),
                password: Secret::new(PASSWORD),
            }],
            ..credentials::Settings::default()
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self {
            registry,
            host,
            thief,
            stolen,
            http: http.expect("settings without files"),
            store: store.expect("a store without files"),
            runtime: runtime.expect("a runtime"),
        }
    }

    fn run(&self, which: u8, answers: &[u8]) {
        *self.registry.0.lock().unwrap_or_else(PoisonError::into_inner) = self.answers(answers);
        // Nothing is remembered of the run before.
        let client = Client::new(self.http.clone(), self.store.clone());
        let host = self.host.to_string();
        let repository = Repository::new(&host, "shop/app").expect("a repository");
        let content = b"what was asked for";
        let digest = Digest::sha256(content);
        let descriptor = Descriptor::new("application/octet-stream", digest, content.len() as u64);
        self.runtime.block_on(async {
            let ended = tokio::time::timeout(Duration::from_secs(15), async {
                match which % 7 {
                    0 => {
                        for tag in client.tags(&repository).await.into_iter().flatten() {
                            assert_eq!(tag.to_string().parse(), Ok(tag));
                        }
                    }
                    1 => {
                        if let Ok(manifest) = client.manifest(&repository, &TagOrDigest::Digest(digest)).await
                        {
                            assert_eq!(Digest::sha256(&manifest.bytes), digest);
                        }
                    }
                    2 => {
                        if let Ok(bytes) = client.blob_bytes(&repository, &descriptor, 1 << 20).await {
                            assert_eq!(bytes.as_ref(), content);
                        }
                    }
                    3 => {
                        let source = Arc::new(BytesSource(content.as_slice().into()));
                        let _ = client.push_blob(&repository, &descriptor, source, None).await;
                    }
                    4 => {
                        let _ = client.referrers(&repository, &digest).await;
                    }
                    5 => {
                        let tag = "1.0".parse().expect("a tag");
                        if let Ok(manifest) = client.manifest(&repository, &TagOrDigest::Tag(tag)).await {
                            assert_eq!(
                                Digest::of(manifest.digest.algorithm(), &manifest.bytes),
                                manifest.digest
                            );
                        }
                    }
                    _ => {
                        let _ = client.ping(&host).await;
                    }
                }
            });
            assert!(ended.await.is_ok(), "it does not end");
        });
        let mut stolen = self.stolen.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = String::from_utf8_lossy(&stolen).into_owned();
        stolen.clear();
        let lower = heard.to_ascii_lowercase();
        assert!(!lower.contains("\nauthorization:"), "{heard}");
        assert!(!heard.contains(PASSWORD) && !heard.contains(BASIC), "{heard}");
    }

    /// The answers, the last one first, with the addresses put in.
    fn answers(&self, text: &[u8]) -> Vec<Vec<u8>> {
        let mut answers: Vec<Vec<u8>> = split(text, b"\n~~\n")
            .into_iter()
            .take(6)
            .map(|answer| {
                let answer = replaced(answer, b"HOST", self.host.to_string().as_bytes());
                replaced(&answer, b"THIEF", self.thief.to_string().as_bytes())
            })
            .collect();
        answers.reverse();
        answers
    }
}

/// Takes connections on a free port of this machine, one after the other.
fn listen(mut answer: impl FnMut(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            answer(stream);
        }
    });
    address
}

/// What is said up to the end of a small request.
fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut heard = Vec::new();
    let mut piece = [0; 4096];
    let mut whole = None;
    while whole.is_none_or(|whole| heard.len() < whole) {
        match stream.read(&mut piece) {
            Ok(read @ 1..) => heard.extend_from_slice(&piece[..read]),
            _ => return None,
        }
        let head = heard.windows(4).position(|end| end == b"\r\n\r\n");
        whole = head.map(|head| head + 4 + length(&heard[..head]));
    }
    Some(heard)
}

/// What `Content-Length` says.
fn length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

fn split<'a>(mut text: &'a [u8], at: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(found) = text.windows(at.len()).position(|window| window == at) {
        parts.push(&text[..found]);
        text = &text[found + at.len()..];
    }
    parts.push(text);
    parts
}

fn replaced(text: &[u8], word: &[u8], by: &[u8]) -> Vec<u8> {
    split(text, word).join(by)
}
