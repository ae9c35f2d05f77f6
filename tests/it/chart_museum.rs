//! Charts into a repository that takes uploads, as ChartMuseum and the chart museum of Harbor do it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::support::fixture_bundle;
use crate::support::program::{Program, Ran};

/// What a museum has, by the names of the files, and what it does.
#[derive(Default)]
struct Shelf {
    files: BTreeMap<String, Vec<u8>>,
    /// What was asked: `POST /api/charts`.
    asked: Vec<String>,
    /// The `Authorization` that it wants, if it wants one.
    authorization: Option<String>,
    /// Answers of this status to the next uploads, though what they bring is kept.
    lost: Vec<u16>,
}

/// A server that speaks ChartMuseum's API for the repository at a path.
struct Museum {
    address: String,
    shelf: Arc<Mutex<Shelf>>,
}

impl Museum {
    /// `repository` is the path of the repository, `api` the one of its uploads.
    fn start(repository: &'static str, api: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shelf: Arc<Mutex<Shelf>> = Arc::default();
        let shared = shelf.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(&stream);
                    while answer(&mut reader, &stream, &shared, repository, api).is_some() {}
                });
            }
        });
        Self { address, shelf }
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap()
    }

    fn import(&self, place: &Program, path: &str, more: &[&str]) -> Ran {
        let fixture = fixture_bundle::make();
        let bundle = fixture.path().to_str().unwrap();
        let to = format!("http://{}{path}", self.address);
        let mut words = vec![
            "import",
            "--from",
            bundle,
            "--to",
            "dir:inside",
            "--charts-to",
            &to,
            "-o",
            "json",
        ];
        words.extend(more);
        place.run(&words)
    }
}

/// Reads one request and answers it.
fn answer(
    reader: &mut BufReader<&TcpStream>,
    mut stream: &TcpStream,
    shelf: &Mutex<Shelf>,
    repository: &str,
    api: &str,
) -> Option<()> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line.trim_end().is_empty() {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        let mut values = head.iter().filter_map(|line| line.split_once(": "));
        values
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let mut words = head[0].split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let mut shelf = shelf.lock().unwrap();
    shelf.asked.push(format!("{method} {path}"));
    let (status, said) =
        if shelf.authorization.is_some() && shelf.authorization.as_deref() != header("authorization") {
            (401, br#"{"error":"unauthorized"}"#.to_vec())
        } else if method == "POST" && path == api {
            let parts = parts(&body, header("content-type").unwrap());
            if parts.iter().any(|(name, _)| shelf.files.contains_key(name)) {
                (409, br#"{"error":"file already exists"}"#.to_vec())
            } else {
                shelf.files.extend(parts);
                (shelf.lost.pop().unwrap_or(201), br#"{"saved":true}"#.to_vec())
            }
        } else {
            let file = path
                .strip_prefix(repository)
                .and_then(|rest| rest.strip_prefix("/charts/"));
            match file.and_then(|file| shelf.files.get(file)) {
                Some(bytes) => (200, bytes.clone()),
                None => (404, br#"{"error":"not found"}"#.to_vec()),
            }
        };
    drop(shelf);
    let length = said.len();
    let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&said).ok()
}

/// The files of a form, by the names that they have there.
fn parts(body: &[u8], content_type: &str) -> Vec<(String, Vec<u8>)> {
    let boundary = format!("--{}", content_type.split_once("boundary=").unwrap().1);
    let find = |from: usize, text: &[u8]| {
        let found = body[from..].windows(text.len()).position(|window| window == text);
        found.map(|at| from + at)
    };
    let mut files = Vec::new();
    let mut at = 0;
    while let Some(start) = find(at, boundary.as_bytes()) {
        let Some(content) = find(start, b"\r\n\r\n").map(|end| end + 4) else {
            break;
        };
        let head = String::from_utf8(body[start..content].to_vec()).unwrap();
        let name = head
            .split_once("filename=\"")
            .unwrap()
            .1
            .split('"')
            .next()
            .unwrap();
        at = find(content, boundary.as_bytes()).unwrap();
        files.push((name.to_owned(), body[content..at - 2].to_vec()));
    }
    files
}

fn charts(ran: &Ran) -> serde_json::Value {
    ran.json()["chartDestination"]["charts"].clone()
}

#[test]
fn charts_are_uploaded_once_and_keep_their_bytes() {
    for (repository, api) in [
        ("", "/api/charts"),
        ("/chartrepo/team", "/api/chartrepo/team/charts"),
        ("/context", "/context/api/charts"),
    ] {
        let (museum, place) = (Museum::start(repository, api), Program::new());
        let ran = museum.import(&place, repository, &[]).ended_with(0);
        assert_eq!(charts(&ran)[0]["outcome"], "done", "{}", ran.out);
        let fixture = fixture_bundle::make();
        let archive = fixture
            .path()
            .join("charts/charts.example.com/stable/hello-1.0.0.tgz");
        assert_eq!(
            museum.shelf().files["hello-1.0.0.tgz"],
            std::fs::read(archive).unwrap()
        );
        let again = museum.import(&place, repository, &[]).ended_with(0);
        assert_eq!(charts(&again)[0]["outcome"], "present");
        let posts = museum
            .shelf()
            .asked
            .iter()
            .filter(|asked| **asked == format!("POST {api}"))
            .count();
        assert_eq!(posts, 1);
    }
}

#[test]
fn a_version_that_is_there_with_other_bytes_is_not_overwritten() {
    let (museum, place) = (Museum::start("", "/api/charts"), Program::new());
    museum
        .shelf()
        .files
        .insert("hello-1.0.0.tgz".to_owned(), b"other".to_vec());
    let ran = museum.import(&place, "", &[]).ended_with(3);
    assert!(ran.out.contains("versions do not change"), "{}", ran.out);
    assert_eq!(museum.shelf().files["hello-1.0.0.tgz"], b"other");
}

#[test]
fn an_upload_whose_answer_was_lost_is_found_to_be_there() {
    let (museum, place) = (Museum::start("", "/api/charts"), Program::new());
    museum.shelf().lost.push(503);
    let ran = museum.import(&place, "", &[]).ended_with(0);
    assert_eq!(charts(&ran)[0]["outcome"], "done");
}

#[test]
fn a_museum_that_wants_a_password_gets_the_one_that_is_known_for_it_and_no_other() {
    let (museum, place) = (Museum::start("", "/api/charts"), Program::new());
    museum.shelf().authorization = Some("Basic bWU6c2VjcmV0".to_owned());
    let ran = museum.import(&place, "", &[]).ended_with(3);
    assert!(ran.out.contains("401"), "{}", ran.out);
    let auths = serde_json::json!({"auths": {&museum.address: {"auth": "bWU6c2VjcmV0"}}});
    carrack::fsx::write(&place.path("auth.json"), auths.to_string().as_bytes()).unwrap();
    museum
        .import(&place, "", &["--authfile", "auth.json"])
        .ended_with(0);
}

#[test]
fn a_place_that_takes_no_uploads_is_told_with_what_does() {
    let (museum, place) = (Museum::start("", "/nowhere"), Program::new());
    let ran = museum.import(&place, "/charts-of-harbor", &[]).ended_with(3);
    assert!(
        ran.out.contains("takes no charts") && ran.out.contains("oci://"),
        "{}",
        ran.out
    );
    let dry = museum.import(&place, "", &["--dry-run"]).ended_with(0);
    assert!(
        !museum
            .shelf()
            .asked
            .iter()
            .any(|asked| asked.starts_with("POST /api/charts "))
    );
    assert_eq!(charts(&dry)[0]["outcome"], "done");
}

#[test]
fn a_password_in_the_address_is_used_and_not_shown() {
    let (museum, place) = (Museum::start("", "/api/charts"), Program::new());
    museum.shelf().authorization = Some("Basic bWU6c2VjcmV0".to_owned());
    let fixture = fixture_bundle::make();
    let bundle = fixture.path().to_str().unwrap();
    let to = format!("http://me:secret@{}", museum.address);
    let ran = place
        .run(&[
            "import",
            "--from",
            bundle,
            "--to",
            "dir:inside",
            "--charts-to",
            &to,
        ])
        .ended_with(0);
    assert!(
        !format!("{}{}", ran.out, ran.err).contains("secret"),
        "{}{}",
        ran.out,
        ran.err
    );
}
