//! Signed bundles: real keys and signatures, and everything that someone may do to a drive on its way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::images::image;
use crate::support::program::{Program, Ran, tree};
use crate::support::programs::{program, run};
use crate::support::registry::TestRegistry;
use crate::support::signing::{pem_key, piped, put, signer, ssh_key, take};

/// A small bundle with one image and one chart, signed by `ops`, whose line stands in `allowed_signers`.
struct Voyage {
    program: Program,
    upstream: TestRegistry,
    ops: PathBuf,
}

impl Voyage {
    fn begin() -> Option<Self> {
        let program = Program::new();
        let ops = ssh_key(&program.path(""), "ops", &["-t", "ed25519"])?;
        let upstream = TestRegistry::start();
        let name = upstream.seed("shop/app:1", &image().layer("app", 5000).build());
        program.export(&[&name], &[]).ended_with(0);
        put(
            &program.path("allowed_signers"),
            signer("ops@example.com", "", &ops).as_bytes(),
        );
        Some(Self {
            program,
            upstream,
            ops,
        })
    }

    fn signed() -> Option<Self> {
        let voyage = Self::begin()?;
        voyage.sign(&voyage.ops).ended_with(0);
        Some(voyage)
    }

    fn sign(&self, key: &Path) -> Ran {
        self.program
            .run(&["sign", "bundle", "--key", key.to_str().unwrap()])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.program.path(&format!("bundle/{name}"))
    }

    /// Imports into a fresh folder, asking for the signers in `allowed_signers`.
    fn import(&self, more: &[&str]) -> Ran {
        let mut arguments = vec!["--allowed-signers", "allowed_signers"];
        arguments.extend(more);
        self.program.import("dir:inside", &arguments)
    }

    fn verify(&self) -> Ran {
        self.program
            .run(&["verify", "bundle", "--allowed-signers", "allowed_signers"])
    }

    /// A copy of the bundle under another name.
    fn copy(&self, name: &str) {
        for (path, bytes) in tree(&self.program.path("bundle")) {
            put(&self.program.path(name).join(path), &bytes);
        }
        let inventory = fs::read(self.path("carrack/inventory.json")).unwrap();
        put(
            &self.program.path(name).join("carrack/inventory.json"),
            &inventory,
        );
    }
}

#[test]
fn a_signed_bundle_is_taken_and_says_who_signed_it() {
    let Some(voyage) = Voyage::signed() else { return };
    let verified = voyage.verify().ended_with(0);
    assert!(
        verified.out.contains("signed by ops@example.com (SHA256:"),
        "{}",
        verified.out
    );
    let imported = voyage.import(&[]).ended_with(0);
    assert_eq!(
        imported.json()["seal"]["signatures"][0]["signer"],
        "ops@example.com"
    );
    voyage.import(&[]).ended_with(0);
}

#[test]
fn every_kind_of_key_that_ssh_keygen_makes_is_read() {
    let Some(voyage) = Voyage::begin() else { return };
    let kinds: [(&str, &[&str]); 4] = [
        ("p256", &["-t", "ecdsa", "-b", "256"]),
        ("p384", &["-t", "ecdsa", "-b", "384"]),
        ("rsa", &["-t", "rsa", "-b", "2048"]),
        ("ed", &["-t", "ed25519"]),
    ];
    let mut lines = String::new();
    for (name, kind) in kinds {
        let key = ssh_key(&voyage.program.path(""), name, kind).unwrap();
        voyage.sign(&key).ended_with(0);
        lines.push_str(&signer(&format!("{name}@example.com"), "", &key));
    }
    put(&voyage.program.path("allowed_signers"), lines.as_bytes());
    let asked = ["--require-signers", "4"];
    let imported = voyage.import(&asked).ended_with(0).json();
    let files: Vec<&str> = imported["seal"]["signatures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["file"].as_str().unwrap())
        .collect();
    assert_eq!(
        files,
        [
            "inventory.json.sshsig",
            "inventory.json.sshsig.2",
            "inventory.json.sshsig.3",
            "inventory.json.sshsig.4"
        ]
    );
    let refused = voyage.import(&["--require-signers", "5"]).ended_with(4);
    assert!(refused.err.contains("4 of 5 signatures"), "{}", refused.err);
}

#[test]
fn a_key_of_a_curve_that_is_not_supported_is_refused_by_name() {
    let Some(voyage) = Voyage::begin() else { return };
    let key = ssh_key(&voyage.program.path(""), "p521", &["-t", "ecdsa", "-b", "521"]).unwrap();
    let refused = voyage.sign(&key);
    assert_ne!(refused.code, Some(0));
    assert!(refused.err.contains("ecdsa-sha2-nistp521"), "{}", refused.err);
    let line = signer("ops@example.com", "", &key);
    put(&voyage.program.path("allowed_signers"), line.as_bytes());
    let refused = voyage.import(&[]).ended_with(2);
    assert!(refused.err.contains("allowed_signers:1"), "{}", refused.err);
}

#[test]
fn a_key_that_only_an_agent_holds_signs() {
    let (Some(voyage), Some(agent)) = (Voyage::begin(), program("ssh-agent")) else {
        return;
    };
    let socket = voyage.program.path("agent");
    let public = voyage.ops.with_extension("pub");
    // The agent lives as long as the shell that it runs.
    let script = format!(
        "ssh-add -q {0} && rm {0} && {1} sign bundle --key {2}",
        voyage.ops.display(),
        env!("CARGO_BIN_EXE_carrack"),
        public.display()
    );
    run(Command::new(agent)
        .arg("-a")
        .arg(&socket)
        .args(["sh", "-c", &script])
        .current_dir(voyage.program.path("")));
    assert!(!voyage.ops.exists(), "the private half is the agent's alone");
    voyage.verify().ended_with(0);
}

/// Someone's deed on the drive.
type Deed = Box<dyn Fn(&Voyage)>;

#[test]
fn whatever_is_done_to_a_signed_drive_is_refused_and_named() {
    let Some(voyage) = Voyage::signed() else { return };
    voyage.copy("pristine");
    let flip = |name: &'static str| -> Deed {
        Box::new(move |voyage| {
            let path = voyage.path(name);
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            put(&path, &bytes);
        })
    };
    let blob = |voyage: &Voyage, number: usize| {
        let mut names: Vec<_> = fs::read_dir(voyage.path("blobs/sha256"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        format!("blobs/sha256/{}", names[number])
    };
    let (first, second, third) = (blob(&voyage, 0), blob(&voyage, 1), blob(&voyage, 2));
    let hex = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let flip_blob = |path: &str| -> Deed {
        let path = path.to_owned();
        Box::new(move |voyage| {
            let path = voyage.path(&path);
            let mut bytes = fs::read(&path).unwrap();
            bytes[0] ^= 1;
            put(&path, &bytes);
        })
    };
    let add = |name: &'static str| -> Deed { Box::new(move |voyage| put(&voyage.path(name), b"new")) };
    let moved = |from: String, to: String| -> Deed {
        Box::new(move |voyage| {
            let bytes = take(&voyage.path(&from));
            put(&voyage.path(&to), &bytes);
        })
    };
    let upper = format!("blobs/sha256/{}", hex(&first).to_ascii_uppercase());
    let deeds: [(&str, Deed, String); 18] = [
        (
            "a changed manifest, configuration or layer (1)",
            flip_blob(&first),
            hex(&first),
        ),
        (
            "a changed manifest, configuration or layer (2)",
            flip_blob(&second),
            hex(&second),
        ),
        (
            "a changed manifest, configuration or layer (3)",
            flip_blob(&third),
            hex(&third),
        ),
        ("a changed README", flip("README.txt"), "README.txt".into()),
        (
            "a changed list of sums",
            flip("carrack/SHA256SUMS"),
            "carrack/SHA256SUMS".into(),
        ),
        (
            "a changed inventory",
            flip("carrack/inventory.json"),
            "does not sign this inventory".into(),
        ),
        (
            "a tampered signature",
            flip("carrack/inventory.json.sshsig"),
            "inventory.json.sshsig".into(),
        ),
        (
            "a rewritten index.json",
            Box::new(|voyage| {
                put(
                    &voyage.path("index.json"),
                    br#"{"schemaVersion":2,"manifests":[]}"#,
                );
            }),
            "index.json".into(),
        ),
        (
            "a removed blob",
            Box::new({
                let path = second.clone();
                move |voyage| drop(take(&voyage.path(&path)))
            }),
            hex(&second),
        ),
        (
            "a removed README",
            Box::new(|voyage| drop(take(&voyage.path("README.txt")))),
            "README.txt".into(),
        ),
        (
            "a removed signature",
            Box::new(|voyage| drop(take(&voyage.path("carrack/inventory.json.sshsig")))),
            "0 of 1 signatures".into(),
        ),
        (
            "a removed inventory",
            Box::new(|voyage| drop(take(&voyage.path("carrack/inventory.json")))),
            "no carrack/inventory.json".into(),
        ),
        (
            "an added file in the root",
            add("install.sh"),
            "install.sh".into(),
        ),
        (
            "an added chart",
            add("charts/evil/evil-1.0.0.tgz"),
            "charts/evil/evil-1.0.0.tgz".into(),
        ),
        (
            "an added file beside the inventory",
            add("carrack/extra"),
            "carrack/extra".into(),
        ),
        ("an added blob", add("blobs/sha256/00"), "blobs/sha256/00".into()),
        (
            "a renamed file",
            moved("README.txt".into(), "README".into()),
            "README.txt".into(),
        ),
        ("a case-swapped blob", moved(first, upper.clone()), upper),
    ];
    for (what, deed, named) in deeds {
        deed(&voyage);
        for ran in [voyage.import(&[]), voyage.verify()] {
            assert_eq!(ran.code, Some(4), "{what}: {}{}", ran.out, ran.err);
            let told = format!("{}{}", ran.out, ran.err);
            assert!(told.contains(&named), "{what} does not name {named}: {told}");
        }
        assert!(
            !voyage.program.path("inside/index.json").exists(),
            "{what}: something was imported"
        );
        fs::remove_dir_all(voyage.path("")).unwrap();
        for (path, bytes) in tree(&voyage.program.path("pristine")) {
            put(&voyage.path("").join(path), &bytes);
        }
        let inventory = fs::read(voyage.program.path("pristine/carrack/inventory.json")).unwrap();
        put(&voyage.path("carrack/inventory.json"), &inventory);
    }
    voyage.import(&[]).ended_with(0);
}

#[test]
fn a_registry_is_sent_nothing_of_a_drive_that_is_refused_nor_of_an_older_one() {
    let Some(voyage) = Voyage::signed() else { return };
    let inside = TestRegistry::start();
    let import = |from: &str| {
        let to = inside.host();
        let signers = ["--allowed-signers", "allowed_signers", "--state", "state"];
        let import = [&["import", "--from", from, "--to", &to][..], &signers].concat();
        voyage.program.run(&import)
    };
    voyage.copy("older");
    put(&voyage.path("install.sh"), b"new");
    let refused = import("bundle").ended_with(4);
    assert!(refused.out.contains("install.sh"), "{}", refused.out);
    drop(take(&voyage.path("install.sh")));
    let stranger = ssh_key(&voyage.program.path(""), "stranger", &["-t", "ed25519"]).unwrap();
    let stranger = signer("else@example.com", "", &stranger);
    put(&voyage.program.path("allowed_signers"), stranger.as_bytes());
    import("bundle").ended_with(4);
    let ops = signer("ops@example.com", "", &voyage.ops);
    put(&voyage.program.path("allowed_signers"), ops.as_bytes());
    assert!(
        inside
            .requests()
            .iter()
            .all(|request| request.method == "GET" || request.method == "HEAD"),
        "something was sent: {:?}",
        inside.requests()
    );
    let second = voyage
        .upstream
        .seed("shop/app:2", &image().layer("app2", 4000).build());
    voyage.program.export(&[&second], &[]).ended_with(0);
    voyage.sign(&voyage.ops).ended_with(0);
    import("bundle").ended_with(0);
    let sent = inside.requests().len();
    let replayed = import("older").ended_with(4);
    assert!(replayed.err.contains("number 2 was accepted"), "{}", replayed.err);
    assert_eq!(inside.requests().len(), sent, "the registry was asked something");
}

#[test]
fn a_signer_who_does_not_count_is_refused_with_the_reason() {
    let Some(voyage) = Voyage::signed() else { return };
    let stranger = ssh_key(&voyage.program.path(""), "stranger", &["-t", "ed25519"]).unwrap();
    let cases = [
        (
            signer("else@example.com", "", &stranger),
            "no line of allowed_signers has this key",
        ),
        (
            signer("ops@example.com", "valid-before=\"20200101Z\"", &voyage.ops),
            "is no longer valid",
        ),
        (
            signer("ops@example.com", "valid-after=\"29990101Z\"", &voyage.ops),
            "is not valid yet",
        ),
        (
            signer("ops@example.com", "namespaces=\"git\"", &voyage.ops),
            "counts for \"git\" only",
        ),
    ];
    for (line, reason) in cases {
        put(&voyage.program.path("allowed_signers"), line.as_bytes());
        let refused = voyage.import(&[]).ended_with(4);
        assert!(refused.err.contains(reason), "{}", refused.err);
    }
}

#[test]
fn a_signature_that_was_made_for_something_else_does_not_count() {
    let (Some(voyage), Some(keygen)) = (Voyage::begin(), program("ssh-keygen")) else {
        return;
    };
    let inventory = fs::read(voyage.path("carrack/inventory.json")).unwrap();
    let signature = piped(
        Command::new(keygen)
            .args(["-Y", "sign", "-n", "git", "-f"])
            .arg(&voyage.ops),
        &inventory,
    );
    put(&voyage.path("carrack/inventory.json.sshsig"), &signature);
    let refused = voyage.import(&[]).ended_with(4);
    assert!(
        refused
            .err
            .contains("made for \"git\", not for \"carrack-inventory\""),
        "{}",
        refused.err
    );
}

#[test]
fn an_older_bundle_is_refused_after_a_newer_one() {
    let Some(voyage) = Voyage::signed() else { return };
    voyage.copy("older");
    let second = voyage
        .upstream
        .seed("shop/app:2", &image().layer("app2", 4000).build());
    voyage.program.export(&[&second], &[]).ended_with(0);
    assert!(
        !voyage.path("carrack/inventory.json.sshsig").exists(),
        "a signature never stands beside an inventory that it does not sign"
    );
    voyage.import(&[]).ended_with(4);
    voyage.sign(&voyage.ops).ended_with(0);
    voyage.import(&["--state", "state"]).ended_with(0);
    let replayed = voyage.program.run(&[
        "import",
        "--from",
        "older",
        "--to",
        "dir:inside",
        "--allowed-signers",
        "allowed_signers",
        "--state",
        "state",
    ]);
    let replayed = replayed.ended_with(4);
    assert!(
        replayed.err.contains("number 1 of the bundle") && replayed.err.contains("number 2 was accepted"),
        "{}",
        replayed.err
    );
    let elsewhere = voyage.program.run(&[
        "import",
        "--from",
        "older",
        "--to",
        "dir:elsewhere",
        "--allowed-signers",
        "allowed_signers",
    ]);
    elsewhere.ended_with(0);
    voyage.import(&[]).ended_with(0);
    let replayed = voyage.program.run(&[
        "import",
        "--from",
        "older",
        "--to",
        "dir:inside",
        "--allowed-signers",
        "allowed_signers",
    ]);
    replayed.ended_with(4);
}

#[test]
fn an_unsigned_bundle_is_refused_where_signers_are_asked_for() {
    let Some(voyage) = Voyage::begin() else { return };
    let refused = voyage.import(&[]).ended_with(4);
    assert!(refused.err.contains("0 of 1 signatures"), "{}", refused.err);
    let taken = voyage.import(&["--allow-unsigned"]).ended_with(0);
    assert_eq!(taken.json()["seal"]["vouched"], false);
    let plain = voyage
        .program
        .run(&["import", "--from", "bundle", "--to", "dir:else"]);
    let plain = plain.ended_with(0);
    assert!(plain.out.contains("unsigned: nothing shows"), "{}", plain.out);
}

#[test]
fn a_drive_with_files_that_the_inventory_does_not_name_is_not_signed() {
    let Some(voyage) = Voyage::begin() else { return };
    put(&voyage.path("autorun.inf"), b"[autorun]");
    let refused = voyage.sign(&voyage.ops).ended_with(1);
    assert!(refused.err.contains("autorun.inf"), "{}", refused.err);
}

#[test]
fn a_signature_of_openssl_counts_by_its_key() {
    let (Some(voyage), Some(openssl)) = (Voyage::begin(), program("openssl")) else {
        return;
    };
    let key = pem_key(&voyage.program.path(""), "release").unwrap();
    pem_key(&voyage.program.path(""), "other").unwrap();
    run(Command::new(openssl)
        .args(["dgst", "-sha256", "-sign"])
        .arg(&key)
        .arg("-out")
        .arg(voyage.path("carrack/inventory.json.sig"))
        .arg(voyage.path("carrack/inventory.json")));
    let with = |key: &str| voyage.program.import("dir:inside", &["--inventory-key", key]);
    with("other.pub").ended_with(4);
    let taken = with("release.pub").ended_with(0);
    assert_eq!(taken.json()["seal"]["signatures"][0]["signer"], "release.pub");
    let mut inventory = fs::read(voyage.path("carrack/inventory.json")).unwrap();
    inventory.push(b' ');
    put(&voyage.path("carrack/inventory.json"), &inventory);
    with("release.pub").ended_with(4);
}

#[test]
fn the_two_lines_that_sign_prints_check_a_bundle_without_carrack() {
    let (Some(voyage), Some(shell)) = (Voyage::begin(), program("sh")) else {
        return;
    };
    let told = voyage.sign(&voyage.ops).ended_with(0).out;
    let lines: Vec<String> = told
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .map(|line| {
            line.replace("allowed_signers", "../allowed_signers")
                .replace("NAME", "ops@example.com")
        })
        .collect();
    assert_eq!(lines.len(), 2, "{told}");
    let passes = |line: &str| {
        let output = Command::new(&shell)
            .args(["-c", line])
            .current_dir(voyage.path(""))
            .output()
            .unwrap();
        output.status.success()
    };
    assert!(lines.iter().all(|line| passes(line)), "{lines:?}");
    let readme = fs::read_to_string(voyage.path("README.txt")).unwrap();
    assert!(readme.contains(told.lines().last().unwrap().trim()), "{readme}");
    // A forged file with forged sums: the second line starts from what was signed.
    put(&voyage.path("README.txt"), b"forged");
    let sums = run(Command::new("sha256sum")
        .arg("README.txt")
        .current_dir(voyage.path("")));
    let others: String = fs::read_to_string(voyage.path("carrack/SHA256SUMS"))
        .unwrap()
        .lines()
        .filter(|line| !line.ends_with("README.txt"))
        .fold(sums, |all, line| all + line + "\n");
    put(&voyage.path("carrack/SHA256SUMS"), others.as_bytes());
    assert!(!passes(&lines[1]), "the sums are not those that were signed");
}
