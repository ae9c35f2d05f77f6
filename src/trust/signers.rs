//! The `allowed_signers` file of `ssh-keygen -Y verify`: whose keys count, for what and until when.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::ssh_key::SshKey;
use super::{Error, NAMESPACE, Pattern};
use crate::secret::printable;

/// The people and machines whose signatures count.
#[derive(Clone, Debug, Default)]
pub struct AllowedSigners {
    path: PathBuf,
    signers: Vec<Signer>,
}

/// One line of the file.
#[derive(Clone, Debug)]
struct Signer {
    principals: String,
    key: SshKey,
    namespaces: Option<String>,
    valid_after: Option<SystemTime>,
    valid_before: Option<SystemTime>,
}

impl AllowedSigners {
    /// Reads the text of the file that lies at `path`. A line that cannot be honoured is an error and never passed over.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let mut signers = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let signer = read(line).map_err(|problem| Error::BadSigner {
                path: path.to_owned(),
                line: number + 1,
                problem,
            })?;
            signers.push(signer);
        }
        if signers.is_empty() {
            return Err(Error::NoSigners {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            signers,
        })
    }

    /// Whose key it is, if it counts for inventories at this time; else why it does not, one line.
    pub fn principals(&self, key: &SshKey, now: SystemTime) -> Result<&str, String> {
        let own = self.signers.iter().filter(|signer| signer.key == *key);
        let mut why = format!("no line of {} has this key", self.path.display());
        for signer in own {
            match signer.refusal(now) {
                None => return Ok(&signer.principals),
                Some(refusal) => why = format!("the key of {} {refusal}", signer.principals),
            }
        }
        Err(why)
    }
}

impl Signer {
    fn refusal(&self, now: SystemTime) -> Option<String> {
        if let Some(namespaces) = &self.namespaces
            && !covers(namespaces, NAMESPACE)
        {
            return Some(format!("counts for {namespaces:?} only, not for {NAMESPACE:?}"));
        }
        if self.valid_after.is_some_and(|after| now < after) {
            return Some("is not valid yet".to_owned());
        }
        if self.valid_before.is_some_and(|before| now >= before) {
            return Some("is no longer valid".to_owned());
        }
        None
    }
}

/// OpenSSH's lists of patterns: one that begins with `!` and matches decides against.
fn covers(list: &str, name: &str) -> bool {
    let mut covered = false;
    for pattern in list.split(',').map(str::trim) {
        match pattern.strip_prefix('!') {
            Some(pattern) if Pattern::new(pattern).matches(name) => return false,
            Some(_) => {}
            None => covered |= Pattern::new(pattern).matches(name),
        }
    }
    covered
}

fn read(line: &str) -> Result<Signer, String> {
    let words = words(line)?;
    let mut words = words.iter().map(String::as_str);
    let principals = words.next().unwrap_or_default().trim_matches('"').to_owned();
    if principals.is_empty() {
        return Err("it names no principal".to_owned());
    }
    let mut signer = Options::default();
    let mut kind = words.next().ok_or("it has no key")?;
    if !is_key_type(kind) {
        signer = options(kind)?;
        kind = words.next().ok_or("it has no key")?;
    }
    let blob = words.next().ok_or("it has no key")?;
    let blob = STANDARD
        .decode(blob)
        .map_err(|_| "its key is no base64".to_owned())?;
    let key = SshKey::parse(&blob).map_err(|error| error.to_string())?;
    if !blob
        .get(4..)
        .is_some_and(|name| name.starts_with(kind.as_bytes()))
    {
        return Err(format!("its key is not of the type {}", printable(kind, 80)));
    }
    Ok(Signer {
        principals,
        key,
        namespaces: signer.namespaces,
        valid_after: signer.valid_after,
        valid_before: signer.valid_before,
    })
}

fn is_key_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"]
        .iter()
        .any(|start| word.starts_with(start))
}

/// Words with white space between them; in double quotes it is part of a word.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        if matches!(c, ' ' | '\t') && !quoted {
            words.push(String::new());
            continue;
        }
        quoted ^= c == '"';
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    if quoted {
        return Err("a quotation mark is not closed".to_owned());
    }
    words.retain(|word| !word.is_empty());
    Ok(words)
}

#[derive(Default)]
struct Options {
    namespaces: Option<String>,
    valid_after: Option<SystemTime>,
    valid_before: Option<SystemTime>,
}

fn options(text: &str) -> Result<Options, String> {
    let mut options = Options::default();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = match rest.find(['=', ',']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted
                .split_once('"')
                .map(|(value, after)| (Some(value), after))
                .ok_or("a quotation mark is not closed")?,
            None => (None, after),
        };
        match (name.to_ascii_lowercase().as_str(), value) {
            ("namespaces", Some(value)) => options.namespaces = Some(value.to_owned()),
            ("valid-after", Some(value)) => options.valid_after = Some(time(value)?),
            ("valid-before", Some(value)) => options.valid_before = Some(time(value)?),
            ("cert-authority", None) => {
                return Err(
                    "cert-authority is not supported: name the signers' own keys, one line each".to_owned(),
                );
            }
            (other, _) => return Err(format!("`{}` is no option of a signer", printable(other, 80))),
        }
        rest = after.strip_prefix(',').unwrap_or(after);
        if rest == after && !rest.is_empty() {
            return Err("its options are not separated by commas".to_owned());
        }
    }
    Ok(options)
}

/// `YYYYMMDD[HHMM[SS]][Z]`; without the Z in the zone of this machine.
fn time(text: &str) -> Result<SystemTime, String> {
    let wrong = || {
        format!(
            "`{}` is no time: expected YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, and Z for UTC",
            printable(text, 40)
        )
    };
    let (digits, zone) = match text.strip_suffix(['Z', 'z']) {
        Some(digits) => (digits, TimeZone::UTC),
        None => (text, TimeZone::system()),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) || ![8, 12, 14].contains(&digits.len()) {
        return Err(wrong());
    }
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or("0").parse::<i16>().unwrap_or(0);
    let small = |from: usize| i8::try_from(part(from, from + 2)).unwrap_or(-1);
    let civil = DateTime::new(part(0, 4), small(4), small(6), small(8), small(10), small(12), 0)
        .map_err(|_| wrong())?;
    let zoned = civil.to_zoned_datetime(zone).map_err(|_| wrong())?;
    SystemTime::try_from(zoned.timestamp()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    fn parse(line: &str) -> Result<AllowedSigners, Error> {
        AllowedSigners::parse(Path::new("allowed_signers"), line)
    }

    fn verdict(line: &str, seconds: u64) -> Result<String, String> {
        let signers = parse(line).unwrap();
        let key = signers.signers[0].key.clone();
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        signers.principals(&key, now).map(str::to_owned)
    }

    #[test]
    fn a_line_gives_a_key_its_principals() {
        assert_eq!(
            verdict(&format!("# staff\n\nops@example.com {KEY} laptop"), 0).unwrap(),
            "ops@example.com"
        );
    }

    #[test]
    fn namespaces_and_times_bind() {
        let of = |options: &str| verdict(&format!("a@b {options} {KEY}"), 1_000_000_000);
        assert!(of("namespaces=\"git,carrack-inventory\"").is_ok());
        assert!(of("namespaces=\"*\"").is_ok());
        assert!(of("namespaces=\"git\"").unwrap_err().contains("counts for"));
        assert!(of("namespaces=\"*,!carrack-*\"").is_err());
        // 1,000,000,000 seconds are 2001-09-09 01:46:40 in UTC.
        assert!(of("valid-after=\"20010909014640Z\"").is_ok());
        assert!(
            of("valid-after=\"20010909014641Z\"")
                .unwrap_err()
                .contains("not valid yet")
        );
        assert!(of("valid-before=\"20010909014641Z\"").is_ok());
        assert!(
            of("valid-before=\"20010909014640Z\"")
                .unwrap_err()
                .contains("no longer valid")
        );
        assert!(of("namespaces=\"*\",valid-before=\"20200101Z\"").is_ok());
    }

    #[test]
    fn a_line_that_cannot_be_honoured_is_an_error_with_its_number() {
        let cases = [
            (
                format!("a@b cert-authority {KEY}"),
                "cert-authority is not supported",
            ),
            (format!("a@b namespace=\"git\" {KEY}"), "`namespace` is no option"),
            (format!("a@b valid-before=\"soon\" {KEY}"), "`soon` is no time"),
            (format!("a@b valid-before=\"20011332\" {KEY}"), "is no time"),
            (format!("a@b namespaces=\"git {KEY}"), "not closed"),
            ("a@b ssh-ed25519".to_owned(), "has no key"),
            ("a@b ssh-ed25519 !!!".to_owned(), "no base64"),
            (
                KEY.replace("ssh-ed25519 ", "a@b ecdsa-sha2-nistp256 "),
                "not of the type",
            ),
        ];
        for (line, expected) in cases {
            let error = parse(&format!("# one\n{line}")).unwrap_err();
            let Error::BadSigner { line: 2, problem, .. } = &error else {
                panic!("{line}: {error}");
            };
            assert!(problem.contains(expected), "{line}: {problem}");
        }
        assert!(matches!(parse("# nobody"), Err(Error::NoSigners { .. })));
    }
}
