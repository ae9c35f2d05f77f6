//! Manual pages and completion scripts, generated from the arguments; and `carrack help TOPIC`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use super::arguments::Cli;
use super::failure::{Exit, Failure};
use super::session::print;
use crate::commands;
use crate::fsx::Folder;

/// What `carrack help` explains beside the commands: a name, one line, and the text.
const TOPICS: [(&str, &str, &str); 4] = [
    (
        "bundle",
        "what is on the drive",
        include_str!("topics/bundle.txt"),
    ),
    (
        "mirrors",
        "how nodes find original names inside",
        include_str!("topics/mirrors.txt"),
    ),
    (
        "signatures",
        "what is checked, by whom, and what is not",
        include_str!("topics/signatures.txt"),
    ),
    ("tiers", "how sure an image is", include_str!("topics/tiers.txt")),
];

/// The arguments of `help`.
#[derive(Debug, Args)]
pub struct Help {
    /// A command such as `charts pull`, or one of the topics bundle, mirrors, signatures and tiers.
    #[arg(value_name = "COMMAND|TOPIC")]
    words: Vec<String>,
}

impl Help {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let text = self.text()?;
        print(text.as_bytes())?;
        Ok(Exit::Done)
    }

    fn text(&self) -> Result<String, Failure> {
        let mut command = Cli::command();
        command.build();
        if let [word] = &self.words[..]
            && let Some((_, _, text)) = TOPICS.iter().find(|(name, ..)| name == word)
        {
            return Ok((*text).to_owned());
        }
        let mut found = command.clone();
        for word in &self.words {
            found = match found.find_subcommand(word) {
                Some(below) => below.clone(),
                None => return Err(unknown(&self.words).into()),
            };
        }
        if !self.words.is_empty() {
            return Ok(found.render_long_help().to_string());
        }
        let mut text = found.render_help().to_string();
        text.push_str("\nTopics, as in `carrack help bundle`:\n");
        for (name, line, _) in TOPICS {
            // Writing into a string cannot fail.
            let _ = writeln!(text, "  {name:12} {line}");
        }
        Ok(text)
    }
}

fn unknown(words: &[String]) -> commands::Error {
    let topics: Vec<&str> = TOPICS.iter().map(|(name, ..)| *name).collect();
    commands::Error::Usage {
        problem: format!(
            "`{}` is no command and no topic; the topics are {}",
            crate::secret::printable(&words.join(" "), 80),
            topics.join(", ")
        ),
    }
}

/// The arguments of `manual`.
#[derive(Debug, Args)]
pub struct Manual {
    /// The folder that gets a page for each command: `man1`; it is made if it is not there.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

impl Manual {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let folder = Folder::create(&self.to).map_err(commands::Error::from)?;
        for (name, page) in pages() {
            folder.write(&name, &page).map_err(commands::Error::from)?;
        }
        Ok(Exit::Done)
    }
}

/// Every manual page with its file name.
fn pages() -> Vec<(String, Vec<u8>)> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    collect(&command, &mut pages);
    pages
}

fn collect(command: &clap::Command, pages: &mut Vec<(String, Vec<u8>)>) {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    let mut page = Vec::new();
    // Writing into memory cannot fail.
    let _ = clap_mangen::Man::new(command.clone()).render(&mut page);
    pages.push((format!("{name}.1"), page));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        collect(below, pages);
    }
}

/// The completion script of a shell.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "carrack", &mut script);
    print(&script)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_flag_has_its_place_in_a_manual_page() {
        let pages = pages();
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        let mut commands = vec![&command];
        let mut flags = 0;
        while let Some(command) = commands.pop() {
            let name = command.get_display_name().unwrap_or_else(|| command.get_name());
            let (_, page) = pages
                .iter()
                .find(|(file, _)| *file == format!("{name}.1"))
                .unwrap();
            let page = String::from_utf8_lossy(page).replace("\\-", "-");
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                if let Some(long) = argument.get_long() {
                    assert!(page.contains(&format!("--{long}")), "{name} --{long}");
                    flags += 1;
                }
            }
            commands.extend(command.get_subcommands().filter(|below| !below.is_hide_set()));
        }
        assert!(flags > 50, "{flags}");
    }

    #[test]
    fn help_explains_topics_commands_and_says_what_it_does_not_know() {
        let help = |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            Help { words }.text()
        };
        assert!(
            help(&["mirrors"])
                .unwrap()
                .contains("registry.suse.com/caasp:1.0")
        );
        assert!(help(&["charts", "pull"]).unwrap().contains("--all-versions"));
        assert!(help(&[]).unwrap().contains("signatures   what is checked"));
        assert!(
            help(&["nonsense"])
                .unwrap_err()
                .text
                .contains("no command and no topic; the topics are bundle")
        );
    }

    #[test]
    fn topics_fit_on_a_screen_of_80_columns() {
        for (name, _, text) in TOPICS {
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
        }
    }
}
