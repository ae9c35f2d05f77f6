//! `carrack charts pull`, from web servers that behave and that do not.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use carrack::chartrepo::{self, DigestMismatch, Fetcher, Index, Options, Provenance, Row, Source};
use carrack::credentials::Store;
use carrack::digest::Digest;
use carrack::fsx::Folder;
use carrack::http;
use carrack::observe::{Outcome, Recorder, SystemClock};
use std::sync::Arc;

use crate::support::fixture_bundle;
use crate::support::fixture_bundle::layer;
use crate::support::serving::Serving;
use crate::support::web::{Page, Web};

fn archive(name: &str, version: &str) -> Vec<u8> {
    let chart = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    layer(&[(&format!("{name}/Chart.yaml"), chart.as_bytes())])
}

/// A repository's index; each chart is name, version, URL and the digest's text.
fn index(charts: &[(&str, &str, &str, &str)]) -> String {
    let mut text = String::from("apiVersion: v1\nentries:\n");
    for (name, version, url, digest) in charts {
        writeln!(
            text,
            "  {name}:\n  - {{name: {name}, version: {version}, urls: ['{url}'], digest: '{digest}'}}"
        )
        .unwrap();
    }
    text
}

struct Site {
    web: Web,
    target: tempfile::TempDir,
}

impl Site {
    fn start() -> Self {
        Self {
            web: Web::start(),
            target: tempfile::tempdir().unwrap(),
        }
    }

    /// Puts a chart and its archive on the server and gives its row for the index.
    fn hex_of(&self, name: &str, version: &str) -> String {
        let bytes = archive(name, version);
        let hex = Digest::sha256(&bytes).hex();
        self.web.page(&format!("/stable/{name}-{version}.tgz"), bytes);
        hex
    }

    fn source(&self) -> String {
        self.web.url("/stable")
    }

    async fn pull(&self, sources: &[&str], options: Options) -> Vec<Row> {
        pull(sources, self.target.path(), options, false).await
    }

    fn place(&self) -> PathBuf {
        self.target
            .path()
            .join(format!("127.0.0.1-{}/stable", self.web.address.port()))
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.place())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

async fn pull(sources: &[&str], target: &Path, options: Options, pass_credentials: bool) -> Vec<Row> {
    let recorder = Arc::new(Recorder::default());
    let settings = http::Settings {
        retry: http::Retry {
            first_pause: std::time::Duration::from_millis(10),
            ..http::Retry::default()
        },
        ..http::Settings::default()
    };
    let client = http::Client::new(settings, recorder.clone(), Arc::new(SystemClock)).unwrap();
    let fetcher = Fetcher::new(client, Store::anonymous(), pass_credentials);
    let sources: Vec<Source> = sources.iter().map(|s| s.parse().unwrap()).collect();
    let root = Folder::create(target).unwrap();
    let options = Options { jobs: 4, ..options };
    chartrepo::pull(&fetcher, &sources, Some(&root), &options, recorder.as_ref())
        .await
        .unwrap()
}

fn failure(row: &Row) -> &str {
    let Outcome::Failed(reason) = &row.outcome else {
        return "did not fail";
    };
    reason
}

fn done(rows: &[Row]) -> Vec<&str> {
    rows.iter()
        .filter(|row| row.outcome == Outcome::Done)
        .map(|row| row.chart.as_str())
        .collect()
}

#[tokio::test]
async fn a_second_run_moves_nothing_and_asks_once() {
    let site = Site::start();
    let (a, b) = (site.hex_of("a", "1.0.0"), site.hex_of("b", "2.0.0"));
    let absolute = site.web.url("/stable/b-2.0.0.tgz");
    site.web.page(
        "/stable/index.yaml",
        index(&[("a", "1.0.0", "a-1.0.0.tgz", &a), ("b", "2.0.0", &absolute, &b)]),
    );
    let rows = site.pull(&[&site.source()], Options::default()).await;
    assert_eq!(done(&rows), ["a-1.0.0", "b-2.0.0"]);
    assert_eq!(site.files(), ["a-1.0.0.tgz", "b-2.0.0.tgz", "index.yaml"]);
    assert_eq!(
        std::fs::read(site.place().join("a-1.0.0.tgz")).unwrap(),
        archive("a", "1.0.0")
    );
    let first = std::fs::read(site.place().join("index.yaml")).unwrap();
    let read = Index::parse(&first).unwrap();
    assert_eq!(
        read.charts()["b"][0].urls(),
        ["b-2.0.0.tgz"],
        "relative, so that the folder may be anywhere"
    );
    site.web.take_asked();
    let rows = site.pull(&[&site.source()], Options::default()).await;
    assert!(rows.iter().all(|row| row.outcome == Outcome::Present), "{rows:?}");
    let asked: Vec<_> = site
        .web
        .take_asked()
        .into_iter()
        .map(|asked| asked.path)
        .collect();
    assert_eq!(asked, ["/stable/index.yaml"]);
    assert_eq!(std::fs::read(site.place().join("index.yaml")).unwrap(), first);
}

#[tokio::test]
async fn a_wrong_digest_is_refused_with_both_values_unless_it_is_accepted() {
    let site = Site::start();
    let good = site.hex_of("good", "1.0.0");
    let true_hex = site.hex_of("bad", "1.0.0");
    let wrong = Digest::sha256(b"other").hex();
    site.web.page(
        "/stable/index.yaml",
        index(&[
            ("bad", "1.0.0", "bad-1.0.0.tgz", &wrong),
            ("good", "1.0.0", "good-1.0.0.tgz", &good),
        ]),
    );
    let rows = site.pull(&[&site.source()], Options::default()).await;
    assert_eq!(done(&rows), ["good-1.0.0"], "the others still arrive");
    assert!(failure(&rows[0]).contains(&wrong) && failure(&rows[0]).contains(&true_hex));
    assert_eq!(site.files(), ["good-1.0.0.tgz", "index.yaml"]);
    let accepting = Options {
        digest_mismatch: DigestMismatch::Accept,
        ..Options::default()
    };
    let rows = site.pull(&[&site.source()], accepting.clone()).await;
    assert_eq!(done(&rows), ["bad-1.0.0"]);
    assert!(rows[0].warnings[0].contains(&wrong));
    let read = Index::parse(&std::fs::read(site.place().join("index.yaml")).unwrap()).unwrap();
    assert_eq!(
        read.charts()["bad"][0].digest().unwrap().hex(),
        true_hex,
        "the new index tells the truth"
    );
    let rows = site.pull(&[&site.source()], accepting).await;
    assert!(rows.iter().all(|row| row.outcome == Outcome::Present), "{rows:?}");
}

#[tokio::test]
async fn a_version_that_was_published_anew_is_fetched_anew() {
    let site = Site::start();
    let old = site.hex_of("a", "1.0.0");
    site.web.page(
        "/stable/index.yaml",
        index(&[("a", "1.0.0", "a-1.0.0.tgz", &old)]),
    );
    site.pull(&[&site.source()], Options::default()).await;
    let chart = b"apiVersion: v2\nname: a\nversion: 1.0.0\ndescription: the same, and another\n";
    let new = layer(&[("a/Chart.yaml", chart)]);
    site.web.page("/stable/a-1.0.0.tgz", new.clone());
    let hex = Digest::sha256(&new).hex();
    site.web.page(
        "/stable/index.yaml",
        index(&[("a", "1.0.0", "a-1.0.0.tgz", &hex)]),
    );
    let rows = site.pull(&[&site.source()], Options::default()).await;
    assert_eq!(done(&rows), ["a-1.0.0"]);
    assert_eq!(std::fs::read(site.place().join("a-1.0.0.tgz")).unwrap(), new);
    let read = Index::parse(&std::fs::read(site.place().join("index.yaml")).unwrap()).unwrap();
    assert_eq!(read.charts()["a"][0].digest().unwrap().hex(), hex);
}

#[tokio::test]
async fn what_a_server_says_instead_of_an_index_is_told() {
    let site = Site::start();
    for (status, body, said) in [
        (200, "<!DOCTYPE html><html></html>", "a web page, not YAML"),
        (200, "", "nothing in it"),
        (200, "apiVersion: v1\nentries: [", "not well formed"),
        (404, "no", "404 Not Found"),
        (401, "no", "401 Unauthorized"),
    ] {
        site.web.answer("/stable/index.yaml", status, body);
        let rows = site.pull(&[&site.source()], Options::default()).await;
        assert_eq!(rows.len(), 1);
        assert!(
            failure(&rows[0]).contains(said),
            "{status} {body}: {}",
            failure(&rows[0])
        );
    }
    let gone = Web::start();
    let rows = site
        .pull(&["http://127.0.0.1:1/x", &gone.url("/y")], Options::default())
        .await;
    assert_eq!(rows.len(), 2, "each source has its own failure");
}

#[tokio::test]
async fn a_chart_that_fails_does_not_stop_the_others() {
    let site = Site::start();
    let (a, c) = (site.hex_of("a", "1.0.0"), site.hex_of("c", "1.0.0"));
    let busy = archive("busy", "1.0.0");
    let hex = Digest::sha256(&busy).hex();
    site.web.put(
        "/stable/busy-1.0.0.tgz",
        Page {
            status: 429,
            headers: vec![("retry-after".into(), "0".into())],
            body: busy,
            fails_first: 2,
        },
    );
    site.web.page(
        "/stable/hostile-1.0.0.tgz",
        layer(&[
            ("hostile/Chart.yaml", b"name: hostile\nversion: 1.0.0\n"),
            ("other/x", b"x"),
        ]),
    );
    site.web.page(
        "/stable/index.yaml",
        index(&[
            ("a", "1.0.0", "a-1.0.0.tgz", &a),
            ("busy", "1.0.0", "busy-1.0.0.tgz", &hex),
            ("c", "1.0.0", "c-1.0.0.tgz", &c),
            ("gone", "1.0.0", "gone-1.0.0.tgz", ""),
            ("hostile", "1.0.0", "hostile-1.0.0.tgz", ""),
            ("file", "1.0.0", "file:///etc/passwd", ""),
        ]),
    );
    let rows = site.pull(&[&site.source()], Options::default()).await;
    assert_eq!(done(&rows), ["a-1.0.0", "busy-1.0.0", "c-1.0.0"]);
    let failed: Vec<_> = rows
        .iter()
        .filter(|row| row.outcome != Outcome::Done)
        .map(|row| (row.chart.as_str(), failure(row)))
        .collect();
    assert!(
        failed[0].0 == "file-1.0.0" && failed[0].1.contains("scheme is not fetched"),
        "{failed:?}"
    );
    assert!(
        failed[1].0 == "gone-1.0.0" && failed[1].1.contains("404"),
        "{failed:?}"
    );
    assert!(
        failed[2].0 == "hostile-1.0.0" && failed[2].1.contains("two top folders"),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a_password_stays_on_its_scheme_host_and_port() {
    let (site, thief) = (Site::start(), Web::start());
    let bytes = archive("a", "1.0.0");
    thief.page("/a-1.0.0.tgz", bytes.clone());
    site.web.page(
        "/stable/index.yaml",
        index(&[(
            "a",
            "1.0.0",
            &thief.url("/a-1.0.0.tgz"),
            &Digest::sha256(&bytes).hex(),
        )]),
    );
    let source = site.source().replace("http://", "http://user:secret@");
    let rows = site.pull(&[&source], Options::default()).await;
    assert_eq!(done(&rows), ["a-1.0.0"]);
    assert!(
        site.web.take_asked()[0]
            .authorization
            .as_deref()
            .unwrap()
            .starts_with("Basic ")
    );
    assert!(
        thief
            .take_asked()
            .iter()
            .all(|asked| asked.authorization.is_none())
    );
    let elsewhere = tempfile::tempdir().unwrap();
    pull(&[&source], elsewhere.path(), Options::default(), true).await;
    assert!(
        thief.take_asked()[0].authorization.is_some(),
        "only when it was asked for"
    );
}

#[tokio::test]
async fn a_provenance_file_goes_along_and_may_be_required() {
    let site = Site::start();
    let (a, b) = (site.hex_of("a", "1.0.0"), site.hex_of("b", "1.0.0"));
    let signed = b"-----BEGIN PGP SIGNED MESSAGE-----\n...";
    site.web.page("/stable/a-1.0.0.tgz.prov", signed.to_vec());
    site.web.page(
        "/stable/index.yaml",
        index(&[
            ("a", "1.0.0", "a-1.0.0.tgz", &a),
            ("b", "1.0.0", "b-1.0.0.tgz", &b),
        ]),
    );
    let required = Options {
        provenance: Provenance::Required,
        ..Options::default()
    };
    let rows = site.pull(&[&site.source()], required).await;
    assert_eq!(done(&rows), ["a-1.0.0"]);
    assert!(failure(&rows[1]).contains("no provenance file"));
    assert_eq!(
        std::fs::read(site.place().join("a-1.0.0.tgz.prov")).unwrap(),
        signed
    );
}

#[tokio::test]
async fn a_wish_that_finds_nothing_fails() {
    let site = Site::start();
    let a = site.hex_of("a", "1.0.0");
    site.web
        .page("/stable/index.yaml", index(&[("a", "1.0.0", "a-1.0.0.tgz", &a)]));
    let source = format!("{}#b", site.source());
    let rows = site.pull(&[&source], Options::default()).await;
    assert_eq!(failure(&rows[0]), "no chart is called `b`");
    let rows = site
        .pull(&[&format!("{}#a@>=1,<2", site.source())], Options::default())
        .await;
    assert_eq!(done(&rows), ["a-1.0.0"]);
}

#[tokio::test]
async fn what_was_mirrored_is_mirrored_again_from_serve() {
    let fixture = fixture_bundle::make();
    let serving = Serving::start(fixture.path());
    let target = tempfile::tempdir().unwrap();
    let source = serving.url("/charts/charts.example.com/stable");
    let rows = pull(&[&source], target.path(), Options::default(), false).await;
    assert_eq!(done(&rows), ["hello-1.0.0"]);
    assert!(rows[0].warnings.is_empty(), "{:?}", rows[0].warnings);
}
