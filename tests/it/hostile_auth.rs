//! Registries that want a password for somebody else: a table of what they may answer, each run with the real program.
//!
//! Whatever the answer, no byte of a secret reaches the thief, the screen, the log, the audit log or the bundle.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::images::image;
use crate::support::program::{Program, Ran};
use crate::support::registry::{Fault, Mode, On, TestRegistry};
use crate::support::thief::Thief;

const USER: &str = "me";
const PASSWORD: &str = "sesame-7531";
const IDENTITY: &str = "identity-8642";

/// `me:sesame-7531` in base64, as `Authorization: Basic` and docker's `auth` have it.
const BASIC: &str = "bWU6c2VzYW1lLTc1MzE=";

/// What a registry signs its own addresses with.
const SIGNATURE: &str = "signed-9753";

/// Which way the image goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The hostile registry is exported from.
    Out,
    /// The hostile registry is imported into.
    In,
}

/// How the hostile registry lets people in, where it does.
#[derive(Clone, Copy, Debug)]
enum Asks {
    Basic,
    Token,
    /// A token, in exchange for an identity token.
    Identity,
}

/// One hostile answer. In headers and body `OWN` is the registry's own address and `THIEF` the thief's, with `PORT` for
/// its port alone.
struct Case {
    name: &'static str,
    way: Way,
    asks: Asks,
    /// Method and a part of the path of the requests that get it; `*` is any method.
    on: &'static str,
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
}

const fn case(
    name: &'static str,
    way: Way,
    asks: Asks,
    on: &'static str,
    status: u16,
    headers: &'static [(&'static str, &'static str)],
) -> Case {
    Case {
        name,
        way,
        asks,
        on,
        status,
        headers,
        body: "",
    }
}

const fn challenge(name: &'static str, headers: &'static [(&'static str, &'static str)]) -> Case {
    case(name, Way::Out, Asks::Basic, "* /v2/", 401, headers)
}

const fn token(name: &'static str, status: u16, headers: &'static [(&'static str, &'static str)]) -> Case {
    case(name, Way::Out, Asks::Token, "* /token", status, headers)
}

const AUTH: &str = "www-authenticate";
const AT: &str = "location";
const LINK: &str = "link";

/// Challenges: who is asked for a token, and with what.
const CHALLENGES: [Case; 19] = [
    challenge(
        "a realm elsewhere",
        &[(AUTH, r#"Bearer realm="http://THIEF/token",service="x""#)],
    ),
    challenge(
        "a realm under another name of this machine",
        &[(AUTH, r#"Bearer realm="http://localhost:PORT/token""#)],
    ),
    challenge(
        "the registry as a user name",
        &[(AUTH, r#"Bearer realm="http://OWN@THIEF/token""#)],
    ),
    challenge(
        "a user and a password in the realm",
        &[(AUTH, r#"Bearer realm="http://me:signed-9753@THIEF/token""#)],
    ),
    challenge(
        "the registry before the thief",
        &[(AUTH, r#"Bearer realm="http://OWN.THIEF/token""#)],
    ),
    challenge(
        "a backslash before the thief",
        &[(AUTH, r"Bearer realm=http://OWN\@THIEF/token")],
    ),
    challenge(
        "a tab in the address",
        &[(AUTH, "Bearer realm=\"http:/\t/THIEF/token\"")],
    ),
    challenge("a relative realm", &[(AUTH, r#"Bearer realm="//THIEF/token""#)]),
    challenge(
        "a realm that is a file",
        &[(AUTH, r#"Bearer realm="file:///etc/passwd""#)],
    ),
    challenge(
        "a realm of another scheme",
        &[(AUTH, r#"Bearer realm="ftp://THIEF/token""#)],
    ),
    challenge(
        "the registry in the fragment",
        &[(AUTH, r#"Bearer realm="http://THIEF/#http://OWN/token""#)],
    ),
    challenge(
        "the registry in the query",
        &[(AUTH, r#"Bearer realm="http://THIEF/?http://OWN/token""#)],
    ),
    challenge(
        "two realms in one challenge",
        &[(
            AUTH,
            r#"Bearer realm="http://THIEF/token",realm="http://OWN/token""#,
        )],
    ),
    challenge(
        "the thief in a second header",
        &[
            (AUTH, r#"Basic realm="x""#),
            (AUTH, r#"Bearer realm="http://THIEF/token""#),
        ],
    ),
    challenge(
        "the thief after a quote",
        &[(
            AUTH,
            r#"Bearer realm="http://OWN/nothing\", realm=\"http://THIEF/token""#,
        )],
    ),
    challenge(
        "a quote that does not end",
        &[(AUTH, r#"Basic realm="x", Bearer realm="http://THIEF/token"#)],
    ),
    challenge(
        "an address as one number",
        &[(AUTH, r#"BEARER Realm="http://2130706433:PORT/token""#)],
    ),
    challenge(
        "an address of the other kind",
        &[(AUTH, r#"Bearer realm="http://[::ffff:127.0.0.1]:PORT/token""#)],
    ),
    challenge(
        "a service that is a header",
        &[(
            AUTH,
            r#"Bearer realm="http://THIEF/token",service="x%0d%0aAuthorization: y""#,
        )],
    ),
];

/// Token servers that pass the question on, or answer with something else.
const TOKENS: [Case; 9] = [
    token(
        "a token server that redirects with 307",
        307,
        &[(AT, "http://THIEF/token")],
    ),
    token(
        "a token server that redirects with 302",
        302,
        &[(AT, "//THIEF/token")],
    ),
    case(
        "an identity token that is redirected",
        Way::Out,
        Asks::Identity,
        "POST /token",
        308,
        &[(AT, "http://THIEF/token")],
    ),
    token(
        "a token server with a challenge of its own",
        401,
        &[(AUTH, r#"Bearer realm="http://THIEF/token""#)],
    ),
    token(
        "a token server that asks for the password elsewhere",
        401,
        &[(AUTH, r#"Basic realm="http://THIEF/""#), (AT, "http://THIEF/")],
    ),
    Case {
        body: r#"{"token":"x\r\nHost: THIEF"}"#,
        ..token("a token with a line break", 200, &[])
    },
    Case {
        body: "<meta http-equiv=refresh content='0; url=http://THIEF/'>",
        ..token("a page for a token", 200, &[])
    },
    Case {
        body: r#"{"errors":[{"code":"DENIED","message":"no \u001b]8;;http://THIEF/\u0007 me:sesame-7531@x"}]}"#,
        ..token("a refusal that repeats the password", 403, &[])
    },
    case(
        "a refresh that points elsewhere",
        Way::Out,
        Asks::Token,
        "* /token",
        200,
        &[("refresh", "0; url=http://THIEF/"), ("www-authenticate", "Basic")],
    ),
];

/// Redirects and pages of what is read.
const READS: [Case; 12] = [
    case(
        "a layer elsewhere, for a password",
        Way::Out,
        Asks::Basic,
        "GET /blobs/",
        307,
        &[(AT, "http://THIEF/blob?X-Signature=signed-9753")],
    ),
    case(
        "a layer elsewhere, for a token",
        Way::Out,
        Asks::Token,
        "GET /blobs/",
        302,
        &[(AT, "http://THIEF/blob?sig=signed-9753")],
    ),
    case(
        "a layer at a place without a scheme",
        Way::Out,
        Asks::Basic,
        "GET /blobs/",
        301,
        &[(AT, "//THIEF/blob")],
    ),
    case(
        "a layer behind two backslashes",
        Way::Out,
        Asks::Basic,
        "GET /blobs/",
        303,
        &[(AT, r"\\THIEF\blob")],
    ),
    case(
        "a layer at a place with a password",
        Way::Out,
        Asks::Token,
        "GET /blobs/",
        308,
        &[(AT, "http://OWN:signed-9753@THIEF/blob")],
    ),
    case(
        "a manifest elsewhere, for a password",
        Way::Out,
        Asks::Basic,
        "GET /manifests/",
        307,
        &[(AT, "http://THIEF/manifest")],
    ),
    case(
        "a manifest elsewhere, for a token",
        Way::Out,
        Asks::Token,
        "* /manifests/",
        302,
        &[(AT, "http://THIEF/manifest")],
    ),
    case(
        "signatures elsewhere",
        Way::Out,
        Asks::Basic,
        "GET /referrers/",
        307,
        &[(AT, "http://THIEF/referrers")],
    ),
    Case {
        body: r#"{"schemaVersion":2,"manifests":[]}"#,
        ..case(
            "a page of signatures elsewhere",
            Way::Out,
            Asks::Token,
            "GET /referrers/",
            200,
            &[
                ("content-type", "application/vnd.oci.image.index.v1+json"),
                (LINK, r#"<http://THIEF/next>; rel="next""#),
            ],
        )
    },
    Case {
        body: r#"{"tags":["1"]}"#,
        ..case(
            "a page of tags elsewhere",
            Way::Out,
            Asks::Basic,
            "GET /tags/list",
            200,
            &[(LINK, r#"<//THIEF/v2/team/app/tags/list>; rel="next""#)],
        )
    },
    case(
        "a challenge in the middle",
        Way::Out,
        Asks::Token,
        "GET /blobs/",
        401,
        &[(
            AUTH,
            r#"Bearer realm="http://THIEF/token",scope="repository:*:*""#,
        )],
    ),
    case(
        "a foreign host for the first question",
        Way::Out,
        Asks::Basic,
        "HEAD /",
        307,
        &[(AT, "http://THIEF/v2/")],
    ),
];

/// Places for what is written.
const WRITES: [Case; 9] = [
    case(
        "an upload elsewhere, for a password",
        Way::In,
        Asks::Basic,
        "POST /uploads/",
        202,
        &[(AT, "http://THIEF/upload?_state=signed-9753")],
    ),
    case(
        "an upload elsewhere, for a token",
        Way::In,
        Asks::Token,
        "POST /uploads/",
        202,
        &[(AT, "http://THIEF/upload")],
    ),
    case(
        "an upload at a place without a scheme",
        Way::In,
        Asks::Basic,
        "POST /uploads/",
        202,
        &[(AT, "//THIEF/upload")],
    ),
    case(
        "an upload at a place with a password",
        Way::In,
        Asks::Token,
        "POST /uploads/",
        202,
        &[(AT, "http://OWN:x@THIEF/upload")],
    ),
    case(
        "a beginning that is redirected",
        Way::In,
        Asks::Basic,
        "POST /uploads/",
        307,
        &[(AT, "http://THIEF/upload")],
    ),
    case(
        "a body that is redirected",
        Way::In,
        Asks::Token,
        "PUT /uploads/",
        307,
        &[(AT, "http://THIEF/upload")],
    ),
    case(
        "a challenge for the body",
        Way::In,
        Asks::Token,
        "PUT /uploads/",
        401,
        &[(AUTH, r#"Bearer realm="http://THIEF/token""#)],
    ),
    case(
        "a manifest that is redirected",
        Way::In,
        Asks::Basic,
        "PUT /manifests/",
        308,
        &[(AT, "http://THIEF/manifest")],
    ),
    case(
        "a question whether it is there, redirected",
        Way::In,
        Asks::Token,
        "HEAD /blobs/",
        307,
        &[(AT, "http://THIEF/blob")],
    ),
];

fn registry(asks: Asks) -> TestRegistry {
    TestRegistry::start_as(match asks {
        Asks::Basic => Mode::basic(USER, PASSWORD),
        Asks::Token => Mode::bearer_for(USER, PASSWORD),
        Asks::Identity => Mode::Bearer {
            login: Some((USER.into(), PASSWORD.into())),
            anonymous_pull: false,
            identity: Some(IDENTITY.into()),
            uses: 0,
            realm: None,
        },
    })
}

/// A program that is known to this registry.
fn known_at(host: &str, asks: Asks) -> Program {
    let program = Program::new();
    let login = match asks {
        Asks::Identity => json!({"identitytoken": IDENTITY}),
        Asks::Basic | Asks::Token => json!({"auth": BASIC}),
    };
    let text = json!({"auths": {host: login}}).to_string();
    carrack::fsx::write(&program.path("auth.json"), text.as_bytes()).unwrap();
    program
}

const LOGGED: [&str; 5] = ["--authfile", "auth.json", "-vvv", "--audit-log", "audit.log"];

/// Runs what the case is about and tells what was seen, and how often the registry was asked.
fn run(case: &Case, thief: &Thief) -> (Program, Ran, TestRegistry) {
    let registry = registry(case.asks);
    let app = image().layer("a", 3000).build();
    let program = known_at(&registry.host(), case.asks);
    let address = thief.url().replace("http://", "");
    let port = address.rsplit_once(':').unwrap().1;
    let placed = |text: &str| {
        text.replace("OWN", &registry.host())
            .replace("THIEF", &address)
            .replace("PORT", port)
    };
    let (method, path) = case.on.split_once(' ').unwrap();
    let on = if method == "*" {
        On::any()
    } else {
        On::method(method)
    };
    let fault = Fault::Answer {
        status: case.status,
        headers: case
            .headers
            .iter()
            .map(|(name, value)| (*name, placed(value)))
            .collect(),
        body: placed(case.body),
    };
    let ran = match case.way {
        Way::Out => {
            let name = registry.seed("team/app:1", &app);
            registry.fault(on.path(path), fault);
            program.export(&[&name], &LOGGED)
        }
        Way::In => {
            let upstream = TestRegistry::start();
            let name = upstream.seed("team/app:1", &app);
            program.export(&[&name], &[]).ended_with(0);
            registry.fault(on.path(path), fault);
            program.import(&registry.host(), &LOGGED)
        }
    };
    (program, ran, registry)
}

/// The secrets that are in a text. Tokens of the test's registry are called `token-1` and so on.
fn secrets_in(text: &str) -> Vec<&'static str> {
    let known = [PASSWORD, IDENTITY, BASIC, SIGNATURE];
    let mut found: Vec<_> = known.into_iter().filter(|secret| text.contains(secret)).collect();
    let numbered = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    if text.split("token-").skip(1).any(numbered) {
        found.push("a token");
    }
    found
}

/// The files below a folder that hold a secret.
fn files_with_secrets(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_with_secrets(&path, found);
        } else if !path.ends_with("auth.json") {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            let secrets = secrets_in(&text);
            if !secrets.is_empty() {
                found.push(format!("{}: {secrets:?}", path.display()));
            }
        }
    }
}

#[test]
fn no_hostile_answer_gets_a_secret_out_of_the_program() {
    let cases = || CHALLENGES.iter().chain(&TOKENS).chain(&READS).chain(&WRITES);
    assert!(cases().count() >= 40);
    for case in cases() {
        let thief = Thief::start();
        let (program, ran, registry) = run(case, &thief);
        let name = case.name;
        assert!(ran.code.is_some(), "{name}: {}", ran.err);
        assert!(!registry.requests().is_empty(), "{name}: it is never asked");
        let heard = thief.heard();
        let lower = heard.to_ascii_lowercase();
        assert!(!lower.contains("\nauthorization:"), "{name}: {heard}");
        // A signed address is the registry's own affair; it is sent where the registry says, and shown nowhere.
        let stolen: Vec<_> = secrets_in(&heard)
            .into_iter()
            .filter(|found| *found != SIGNATURE)
            .collect();
        assert!(stolen.is_empty(), "{name}: {stolen:?} in {heard}");
        for (place, text) in [("standard output", &ran.out), ("the log", &ran.err)] {
            let shown = secrets_in(text);
            assert!(shown.is_empty(), "{name}: {shown:?} on {place}: {text}");
        }
        let mut found = Vec::new();
        files_with_secrets(&program.path(""), &mut found);
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn a_secret_that_does_reach_another_host_is_noticed() {
    // The operator trusts the thief with the registry's credential: what the table above looks for is there to be seen.
    let thief = Thief::start();
    let registry = TestRegistry::start_as(Mode::Bearer {
        login: Some((USER.into(), PASSWORD.into())),
        anonymous_pull: false,
        identity: None,
        uses: 0,
        realm: Some(format!("{}/token", thief.url())),
    });
    let name = registry.seed("team/app:1", &image().layer("a", 100).build());
    let program = known_at(&registry.host(), Asks::Token);
    let trusted = format!("{}={}", registry.host(), thief.url().replace("http://", ""));
    let mut arguments = LOGGED.to_vec();
    arguments.extend(["--token-server", &trusted]);
    program.export(&[&name], &arguments).ended_with(3);
    assert_eq!(secrets_in(&thief.heard()), [BASIC]);
    let mut found = Vec::new();
    files_with_secrets(&program.path(""), &mut found);
    assert!(found.is_empty(), "{found:?}");
}
