use super::*;

fn wanted(lines: &[&str]) -> Vec<String> {
    let mapping = Mapping::default();
    let mut reader = Reader::new(&mapping);
    for line in lines {
        reader.line("a.log", line);
    }
    reader.finish().images.keys().map(ToString::to_string).collect()
}

#[test]
fn the_logs_of_every_engine_name_the_image() {
    for (line, expected) in [
        (
            r#"time="2026-01-01T00:00:00Z" level=error msg="PullImage \"quay.io/a/b:1\" failed" error="rpc error: code = NotFound desc = failed to pull and unpack image \"quay.io/a/b:1\": failed to resolve reference \"quay.io/a/b:1\": quay.io/a/b:1: not found""#,
            "quay.io/a/b:1",
        ),
        (
            r#"E0101 00:00:00.1 1 remote_image.go:180] "PullImage from image service failed" err="rpc error: code = Unknown" image="registry.suse.com/caasp:1.0""#,
            "registry.suse.com/caasp:1.0",
        ),
        (
            r#"level=warning msg="Failed, retrying in 1s ... (1/3). Error: initializing source docker://reg.example:5000/x/y:2: reading manifest 2 in reg.example:5000/x/y: manifest unknown""#,
            "reg.example:5000/x/y:2",
        ),
        (
            "Handler for POST /v1.41/images/create returned error: manifest for nginx:9 not found: manifest unknown: manifest unknown",
            "docker.io/library/nginx:9",
        ),
        (
            r#"Warning  Failed  kubelet  Failed to pull image "ghcr.io/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": not found"#,
            "ghcr.io/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            r#"Back-off pulling image "busybox""#,
            "docker.io/library/busybox:latest",
        ),
    ] {
        assert_eq!(wanted(&[line]), [expected], "{line}");
    }
}

#[test]
fn access_logs_of_registries_name_it_by_its_original_host() {
    for (line, expected) in [
        (
            r#"10.0.0.7 - - [01/Jan/2026:00:00:00 +0000] "HEAD /v2/quay.io/a/b/manifests/1.0?ns=quay.io HTTP/1.1" 404 0 "-" "containerd/1.7""#,
            "quay.io/a/b:1.0",
        ),
        (
            r#"time="2026" level=error msg="response completed with error" http.request.method=GET http.request.uri="/v2/docker.io/library/nginx/manifests/9" http.response.status=404 vars.name=x"#,
            "docker.io/library/nginx:9",
        ),
        (
            r#"{"clientIP":"10.0.0.7","method":"GET","path":"/v2/reg.example-5000/x/manifests/2","statusCode":404,"message":"HTTP API"}"#,
            "reg.example:5000/x:2",
        ),
        (
            "10.0.0.7 GET /v2/library/redis/manifests/7?ns=docker.io 404 87 B in 0 ms",
            "docker.io/library/redis:7",
        ),
        (
            r#"{"event":"answered","client":"10.0.0.7","method":"GET","target":"/v2/quay.io/a/manifests/1","status":404,"bytes":87,"milliseconds":0}"#,
            "quay.io/a:1",
        ),
    ] {
        assert_eq!(wanted(&[line]), [expected], "{line}");
    }
}

#[test]
fn what_was_got_in_the_end_is_not_wanted() {
    let missed = r#"Failed to pull image "quay.io/a:1": not found"#;
    assert_eq!(
        wanted(&[missed, r#"Successfully pulled image "quay.io/a:1" in 2s"#]),
        [""; 0]
    );
    assert_eq!(
        wanted(&[r#"Successfully pulled image "quay.io/a:1" in 2s"#, missed]),
        ["quay.io/a:1"]
    );
    let request = |status| format!("10.0.0.7 GET /v2/quay.io/a/manifests/1 {status} 87 B in 0 ms");
    assert_eq!(wanted(&[&request(404), &request(200)]), [""; 0]);
    assert_eq!(wanted(&[&request(500)]), [""; 0]);
}

#[test]
fn a_name_at_the_root_is_told_and_not_guessed() {
    let mapping = Mapping::default();
    let mut reader = Reader::new(&mapping);
    reader.line("a.log", "10.0.0.7 GET /v2/team/app/manifests/1 404 87 B in 0 ms");
    let wanted = reader.finish();
    assert!(wanted.images.is_empty());
    assert_eq!(wanted.unplaced.keys().collect::<Vec<_>>(), ["team/app:1"]);
}

#[test]
fn events_and_pods_say_who_asked() {
    let document = serde_json::json!({"kind": "List", "items": [
        {"kind": "Event", "lastTimestamp": "2026-01-01T00:00:02Z", "reason": "Pulled",
         "message": "Successfully pulled image \"quay.io/got:1\" in 2s", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "got"}},
        {"kind": "Event", "lastTimestamp": "2026-01-01T00:00:01Z", "reason": "Failed",
         "message": "Failed to pull image \"quay.io/got:1\": x", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "got"}},
        {"kind": "Event", "reason": "Failed", "message": "Failed to pull image \"quay.io/a:1\": x",
         "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web\u{1b}[2J"}},
        {"kind": "Pod", "metadata": {"namespace": "shop", "name": "job"}, "status": {"initContainerStatuses": [
            {"image": "nginx:9", "state": {"waiting": {"reason": "ImagePullBackOff"}}},
            {"image": "fine:1", "state": {"running": {}}}]}},
    ]});
    let mapping = Mapping::default();
    let mut reader = Reader::new(&mapping);
    assert!(reader.document("events.json", &document));
    let wanted = reader.finish();
    let rows: Vec<_> = wanted
        .images
        .iter()
        .map(|(reference, want)| (reference.to_string(), want.by.iter().next().unwrap().as_str()))
        .collect();
    assert_eq!(
        rows,
        [
            ("docker.io/library/nginx:9".to_owned(), "pod shop/job"),
            ("quay.io/a:1".to_owned(), "pod shop/web\\u{1b}[2J")
        ]
    );
}

#[test]
fn hostile_lines_are_passed_over() {
    let long = format!("Failed to pull image \"{}\"", "a/".repeat(1 << 20));
    for line in [
        long.as_str(),
        "Failed to pull image \"../../etc/passwd\"",
        "Failed to pull image \"UPPER/$(reboot)\"",
        "GET /v2/../../manifests/x HTTP/1.1\" 404",
        "10.0.0.7 GET /v2/quay.io/a/manifests/%00 404 1 B in 0 ms",
        "\u{0}\u{ffff}",
    ] {
        assert_eq!(
            wanted(&[line]),
            [""; 0],
            "{}",
            line.chars().take(60).collect::<String>()
        );
    }
    let mapping = Mapping::default();
    let mut reader = Reader::new(&mapping);
    assert!(!reader.document("x", &serde_json::json!([[[]]])));
    assert!(!reader.document("x", &serde_json::json!({"kind": 7})));
    assert!(reader.document(
        "x",
        &serde_json::json!({"kind": "List", "items": [7, null, {"kind": "Pod", "status": []}]})
    ));
    assert!(reader.finish().is_empty());
}
