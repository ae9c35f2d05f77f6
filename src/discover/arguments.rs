//! Flags with their values, and lines of shell: what `args` and `command` hold.

use std::collections::BTreeSet;

use super::scope::Scope;
use super::sighting::Rule;
use super::split::{self, Named};
use super::tree::Node;
use super::walk::Walk;
use super::{names, reading};

/// A flag with its value: `--image=value` in one argument or `--image value` in two.
struct Flag<'t> {
    named: Named<'t>,
    at: usize,
    value_at: usize,
}

fn flags(elements: &[Node]) -> Vec<Flag<'_>> {
    let text = |at: usize| elements.get(at).and_then(Node::scalar).map(str::trim);
    let flag = |at: usize| {
        let flag = text(at).filter(|text| text.starts_with('-'))?;
        let (name, value, value_at) = match flag.split_once('=') {
            Some((name, value)) => (name, value, at),
            None => (flag, text(at + 1).filter(|next| !next.starts_with('-'))?, at + 1),
        };
        let named = Named { name, value };
        Some(Flag { named, at, value_at })
    };
    (0..elements.len()).filter_map(flag).collect()
}

impl<'t> Walk<'_, 't> {
    /// The elements of `args` or `command`: flags with their values, and whole scripts.
    pub(super) fn arguments(&mut self, elements: &'t [Node], scope: Scope) {
        let read = self.flags_in_pieces(elements, scope);
        let mut announced: Option<&str> = None;
        for (index, element) in elements.iter().enumerate() {
            let before = announced.take();
            if read.contains(&index) {
                continue;
            }
            let Some(text) = element.scalar() else {
                self.within(&index.to_string(), |walk| walk.tree(element, "", scope));
                continue;
            };
            if text.trim_start().starts_with('-') && !text.contains('=') && names::announces(text) {
                announced = Some(text);
                continue;
            }
            self.within(&index.to_string(), |walk| {
                if let Some(flag) = before.filter(|_| !text.starts_with('-')) {
                    walk.pieces(flag, text, Rule::Flag, element.line, scope);
                } else if text.contains('\n') {
                    walk.text("", element, scope);
                } else if text.trim().contains(' ') {
                    walk.shell(text, element.line, scope);
                } else {
                    walk.argument(text, element.line, scope);
                }
            });
        }
    }

    /// One argument: `--image=value`, `IMAGE=value`, or free text.
    fn argument(&mut self, text: &str, line: u32, scope: Scope) {
        match text.split_once('=') {
            Some((name, value)) if names::announces(name) && !name.contains('/') => {
                if value.starts_with(['{', '[']) {
                    self.free_text(value, line, Rule::Flag, scope);
                } else {
                    self.pieces(name, value, Rule::Flag, line, scope);
                }
            }
            _ => self.free_text(text, line, Rule::Word, scope),
        }
    }

    /// A line of shell: its words are arguments.
    pub(super) fn shell(&mut self, text: &str, line: u32, scope: Scope) {
        let mut announced: Option<&str> = None;
        for word in text.split_whitespace() {
            let word = word.trim_matches(['"', '\'', '`', ';', ')', '(']);
            let before = announced.take();
            if word.starts_with('-') && !word.contains('=') && names::announces(word) {
                announced = Some(word);
            } else if let Some(flag) = before.filter(|_| !word.starts_with('-') && !word.starts_with('$')) {
                if reading::has_form(word) {
                    self.pieces(flag, word, Rule::Flag, line, scope);
                }
            } else {
                self.argument(word, line, scope);
            }
        }
    }

    /// Flags that spell images in pieces, as `--proxy-image` and `--proxy-image-tag` do. Gives the arguments that are read
    /// with it.
    fn flags_in_pieces(&mut self, elements: &'t [Node], scope: Scope) -> BTreeSet<usize> {
        let flags = flags(elements);
        let mut read = BTreeSet::new();
        if !flags.iter().any(|flag| split::may_be_version(flag.named.name)) {
            return read;
        }
        let named: Vec<Named<'_>> = flags.iter().map(|flag| flag.named).collect();
        let mut visit = |walk: &mut Self, name: &str, see: &dyn Fn(&mut Self, u32)| {
            for flag in flags.iter().filter(|flag| flag.named.name == name) {
                read.extend([flag.at, flag.value_at]);
                let line = elements.get(flag.value_at).map_or(0, |element| element.line);
                walk.within(&flag.value_at.to_string(), |walk| see(walk, line));
            }
        };
        for split in split::find(&named) {
            visit(self, split.repository, &|walk, line| {
                walk.pieced(&split, Rule::Flag, line, scope);
            });
            for other in split.others {
                visit(self, other, &|_, _| {});
            }
        }
        for open in split::untagged(&named) {
            visit(self, open.name, &|walk, line| {
                walk.weak(open.value, Rule::Flag, line, scope);
            });
        }
        read
    }
}
