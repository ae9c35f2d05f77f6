//! What a render lets others watch: which keys are read, which branches are taken, what is compared.

use super::map::Map;
use super::value::Value;

/// A place in a template's text that decides something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site<'a> {
    /// The file.
    pub file: &'a str,
    /// The template inside the file.
    pub template: &'a [u8],
    /// The place of the pipeline that decides, in bytes.
    pub offset: usize,
}

/// Which way a decision went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// `if`, `with` or `range` ran their body.
    Body,
    /// They ran what follows `else`, or nothing.
    Otherwise,
}

/// Watches a render. Every method has an empty body, so that one implements what one needs; with [`NoProbe`] the
/// compiler leaves nothing of them.
pub trait Probe {
    /// A template is about to be run by [`Render::run`](super::Render::run); not told for those that it calls.
    fn begin(&mut self, name: &str) {
        let _ = name;
    }

    /// A part of the running template's output was written by the node at a place: `verbatim` if it is the template's
    /// own text from there on. What `include` and `tpl` capture is told once, when their result is printed.
    fn wrote(&mut self, site: Site<'_>, output: &[u8], verbatim: bool) {
        let _ = (site, output, verbatim);
    }

    /// A function is about to be called, or `range` about to iterate, with these values.
    fn called(&mut self, function: &str, values: &[Value]) {
        let _ = (function, values);
    }

    /// A key of a map was read, whether it exists or not. `map.id()` tells which map.
    fn read(&mut self, map: &Map, key: &[u8]) {
        let _ = (map, key);
    }

    /// The pipeline of a condition is about to be evaluated; conditions nest through `include`.
    fn enter_condition(&mut self, site: Site<'_>) {
        let _ = site;
    }

    /// The condition that was entered last has its outcome (none when it failed).
    fn leave_condition(&mut self, site: Site<'_>, outcome: Option<Outcome>) {
        let _ = (site, outcome);
    }

    /// A variable gets a value; `variable` is unique during the render while the variable lives.
    fn enter_assignment(&mut self) {}

    /// The assignment that was entered last is done. `variable` tells the variable from all others that live.
    fn leave_assignment(&mut self, variable: u64) {
        let _ = variable;
    }

    /// A variable is read.
    fn read_variable(&mut self, variable: u64) {
        let _ = variable;
    }

    /// Values were compared (`eq`, `ne`, `has`, …).
    fn compared(&mut self, values: &[Value]) {
        let _ = values;
    }

    /// A required value was asked for.
    fn required(&mut self, message: &[u8], value: &Value) {
        let _ = (message, value);
    }

    /// A capability was asked for.
    fn capability(&mut self, name: &[u8], has: bool) {
        let _ = (name, has);
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProbe;

impl Probe for NoProbe {}
