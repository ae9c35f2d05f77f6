//! `carrack serve`, asked over HTTP.

use carrack::digest::Digest;
use carrack::fsx;
use carrack::observe::Event;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use crate::support::fixture_bundle::{self, Fixture};
use crate::support::serving::{self, Serving};

fn client() -> Client {
    // The provider is process-wide; another test may have set it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap().to_owned()
    }
}

async fn ask(url: &str, method: Method, headers: &[(&str, &str)]) -> Answer {
    let mut request = client().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap().to_vec(),
    }
}

async fn get(url: &str) -> Answer {
    ask(url, Method::GET, &[]).await
}

fn start() -> (Fixture, Serving) {
    let fixture = fixture_bundle::make();
    let serving = Serving::start(fixture.path());
    (fixture, serving)
}

#[tokio::test]
async fn a_manifest_is_found_by_every_name_that_engines_use() {
    let (fixture, serving) = start();
    let digest = fixture.index.to_string();
    for path in [
        "/v2/docker.io/library/hello/manifests/1.0".to_owned(),
        format!("/v2/docker.io/library/hello/manifests/{digest}"),
        "/v2/library/hello/manifests/2.0?ns=docker.io".to_owned(),
        "/v2/docker.io/library/hello/manifests/2.0?ns=docker.io".to_owned(),
        "/v2/library/hello/manifests/1.0".to_owned(),
        "/v2/registry.example-5000/team/sub/hello/manifests/1.0".to_owned(),
        "/v2/team/sub/hello/manifests/1.0?ns=registry.example:5000".to_owned(),
    ] {
        let answer = get(&serving.url(&path)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(Digest::sha256(&answer.body), fixture.index, "{path}");
        assert_eq!(answer.header("docker-content-digest"), digest);
        assert_eq!(
            answer.header("content-type"),
            "application/vnd.oci.image.index.v1+json"
        );
        let head = ask(&serving.url(&path), Method::HEAD, &[]).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.header("content-length"), answer.body.len().to_string());
    }
}

#[tokio::test]
async fn children_of_an_index_and_docker_manifests_have_their_own_types() {
    let (fixture, serving) = start();
    let child = get(&serving.url(&format!("/v2/library/hello/manifests/{}", fixture.children[1]))).await;
    assert_eq!(
        child.header("content-type"),
        "application/vnd.oci.image.manifest.v1+json"
    );
    let docker = get(&serving.url("/v2/quay.io/team/tool/manifests/3")).await;
    assert_eq!(
        docker.header("content-type"),
        "application/vnd.docker.distribution.manifest.v2+json"
    );
    assert_eq!(Digest::sha256(&docker.body), fixture.docker);
}

#[tokio::test]
async fn what_is_absent_has_the_code_of_the_specification() {
    let (fixture, serving) = start();
    let nothing = Digest::sha256(b"nothing");
    for (path, status, code) in [
        (
            "/v2/docker.io/library/other/manifests/1.0".to_owned(),
            404,
            "NAME_UNKNOWN",
        ),
        (
            "/v2/library/hello/manifests/9".to_owned(),
            404,
            "MANIFEST_UNKNOWN",
        ),
        (
            format!("/v2/library/hello/manifests/{nothing}"),
            404,
            "MANIFEST_UNKNOWN",
        ),
        (
            format!("/v2/quay.io/team/tool/manifests/{}", fixture.index),
            404,
            "MANIFEST_UNKNOWN",
        ),
        (format!("/v2/library/hello/blobs/{nothing}"), 404, "BLOB_UNKNOWN"),
        (
            "/v2/library/hello/blobs/sha256:%2e%2e".to_owned(),
            400,
            "DIGEST_INVALID",
        ),
        (
            "/v2/library/hello/manifests/1.0?ns=ghcr.io".to_owned(),
            404,
            "NAME_UNKNOWN",
        ),
    ] {
        let answer = get(&serving.url(&path)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{path}"
        );
    }
    let push = ask(
        &serving.url("/v2/library/hello/blobs/uploads/"),
        Method::POST,
        &[],
    )
    .await;
    assert_eq!((push.status.as_u16(), push.code().as_str()), (405, "UNSUPPORTED"));
}

#[tokio::test]
async fn a_blob_is_sent_whole_in_part_or_not_at_all() {
    let (fixture, serving) = start();
    let bytes = &fixture.shared_layer;
    let digest = Digest::sha256(bytes);
    let url = serving.url(&format!("/v2/quay.io/team/tool/blobs/{digest}"));
    let whole = get(&url).await;
    assert_eq!((whole.status.as_u16(), &whole.body), (200, bytes));
    assert_eq!(whole.header("docker-content-digest"), digest.to_string());
    let part = ask(&url, Method::GET, &[("range", "bytes=100-")]).await;
    assert_eq!(part.status, 206);
    assert_eq!(part.body, bytes[100..]);
    assert_eq!(
        part.header("content-range"),
        format!("bytes 100-{}/{}", bytes.len() - 1, bytes.len())
    );
    let beyond = ask(
        &url,
        Method::GET,
        &[("range", &format!("bytes={}-", bytes.len()))],
    )
    .await;
    assert_eq!(beyond.status, 416);
    assert_eq!(beyond.header("content-range"), format!("bytes */{}", bytes.len()));
    let known = ask(&url, Method::GET, &[("if-none-match", &format!("\"{digest}\""))]).await;
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    let head = ask(&url, Method::HEAD, &[]).await;
    assert_eq!(head.header("content-length"), bytes.len().to_string());
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn tags_and_catalog_come_in_pages() {
    let (_fixture, serving) = start();
    let tags = get(&serving.url("/v2/docker.io/library/hello/tags/list")).await;
    assert_eq!(tags.json()["tags"], serde_json::json!(["1.0", "2.0"]));
    let first = get(&serving.url("/v2/docker.io/library/hello/tags/list?n=1")).await;
    assert_eq!(first.json()["tags"], serde_json::json!(["1.0"]));
    let next = first.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    let second = get(&serving.url(&next)).await;
    assert_eq!(second.json()["tags"], serde_json::json!(["2.0"]));
    assert_eq!(second.header("link"), "");
    let none = get(&serving.url("/v2/docker.io/library/hello/tags/list?n=0")).await;
    assert_eq!(none.json()["tags"], serde_json::json!([]));
    let wrong = get(&serving.url("/v2/_catalog?n=many")).await;
    assert_eq!(wrong.code(), "PAGINATION_NUMBER_INVALID");
    let huge = get(&serving.url("/v2/_catalog?n=18446744073709551615")).await;
    let names = [
        "docker.io/library/hello",
        "quay.io/team/tool",
        "registry.example-5000/team/sub/hello",
    ];
    assert_eq!(huge.json()["repositories"], serde_json::json!(names));
}

#[tokio::test]
async fn a_signature_is_listed_as_a_referrer_of_what_it_signs() {
    let (fixture, serving) = start();
    let url = serving.url(&format!("/v2/library/hello/referrers/{}", fixture.index));
    let all = get(&url).await;
    assert_eq!(
        all.header("content-type"),
        "application/vnd.oci.image.index.v1+json"
    );
    assert_eq!(
        all.json()["manifests"][0]["digest"],
        fixture.signature.to_string()
    );
    assert_eq!(
        all.json()["manifests"][0]["artifactType"],
        "application/vnd.example.signature"
    );
    let filtered = get(&format!("{url}?artifactType=application/other")).await;
    assert_eq!(filtered.json()["manifests"], serde_json::json!([]));
    assert_eq!(filtered.header("oci-filters-applied"), "artifactType");
    let none = get(&serving.url(&format!("/v2/library/hello/referrers/{}", fixture.docker))).await;
    assert_eq!(
        (none.status.as_u16(), none.json()["manifests"].clone()),
        (200, serde_json::json!([]))
    );
}

#[tokio::test]
async fn charts_lie_under_their_repository_and_nothing_else_does() {
    let (_fixture, serving) = start();
    let index = get(&serving.url("/charts/charts.example.com/stable/index.yaml")).await;
    assert_eq!(
        (index.status.as_u16(), index.header("content-type")),
        (200, "application/yaml")
    );
    let archive = get(&serving.url("/charts/charts.example.com/stable/hello-1.0.0.tgz")).await;
    assert!(
        String::from_utf8(index.body)
            .unwrap()
            .contains(&Digest::sha256(&archive.body).hex())
    );
    for path in [
        "/charts/../index.json",
        "/charts/..%2f..%2fetc%2fpasswd",
        "/charts/charts.example.com/%2e%2e/%2e%2e/index.yaml",
        "/charts/charts.example.com/stable/other-1.0.0.tgz",
        "/index.json",
        "/blobs/sha256/x",
        "/carrack/inventory.json",
    ] {
        assert_eq!(get(&serving.url(path)).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn links_on_a_hostile_drive_are_not_followed() {
    let fixture = fixture_bundle::make();
    let outside = tempfile::tempdir().unwrap();
    fsx::write(&outside.path().join("secret.yaml"), b"secret").unwrap();
    let charts = fixture.path().join("charts/charts.example.com");
    std::os::unix::fs::symlink(
        outside.path().join("secret.yaml"),
        charts.join("stable/secret.yaml"),
    )
    .unwrap();
    std::os::unix::fs::symlink(outside.path(), charts.join("linked")).unwrap();
    let digest = Digest::sha256(b"linked");
    std::os::unix::fs::symlink(
        outside.path().join("secret.yaml"),
        fixture.path().join("blobs/sha256").join(digest.hex()),
    )
    .unwrap();
    let serving = Serving::start(fixture.path());
    for path in [
        "/charts/charts.example.com/stable/secret.yaml".to_owned(),
        "/charts/charts.example.com/linked/secret.yaml".to_owned(),
        format!("/v2/library/hello/blobs/{digest}"),
    ] {
        let answer = get(&serving.url(&path)).await;
        assert!(!answer.status.is_success(), "{path}: {}", answer.status);
        assert_ne!(answer.body, b"secret");
    }
}

#[tokio::test]
async fn a_damaged_manifest_is_an_error_and_never_sent() {
    let fixture = fixture_bundle::make();
    let file = fixture.path().join("blobs/sha256").join(fixture.docker.hex());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[10] ^= 1;
    fsx::write(&file, &bytes).unwrap();
    let serving = Serving::start(fixture.path());
    let answer = get(&serving.url("/v2/quay.io/team/tool/manifests/3")).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (500, "UNKNOWN"));
    assert!(
        answer.json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("damaged")
    );
    assert_eq!(
        get(&serving.url("/v2/library/hello/manifests/1.0")).await.status,
        200
    );
    let warned = serving.recorder.events().iter().any(|event| {
        matches!(event, Event::Warning { text } if text.contains("quay.io/team/tool:3") && text.contains("damaged"))
    });
    assert!(warned, "the damage is told when the server starts");
}

#[tokio::test]
async fn what_an_import_adds_is_served_without_a_restart() {
    let (fixture, serving) = start();
    let index = fixture.path().join("index.json");
    let more = std::fs::read_to_string(&index)
        .unwrap()
        .replace("quay.io/team/tool:3", "quay.io/team/tool:4");
    fsx::write(&index, more.as_bytes()).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let tags = get(&serving.url("/v2/quay.io/team/tool/tags/list")).await;
    assert_eq!(tags.json()["tags"], serde_json::json!(["4"]));
}

#[tokio::test]
async fn passwords_are_asked_for_but_not_by_the_health_check() {
    let fixture = fixture_bundle::make();
    let file = fixture.path().join("htpasswd");
    let hash = bcrypt::hash("correct", 4).unwrap();
    fsx::write(&file, format!("node:{hash}\n").as_bytes()).unwrap();
    let settings = carrack::serve::Settings {
        logins: Some(carrack::serve::Logins::read(&file).unwrap()),
        ..serving::open()
    };
    let serving = Serving::with(fixture.path(), settings);
    let refused = get(&serving.url("/v2/")).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (401, "UNAUTHORIZED")
    );
    assert!(refused.header("www-authenticate").starts_with("Basic realm="));
    let url = serving.url("/v2/library/hello/manifests/1.0");
    let admitted = client()
        .get(&url)
        .basic_auth("node", Some("correct"))
        .send()
        .await
        .unwrap();
    assert_eq!(admitted.status(), 200);
    let wrong = client()
        .get(&url)
        .basic_auth("node", Some("wrong"))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 401);
    assert_eq!(get(&serving.url("/healthz")).await.status, 200);
    assert_eq!(get(&serving.url("/metrics")).await.status, 401);
}

#[tokio::test]
async fn a_stop_lets_transfers_end_and_every_answer_is_logged() {
    let (_fixture, mut serving) = start();
    get(&serving.url("/v2/library/hello/manifests/1.0")).await;
    get(&serving.url("/v2/%1b[31m/tags/list")).await;
    let metrics = String::from_utf8(get(&serving.url("/metrics")).await.body).unwrap();
    assert!(
        metrics.contains("carrack_answers_total{kind=\"manifest\",status=\"200\"} 1\n"),
        "{metrics}"
    );
    assert_eq!(serving.stop(), 0);
    let rows: Vec<_> = serving
        .recorder
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Answered { target, status, .. } => Some((target, status)),
            _ => None,
        })
        .collect();
    assert_eq!(rows[0], ("/v2/library/hello/manifests/1.0".to_owned(), 200));
    assert!(rows.iter().all(|(target, _)| !target.contains('\u{1b}')));
}

#[tokio::test]
async fn the_page_says_what_is_there_and_shows_nothing_of_a_strange_host() {
    let (fixture, serving) = start();
    let page = get(&serving.url("/")).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    let text = String::from_utf8(page.body).unwrap();
    for said in [
        "docker.io/library/hello:1.0".to_owned(),
        fixture.index.to_string(),
        "linux/amd64, linux/arm64".to_owned(),
        "hello-1.0.0".to_owned(),
        format!(
            "helm repo add stable http://{}/charts/charts.example.com/stable",
            serving.address
        ),
        format!("location = &quot;{}/quay.io&quot;", serving.address),
    ] {
        assert!(text.contains(&said), "{said} is not in {text}");
    }
    assert!(!text.contains("<script") && !text.contains("src="));
    let strange = ask(&serving.url("/"), Method::GET, &[("host", "evil.example/<b>x")]).await;
    let text = String::from_utf8(strange.body).unwrap();
    assert!(
        !text.contains("evil.example"),
        "a host that is none is not shown back"
    );
}
