//! Content that comes from elsewhere than the host that references name.

use carrack::bundle::Bundle;

use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::TestRegistry;

#[test]
fn mirrors_are_asked_first_and_the_location_where_they_do_not_have_it() {
    let (mirror, upstream) = (TestRegistry::start(), TestRegistry::start());
    let both = image().layer("both", 5000).build();
    let only = image().layer("only", 6000).build();
    upstream.seed("team/both:1", &both);
    upstream.seed("team/only:1", &only);
    mirror.seed("hub/team/both:1", &both);
    let program = Program::new();
    let conf = format!(
        "[[registry]]\nprefix = \"docker.io\"\nlocation = \"{}\"\n\
         [[registry.mirror]]\nlocation = \"127.0.0.1:1\"\n\
         [[registry.mirror]]\nlocation = \"{}/hub\"\n",
        upstream.host(),
        mirror.host()
    );
    carrack::fsx::write(&program.path("registries.conf"), conf.as_bytes()).unwrap();
    let names = ["docker.io/team/both:1", "docker.io/team/only:1"];
    let ran = program
        .export(&names, &["--registries-conf", "registries.conf"])
        .ended_with(0);
    let told = ran
        .err
        .matches("the mirror 127.0.0.1:1 is not asked any more")
        .count();
    assert_eq!(told, 1, "{}", ran.err);
    assert_eq!(upstream.count("GET", "/team/both/blobs/"), 0, "the mirror has it");
    let signed = upstream.count("GET", "/team/both/referrers/");
    assert_eq!(signed, 1, "that the mirror has no signature says nothing");
    assert!(upstream.count("GET", "/team/only/") > 0);
    let bundle = Bundle::open(&program.path("bundle")).unwrap();
    let keys: Vec<String> = bundle.entries().keys().map(ToString::to_string).collect();
    assert_eq!(keys, names, "names do not change");
    program.verify().ended_with(0);
}

#[test]
fn what_a_registries_conf_blocks_is_a_failed_row_and_asks_nobody() {
    let upstream = TestRegistry::start();
    let name = upstream.seed("team/app:1", &image().layer("a", 500).build());
    let program = Program::new();
    let conf = format!(
        "[[registry]]\nlocation = \"{}\"\nblocked = true\n",
        upstream.host()
    );
    carrack::fsx::write(&program.path("registries.conf"), conf.as_bytes()).unwrap();
    let ran = program
        .export(&[&name], &["--registries-conf", "registries.conf"])
        .ended_with(3);
    assert!(
        ran.row("app")["error"].as_str().unwrap().contains("is blocked"),
        "{}",
        ran.out
    );
    assert_eq!(upstream.asked(), Vec::<String>::new());
}
