//! A listener that must hear nothing: it keeps every byte that reaches it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Takes connections, keeps what is said, and answers as a generous token server would.
#[derive(Debug)]
pub(crate) struct Thief {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Thief {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let ear = Arc::clone(&ear);
                thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(Duration::from_millis(300)));
                    let mut piece = [0; 4096];
                    let mut head = Vec::new();
                    while let Ok(read @ 1..) = stream.read(&mut piece) {
                        ear.lock().unwrap().extend_from_slice(&piece[..read]);
                        head.extend_from_slice(&piece[..read]);
                        if head.windows(4).any(|w| w == b"\r\n\r\n") {
                            break;
                        }
                    }
                    let body = r#"{"token":"thief","tags":["stolen"]}"#;
                    let _ = write!(
                        stream,
                        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                        body.len()
                    );
                });
            }
        });
        Self { address, heard }
    }

    /// Its root URL without the slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that it heard.
    pub(crate) fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }

    /// Fails the test if a credential reached it: a header of that kind, or one of the words.
    pub(crate) fn assert_no_credentials(&self, secrets: &[&str]) {
        let heard = self.heard();
        let lower = heard.to_ascii_lowercase();
        assert!(
            !lower.contains("authorization"),
            "the thief got a credential:\n{heard}"
        );
        for secret in secrets {
            assert!(!heard.contains(secret), "the thief got `{secret}`:\n{heard}");
        }
    }
}
