//! `carrack.lock`: what was resolved stays resolved, until it is asked for again.

use carrack::bundle::Bundle;
use carrack::digest::Digest;

use crate::support::fixture_bundle::layer;
use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::TestRegistry;
use crate::support::web::Web;

const LOCK: [&str; 2] = ["--lock", "carrack.lock"];

#[test]
fn what_the_lock_pins_and_the_bundle_holds_is_asked_of_nobody() {
    let registry = TestRegistry::start();
    let one = registry.seed("team/one:1", &image().layer("a", 500).build());
    let two = registry.seed("team/two:latest", &image().layer("b", 500).build());
    let program = Program::new();
    let ran = program.export(&[&one, &two], &LOCK).ended_with(0);
    assert_eq!(ran.json()["locked"]["added"], 2);
    let written = std::fs::read(program.path("carrack.lock")).unwrap();
    registry.clear_log();
    let ran = program.export(&[&one, &two], &LOCK).ended_with(0);
    assert_eq!(registry.asked(), Vec::<String>::new());
    assert_eq!(ran.json()["locked"]["added"], 0);
    assert_eq!(std::fs::read(program.path("carrack.lock")).unwrap(), written);
}

#[test]
fn a_tag_that_moved_is_carried_as_it_was_until_refresh_asks_again() {
    let registry = TestRegistry::start();
    let old = image().layer("old", 500).build();
    let new = image().layer("new", 500).build();
    let name = registry.seed("team/app:1", &old);
    let program = Program::new();
    program.export(&[&name], &LOCK).ended_with(0);
    registry.seed("team/app:1", &new);
    program
        .export(&[&name], &["--lock", "carrack.lock", "--to", "again"])
        .ended_with(0);
    let key = name.parse().unwrap();
    let digest = |bundle: &str| Bundle::open(&program.path(bundle)).unwrap().entries()[&key].digest;
    assert_eq!(digest("again"), old.digest);
    let more = ["--lock", "carrack.lock", "--refresh", "--to", "again"];
    let ran = program.export(&[&name], &more).ended_with(0);
    assert_eq!(ran.json()["locked"]["changed"], 1);
    assert_eq!(ran.row("app")["movedFrom"], old.digest.to_string());
    assert_eq!(digest("again"), new.digest);
}

#[test]
fn a_selection_of_tags_stays_what_it_was_until_refresh_asks_again() {
    let registry = TestRegistry::start();
    registry.seed("team/app:1.0.0", &image().layer("a", 500).build());
    let repository = format!("{}/team/app", registry.host());
    let program = Program::new();
    let newest = ["--newest", "1", "--lock", "carrack.lock"];
    program.export(&[&repository], &newest).ended_with(0);
    registry.seed("team/app:1.1.0", &image().layer("b", 500).build());
    registry.clear_log();
    program.export(&[&repository], &newest).ended_with(0);
    assert_eq!(registry.asked(), Vec::<String>::new());
    let more = ["--newest", "1", "--lock", "carrack.lock", "--refresh"];
    let ran = program.export(&[&repository], &more).ended_with(0);
    assert_eq!(ran.json()["locked"]["added"], 1);
    assert_eq!(ran.json()["locked"]["removed"], 1);
    let text = std::fs::read_to_string(program.path("carrack.lock")).unwrap();
    assert!(
        text.contains("team/app:1.1.0") && !text.contains("team/app:1.0.0"),
        "{text}"
    );
}

#[test]
fn what_fails_stays_pinned_and_a_dry_run_writes_no_lock() {
    let registry = TestRegistry::start();
    let name = registry.seed("team/app:1", &image().layer("a", 500).build());
    let program = Program::new();
    program
        .export(&[&name], &["--lock", "carrack.lock", "--dry-run"])
        .ended_with(0);
    assert!(!program.path("carrack.lock").exists());
    program.export(&[&name], &LOCK).ended_with(0);
    let written = std::fs::read(program.path("carrack.lock")).unwrap();
    drop(registry);
    program
        .export(&[&name], &["--lock", "carrack.lock", "--to", "elsewhere"])
        .ended_with(3);
    assert_eq!(std::fs::read(program.path("carrack.lock")).unwrap(), written);
}

#[test]
fn the_images_of_a_chart_that_fails_stay_pinned() {
    let registry = TestRegistry::start();
    let one = registry.seed("team/one:1", &image().layer("a", 500).build());
    let two = registry.seed("team/two:1", &image().layer("b", 500).build());
    let program = Program::new();
    let template =
        |text: &str| carrack::fsx::write(&program.path("app/templates/a.yaml"), text.as_bytes()).unwrap();
    std::fs::create_dir_all(program.path("app/templates")).unwrap();
    let chart = b"apiVersion: v2\nname: app\nversion: 1.0.0\n";
    carrack::fsx::write(&program.path("app/Chart.yaml"), chart).unwrap();
    template(&format!(
        "kind: Pod\napiVersion: v1\nspec: {{containers: [{{image: \"{one}\"}}]}}\n"
    ));
    let ran = program.export(&["app", &two], &LOCK).ended_with(0);
    assert_eq!(ran.json()["locked"]["added"], 2);
    template("{{ fail \"not today\" }}\n");
    let ran = program.export(&["app", &two], &LOCK).ended_with(3);
    assert_eq!(ran.json()["locked"]["removed"], 0);
}

#[test]
fn a_file_that_is_no_lock_stops_the_run_before_anything_moves() {
    let program = Program::new();
    carrack::fsx::write(&program.path("carrack.lock"), b"nginx:1\n").unwrap();
    let ran = program.export(&["127.0.0.1:1/team/app:1"], &LOCK).ended_with(2);
    assert!(ran.err.contains("carrack.lock is no lock file"), "{}", ran.err);
}

/// A chart repository whose charts run one image each.
struct Charts {
    web: Web,
    registry: TestRegistry,
    listed: Vec<(String, String)>,
}

impl Charts {
    fn start() -> Self {
        Self {
            web: Web::start(),
            registry: TestRegistry::start(),
            listed: Vec::new(),
        }
    }

    /// Publishes the chart `app`, or publishes a version of it anew.
    fn publish(&mut self, version: &str, tag: &str) {
        let image = self
            .registry
            .seed(&format!("team/app:{tag}"), &image().layer(tag, 500).build());
        let chart = format!("apiVersion: v2\nname: app\nversion: {version}\n");
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: app}}\nspec: {{containers: [{{name: app, image: '{image}'}}]}}\n"
        );
        let archive = layer(&[
            ("app/Chart.yaml", chart.as_bytes()),
            ("app/templates/pod.yaml", pod.as_bytes()),
        ]);
        let digest = Digest::sha256(&archive).hex();
        self.web.page(&format!("/stable/app-{version}.tgz"), archive);
        self.listed.retain(|(known, _)| known != version);
        self.listed.push((version.to_owned(), digest));
        self.list();
    }

    fn withdraw(&mut self, version: &str) {
        self.listed.retain(|(known, _)| known != version);
        self.list();
    }

    fn list(&self) {
        let rows = self.listed.iter().map(|(version, digest)| {
            format!("  - {{name: app, version: {version}, urls: [app-{version}.tgz], digest: {digest}}}\n")
        });
        let index = format!("apiVersion: v1\nentries:\n  app:\n{}", rows.collect::<String>());
        self.web.page("/stable/index.yaml", index);
    }

    fn wish(&self) -> String {
        format!("{}#app@^1", self.web.url("/stable"))
    }
}

/// The archives of charts in a bundle.
fn charts(program: &Program, bundle: &str) -> Vec<String> {
    let files = Bundle::open(&program.path(bundle))
        .unwrap()
        .chart_files()
        .unwrap();
    let names = files.iter().filter_map(|file| file.path.rsplit('/').next());
    names
        .filter(|name| name.starts_with("app-"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn charts_stay_what_they_were_until_refresh_chooses_anew() {
    let mut upstream = Charts::start();
    upstream.publish("1.0.0", "1");
    let (program, wish) = (Program::new(), upstream.wish());
    let export = |more: &[&str]| {
        program
            .export(&[&wish], &[&LOCK, more].concat())
            .ended_with(0)
            .json()
    };
    let first = export(&[]);
    assert_eq!(first["locked"]["charts"]["added"], 1);
    let written = std::fs::read(program.path("carrack.lock")).unwrap();

    upstream.publish("1.1.0", "2");
    upstream.web.take_asked();
    assert_eq!(export(&[])["locked"].get("charts"), None);
    assert_eq!(
        upstream.web.take_asked().len(),
        0,
        "the bundle holds what the lock pins"
    );
    export(&["--to", "again"]);
    for bundle in ["bundle", "again"] {
        assert_eq!(charts(&program, bundle), ["app-1.0.0.tgz"]);
    }
    assert_eq!(std::fs::read(program.path("carrack.lock")).unwrap(), written);

    let refreshed = export(&["--refresh", "--to", "fresh"]);
    let moved = serde_json::json!({"added": 1, "changed": 0, "removed": 0});
    assert_eq!(refreshed["locked"]["charts"], moved);
    assert_eq!(charts(&program, "fresh"), ["app-1.0.0.tgz", "app-1.1.0.tgz"]);
}

#[test]
fn a_pinned_chart_that_was_withdrawn_or_published_anew_fails() {
    let mut upstream = Charts::start();
    upstream.publish("1.0.0", "1");
    let (program, wish) = (Program::new(), upstream.wish());
    program.export(&[&wish], &LOCK).ended_with(0);
    let written = std::fs::read(program.path("carrack.lock")).unwrap();

    upstream.publish("1.0.0", "2");
    let again = [&LOCK[..], &["--to", "again"]].concat();
    let ran = program
        .run(&[&["export", &wish][..], &again].concat())
        .ended_with(3);
    assert!(ran.out.contains("the lock pins sha256:"), "{}", ran.out);
    assert_eq!(charts(&program, "again"), Vec::<String>::new());
    // A bundle that has the pinned one needs no other.
    program.export(&[&wish], &LOCK).ended_with(0);

    upstream.publish("1.2.0", "3");
    upstream.withdraw("1.0.0");
    let ran = program
        .run(&[&["export", &wish][..], &again].concat())
        .ended_with(3);
    assert!(ran.out.contains("the lock pins app-1.0.0, which"), "{}", ran.out);
    assert_eq!(std::fs::read(program.path("carrack.lock")).unwrap(), written);
}

#[test]
fn a_choice_of_charts_of_which_one_failed_is_not_taken_for_all_of_it() {
    let mut upstream = Charts::start();
    upstream.publish("1.0.0", "1");
    upstream.publish("1.1.0", "2");
    upstream.web.page("/stable/app-1.1.0.tgz", "no archive");
    let (program, wish) = (Program::new(), upstream.wish());
    program.export(&[&wish], &LOCK).ended_with(3);
    upstream.publish("1.1.0", "2");
    program.export(&[&wish], &LOCK).ended_with(0);
    assert_eq!(charts(&program, "bundle"), ["app-1.0.0.tgz", "app-1.1.0.tgz"]);
}
