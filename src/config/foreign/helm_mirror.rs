//! Command lines of helm-mirror, one a line as in a script: `helm mirror URL FOLDER --chart-name NAME`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::super::charts::Fields;
use super::super::{Chart, Client, Error};
use super::Reader;
use crate::secret::{Secret, redact_url};
use crate::shell::quoted;

pub(super) fn is_one(text: &str) -> bool {
    commands(text).iter().any(|(_, words)| arguments(words).is_some())
}

/// The lines of a script as words, continued lines joined, comments left out; numbered from 1.
fn commands(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut commands = Vec::new();
    let mut pending: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let (start, mut joined) = pending.take().unwrap_or((number, String::new()));
        let line = line.trim();
        if let Some(continued) = line.strip_suffix('\\') {
            joined.push_str(continued);
            joined.push(' ');
            pending = Some((start, joined));
            continue;
        }
        joined.push_str(line);
        let words = words(joined.trim_start_matches("$ "));
        if !words.is_empty() {
            commands.push((start, words));
        }
    }
    if let Some((start, joined)) = pending {
        commands.push((start, words(&joined)));
    }
    commands
}

/// The words of a shell command: quotes hold a word together, `#` begins a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (Some(_) | None, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// What follows `helm mirror` or `helm-mirror`.
fn arguments(words: &[String]) -> Option<&[String]> {
    match words {
        [first, rest @ ..] if first == "helm-mirror" => Some(rest),
        [first, second, rest @ ..] if first == "helm" && second == "mirror" => Some(rest),
        _ => None,
    }
}

/// One command.
#[derive(Default)]
struct Mirror {
    places: Vec<String>,
    chart: Option<String>,
    version: Option<String>,
    all_versions: bool,
    authority: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    user: Option<String>,
    password: Option<Secret>,
    /// What is done in another way: flags, with what to do.
    otherwise: Vec<String>,
}

impl Mirror {
    fn parse(words: &[String]) -> Result<Self, String> {
        let mut mirror = Self::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (flag, inline) = match word.split_once('=') {
                Some((flag, value)) if flag.starts_with('-') => (flag, Some(value)),
                _ => (word, None),
            };
            mirror.take(flag, inline, &mut words)?;
        }
        Ok(mirror)
    }

    fn take<'w>(
        &mut self,
        flag: &str,
        inline: Option<&str>,
        words: &mut impl Iterator<Item = &'w str>,
    ) -> Result<(), String> {
        let mut value = || {
            inline
                .or_else(|| words.next())
                .map(str::to_owned)
                .ok_or_else(|| format!("{flag} lacks its value"))
        };
        match flag {
            "--chart-name" => self.chart = Some(value()?),
            "--chart-version" => self.version = Some(value()?),
            "--all-versions" | "-a" => self.all_versions = true,
            "--ca-file" => self.authority = Some(value()?),
            "--cert-file" => self.certificate = Some(value()?),
            "--key-file" => self.key = Some(value()?),
            "--username" => self.user = Some(value()?),
            "--password" => self.password = Some(Secret::new(value()?)),
            "--new-root-url" => {
                let url = value()?;
                self.otherwise
                    .push(format!("--new-root-url: indexes have relative URLs; `carrack charts pull --url {}` writes absolute ones", quoted(&url)));
            }
            "--output" | "-o" => {
                let form = value()?;
                self.otherwise
                    .push(format!("-o {form}: `carrack images carrack.yaml -o FORM` prints the images, with FORM one of text, json, yaml, skopeo, hauler and list"));
            }
            "--ignore-errors" | "-i" => self.otherwise.push(
                "--ignore-errors: carrack goes on past what fails, lists it, and ends with exit code 3"
                    .to_owned(),
            ),
            "--verbose" | "-v" => {}
            flag if flag.starts_with('-') => return Err(format!("`{flag}` is no flag of helm-mirror")),
            place => self.places.push(place.to_owned()),
        }
        Ok(())
    }
}

impl Reader<'_> {
    pub(super) fn helm_mirror(&mut self, text: &str) -> Result<(), Error> {
        let mut mirrored = BTreeSet::new();
        for (number, words) in commands(text) {
            if let Some(arguments) = arguments(&words) {
                self.helm_mirror_command(arguments, number, &mut mirrored)?;
                continue;
            }
            let command = crate::secret::printable(&words.join(" "), 80);
            let text = format!("`{command}` is no helm-mirror command, and is not read");
            self.foreign.note(number, text);
        }
        Ok(())
    }

    /// Reads one command. `mirrored` are the folders that the commands before it fill.
    fn helm_mirror_command(
        &mut self,
        words: &[String],
        number: usize,
        mirrored: &mut BTreeSet<String>,
    ) -> Result<(), Error> {
        let mirror = Mirror::parse(words).map_err(|problem| self.wrong(number, problem))?;
        for text in &mirror.otherwise {
            self.foreign.note(number, text.clone());
        }
        match mirror.places.first().map(String::as_str) {
            Some("inspect-images") => {
                let Some(folder) = mirror.places.get(1) else {
                    return Err(self.wrong(number, "inspect-images without a folder"));
                };
                if mirrored.contains(folder) {
                    let text = format!("inspect-images {folder}: the images of charts go along with them");
                    self.foreign.note(number, text);
                    return Ok(());
                }
                self.foreign.config.charts.push(Chart::at(PathBuf::from(folder)));
                Ok(())
            }
            Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
                mirrored.extend(mirror.places.get(1).cloned());
                self.helm_mirror_repository(url, &mirror, number)
            }
            Some("version" | "help" | "completion") => Ok(()),
            Some(other) => Err(self.wrong(
                number,
                format!("`{}` is no URL of a repository", redact_url(other)),
            )),
            None => Err(self.wrong(number, "the URL of a repository is missing")),
        }
    }

    fn helm_mirror_repository(&mut self, url: &str, mirror: &Mirror, number: usize) -> Result<(), Error> {
        let parsed = url::Url::parse(url)
            .map_err(|_| self.wrong(number, format!("`{}` is no URL", redact_url(url))))?;
        let mut fields = Fields::of_repository(&redact_url(url), mirror.chart.as_deref());
        fields.all_versions = mirror.all_versions;
        if let Some(version) = &mirror.version {
            let version = version.parse().map_err(|error: crate::version::Error| {
                self.wrong(
                    number,
                    format!(
                        "--chart-version `{}`: {error}",
                        crate::secret::printable(version, 60)
                    ),
                )
            })?;
            fields.version = Some(version);
        }
        let chart = Chart::try_from(fields).map_err(|problem| self.wrong(number, problem))?;
        self.foreign.config.charts.push(chart);
        let host = parsed.host_str().unwrap_or_default();
        let host = parsed
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let known_by_url = (!parsed.username().is_empty()).then(|| {
            (
                parsed.username().to_owned(),
                Secret::new(parsed.password().unwrap_or_default()),
            )
        });
        let login = mirror.user.clone().zip(mirror.password.clone()).or(known_by_url);
        if let Some((user, password)) = login {
            self.login(&host, &user, password);
        }
        if let Some(authority) = &mirror.authority {
            self.registry(&host).ca_files.push(PathBuf::from(authority));
        }
        match (&mirror.certificate, &mirror.key) {
            (Some(certificate), Some(key)) => {
                self.registry(&host).client = Some(Client {
                    certificate: certificate.into(),
                    key: key.into(),
                });
            }
            (None, None) => {}
            _ => return Err(self.wrong(number, "--cert-file and --key-file go together")),
        }
        if let Some(folder) = mirror.places.get(1) {
            self.foreign.note(
                number,
                format!("the folder {folder}: charts go into the bundle, below charts/; `carrack charts pull --to {}` mirrors them alone", quoted(folder)),
            );
        }
        Ok(())
    }
}
