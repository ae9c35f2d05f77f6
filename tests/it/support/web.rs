//! A web server that says what it is told to, and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// An answer: status and body. A status that comes with a number of tries is given so often, then 200.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) fails_first: u32,
}

/// A request as it came: path and the `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

#[derive(Default)]
struct Shared {
    pages: BTreeMap<String, Page>,
    asked: Vec<Asked>,
}

/// A running web server on a port of its own; its thread ends with the test's process.
#[derive(Clone)]
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

impl Web {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let web = Self {
            address: listener.local_addr().unwrap(),
            shared: Arc::default(),
        };
        let shared = web.shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || converse(&stream, &shared));
            }
        });
        web
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn page(&self, path: &str, body: impl Into<Vec<u8>>) {
        self.answer(path, 200, body);
    }

    pub(crate) fn answer(&self, path: &str, status: u16, body: impl Into<Vec<u8>>) {
        let page = Page {
            status,
            headers: Vec::new(),
            body: body.into(),
            fails_first: 0,
        };
        self.put(path, page);
    }

    pub(crate) fn put(&self, path: &str, page: Page) {
        self.shared.lock().unwrap().pages.insert(path.to_owned(), page);
    }

    /// Every request so far, and forgets them.
    pub(crate) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.lock().unwrap().asked)
    }
}

fn converse(stream: &TcpStream, shared: &Mutex<Shared>) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read_head(&mut reader) {
        let page = {
            let mut shared = shared.lock().unwrap();
            shared.asked.push(asked.clone());
            match shared.pages.get_mut(&asked.path) {
                None => None,
                Some(page) if page.fails_first > 0 => {
                    page.fails_first -= 1;
                    Some(page.clone())
                }
                Some(page) => Some(Page {
                    status: if page.headers.is_empty() { page.status } else { 200 },
                    headers: Vec::new(),
                    ..page.clone()
                }),
            }
        };
        let page = page.unwrap_or_else(|| Page {
            status: 404,
            headers: Vec::new(),
            body: b"not here".to_vec(),
            fails_first: 0,
        });
        let mut head = format!(
            "HTTP/1.1 {} Said\r\ncontent-length: {}\r\n",
            page.status,
            page.body.len()
        );
        for (name, value) in &page.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        let mut writer = stream;
        if writer
            .write_all(head.as_bytes())
            .and_then(|()| writer.write_all(&page.body))
            .is_err()
        {
            return;
        }
    }
}

fn read_head(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut authorization = None;
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Some(Asked { path, authorization });
        };
        if name.eq_ignore_ascii_case("authorization") {
            authorization = Some(value.trim().to_owned());
        }
    }
}
