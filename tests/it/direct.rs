//! From registries into another one, with nothing in between.

use crate::support::fixture_bundle::layer;
use crate::support::images::{image, index};
use crate::support::program::Program;
use crate::support::registry::{Fault, On, TestRegistry};
use crate::support::web::Web;

fn to(target: &TestRegistry, prefix: &str) -> [String; 2] {
    ["--to".to_owned(), format!("docker://{}{prefix}", target.host())]
}

fn words(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

#[test]
fn images_arrive_under_their_digests_and_a_second_run_moves_nothing() {
    let (upstream, mirror) = (TestRegistry::start(), TestRegistry::start());
    let shared = image().layer("base", 90_000).layer("a", 5000).build();
    let both = index(vec![
        (
            "linux/amd64",
            image().layer("base", 90_000).layer("x", 100).build(),
        ),
        (
            "linux/arm64",
            image().platform("linux/arm64").layer("y", 100).build(),
        ),
    ]);
    let one = upstream.seed("team/one:1", &shared);
    let two = upstream.seed("team/two:2", &both);
    let program = Program::new();
    let to = to(&mirror, "/suse");
    let ran = program.export(&[&one, &two], &words(&to)).ended_with(0);
    let host = upstream.host().replace(':', "-");
    for (path, image) in [("one", &shared), ("two", &both)] {
        let place = format!("suse/{host}/team/{path}");
        let (bytes, _) = mirror.manifest(&place, &image.digest.to_string()).unwrap();
        assert_eq!(bytes, image.manifest);
        for blob in image.all_blobs() {
            assert!(mirror.blob(&place, &blob.descriptor.digest).is_some(), "{place}");
        }
    }
    assert_eq!(ran.row("one")["outcome"], "done");
    assert!(!program.path("docker:").exists(), "nothing is written here");
    upstream.clear_log();
    let ran = program.export(&[&one, &two], &words(&to)).ended_with(0);
    assert_eq!(ran.row("two")["outcome"], "present");
    assert_eq!(ran.json()["bytes"], 0);
    assert_eq!(upstream.count("GET", "/blobs/"), 0);
}

#[test]
fn a_blob_that_breaks_on_the_way_flows_on_from_where_it_broke() {
    let (upstream, mirror) = (TestRegistry::start(), TestRegistry::start());
    let image = image().layer("big", 900_000).build();
    let name = upstream.seed("team/app:1", &image);
    let layer = image.layers()[0].descriptor.digest;
    upstream.fault(
        On::get_blob().path(&layer.to_string()).once(),
        Fault::CutAfter(300_000),
    );
    let program = Program::new();
    program.export(&[&name], &words(&to(&mirror, ""))).ended_with(0);
    let asked = upstream.ranges_asked(&layer);
    assert_eq!((asked.len(), asked[0].as_str()), (2, "0-"), "{asked:?}");
    assert_ne!(asked[1], "0-");
    assert_eq!(
        mirror.count("PUT", "/blobs/"),
        2,
        "a layer and a configuration, once each"
    );
}

#[test]
fn wrong_bytes_are_refused_by_the_target_and_the_others_arrive() {
    let (upstream, mirror) = (TestRegistry::start(), TestRegistry::start());
    let bad = image().layer("bad", 40_000).build();
    let bad_name = upstream.seed("team/bad:1", &bad);
    let good = upstream.seed("team/good:1", &image().layer("good", 40_000).build());
    let layer = bad.layers()[0].descriptor.digest;
    upstream.fault(On::get_blob().path(&layer.to_string()), Fault::WrongBytes);
    let program = Program::new();
    let missing = format!("{}/team/missing:1", upstream.host());
    let ran = program
        .export(&[&bad_name, &good, &missing], &words(&to(&mirror, "")))
        .ended_with(3);
    assert_eq!(ran.row("good")["outcome"], "done");
    assert_eq!(ran.row("bad")["outcome"], "failed");
    assert!(
        ran.json()["failures"][0]["subject"]
            .as_str()
            .unwrap()
            .contains("team/missing:1")
    );
}

#[test]
fn what_is_about_bundles_is_wrong_usage_with_a_registry() {
    let program = Program::new();
    let arguments = ["--to", "docker://127.0.0.1:1", "--volume-size", "1GB"];
    let ran = program
        .export(&["127.0.0.1:1/team/app:1"], &arguments)
        .ended_with(2);
    assert!(ran.err.contains("--to names a registry"), "{}", ran.err);
}

#[test]
fn charts_of_a_repository_are_looked_into_where_no_bundle_takes_them() {
    let upstream = TestRegistry::start();
    let image = upstream.seed("team/app:1", &image().layer("a", 500).build());
    let web = Web::start();
    let chart = layer(&[
        (
            "app/Chart.yaml",
            b"apiVersion: v2\nname: app\nversion: 1.0.0\n".as_slice(),
        ),
        (
            "app/templates/pod.yaml",
            format!("apiVersion: v1\nkind: Pod\nspec: {{containers: [{{image: \"{image}\"}}]}}\n").as_bytes(),
        ),
    ]);
    let index = "apiVersion: v1\nentries:\n  app:\n  - {name: app, version: 1.0.0, urls: [app.tgz]}\n  gone:\n  - {name: gone, version: 1.0.0, urls: [gone.tgz]}\n";
    web.page("/stable/index.yaml", index);
    web.page("/stable/app.tgz", chart);
    let program = Program::new();
    let source = web.url("/stable#app");
    let ran = program.export(&[&source], &["--dry-run"]).ended_with(0);
    assert_eq!(ran.row("team/app")["outcome"], "planned");
    assert!(!program.path("bundle").exists());
    let target = TestRegistry::start();
    let to = format!("docker://{}", target.host());
    program.export(&[&source], &["--to", &to]).ended_with(0);
    let place = format!("{}/team/app", upstream.host().replace(':', "-"));
    assert!(target.manifest(&place, "1").is_some());
    // A chart that cannot be had is no silence.
    let ran = program
        .export(&[&web.url("/stable#gone")], &["--dry-run"])
        .ended_with(3);
    assert!(
        ran.out.contains("gone-1.0.0") && !ran.out.contains("carrack-"),
        "{}",
        ran.out
    );
}
