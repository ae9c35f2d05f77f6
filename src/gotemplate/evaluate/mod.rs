//! Running templates.

mod budget;
mod call;
mod field;
mod frame;
mod pipeline;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use budget::Budget;
pub use budget::Limits;
use frame::{Frame, Operand};

use super::error::{Error, ErrorKind, Limit};
use super::function::{Engine, State};
use super::map::Map;
use super::memory;
use super::probe::{NoProbe, Probe};
use super::strconv::quote;
use super::template::{Templates, add};
use super::text::GoString;
use super::tree::{Body, Source};
use super::value::Value;
use crate::deadline::Deadline;

type Result<T> = std::result::Result<T, Error>;

/// A run of templates, one after the other: they share the state, the limits and the probe.
///
/// ```
/// use std::sync::Arc;
/// use carrack::gotemplate::{Map, Render, Templates, Value, builtins};
///
/// let mut templates = Templates::new(Arc::new(builtins()));
/// templates.parse("greeting", "{{ range .names }}Hello {{ . | printf \"%q\" }}! {{ end }}").unwrap();
///
/// let names = ["Ada", "Grace"].map(Value::from).to_vec();
/// let data: Map = [("names", Value::List(names.into_iter().collect()))].into_iter().collect();
/// let text = Render::new(&templates).run("greeting", &data.into()).unwrap();
/// assert_eq!(text, br#"Hello "Ada"! Hello "Grace"! "#);
/// ```
#[derive(Debug)]
pub struct Render<'t, P: Probe = NoProbe> {
    templates: &'t Templates,
    state: State,
    budget: Budget,
    probe: P,
}

impl<'t> Render<'t> {
    /// A run with the default limits that nobody watches.
    pub fn new(templates: &'t Templates) -> Self {
        Self::watched(templates, NoProbe)
    }
}

impl<'t, P: Probe> Render<'t, P> {
    /// A run that a probe watches.
    pub fn watched(templates: &'t Templates, probe: P) -> Self {
        Self {
            templates,
            state: State::default(),
            budget: Budget::new(Limits::default()),
            probe,
        }
    }

    /// Sets the limits. They hold for all templates of this run together.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.budget = Budget::new(limits);
        self
    }

    /// Gives the functions what they need from the embedding program.
    #[must_use]
    pub fn state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// Runs a template and gives what it prints.
    pub fn run(&mut self, name: &str, data: &Value) -> Result<Vec<u8>> {
        let (out, end) = self.run_as_far(name, data);
        end.map(|()| out)
    }

    /// Runs a template and gives what it prints until it ends or fails, with the whole lines of what `include` and `tpl` had
    /// captured by then.
    pub fn run_as_far(&mut self, name: &str, data: &Value) -> (Vec<u8>, Result<()>) {
        let _ceiling = memory::Ceiling::set(self.budget.limits().memory);
        self.budget.start();
        let _deadline = Deadline::at(self.budget.deadline());
        self.probe.begin(name);
        let mut evaluation = Evaluation {
            templates: self.templates,
            overlay: None,
            state: &self.state,
            budget: &mut self.budget,
            probe: &mut self.probe,
            out: Vec::new(),
            depth: 0,
            captures: 0,
            source: None,
            variables: 0,
        };
        let end = evaluation
            .named(name.as_bytes())
            .and_then(|body| evaluation.execute(&body, Operand::of(data.clone()).unboxed()));
        (evaluation.out, end)
    }

    /// The probe, to read what it saw.
    pub fn probe(&self) -> &P {
        &self.probe
    }

    /// The probe, to keep.
    pub fn into_probe(self) -> P {
        self.probe
    }
}

/// Templates that exist inside one `tpl` call only.
struct Overlay {
    bodies: HashMap<GoString, Arc<Body>>,
    below: Option<Rc<Self>>,
}

/// The state of a run.
struct Evaluation<'e, P: Probe> {
    templates: &'e Templates,
    overlay: Option<Rc<Overlay>>,
    state: &'e State,
    budget: &'e mut Budget,
    probe: &'e mut P,
    out: Vec<u8>,
    depth: usize,
    /// How many captured texts the running template writes into; 0 if it writes to the output.
    captures: usize,
    source: Option<Arc<Source>>,
    /// How many variables live below the running template.
    variables: u64,
}

impl<P: Probe> Evaluation<'_, P> {
    fn body(&self, name: &[u8]) -> Option<Arc<Body>> {
        let mut overlay = self.overlay.as_ref();
        while let Some(here) = overlay {
            if let Some(body) = here.bodies.get(name) {
                return Some(Arc::clone(body));
            }
            overlay = here.below.as_ref();
        }
        self.templates.body(name).cloned()
    }

    fn named(&self, name: &[u8]) -> Result<Arc<Body>> {
        self.body(name).ok_or_else(|| Error {
            kind: ErrorKind::Execution,
            place: None,
            message: format!(
                "no template {} associated with template {}",
                String::from_utf8_lossy(&quote(name)),
                String::from_utf8_lossy(&quote(self.templates.root().as_bytes()))
            ),
        })
    }

    /// Runs a template to the end of the output.
    fn execute(&mut self, body: &Arc<Body>, data: Operand) -> Result<()> {
        if self.depth >= self.budget.limits().depth {
            return Err(self.budget.exceeded(Limit::Depth));
        }
        self.depth += 1;
        let source = self.source.replace(Arc::clone(&body.source));
        let mut frame = Frame::new(body, data);
        let result = stacker::maybe_grow(128 << 10, 4 << 20, || {
            let dot = frame.dollar();
            self.walk(&mut frame, &dot, &body.nodes)
        });
        self.source = source;
        self.depth -= 1;
        result.map(|_| ())
    }

    /// Runs a template into a text of its own.
    fn captured(&mut self, body: &Arc<Body>, data: &Value) -> Result<GoString> {
        let outer = std::mem::take(&mut self.out);
        self.captures += 1;
        // No data is no value, as for `template`: a nil kept as one would fail at its first field.
        let result = self.execute(body, Operand::of(data.clone()).unboxed());
        self.captures -= 1;
        let inner = std::mem::replace(&mut self.out, outer);
        if result.is_err() {
            let end = inner
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            self.out.extend(inner.get(..end).unwrap_or_default());
        }
        result.map(|()| GoString::from(inner))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.budget.produced(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}

impl<P: Probe> Engine for Evaluation<'_, P> {
    fn include(&mut self, name: &[u8], data: &Value) -> Result<GoString> {
        let body = self.named(name)?;
        self.captured(&body, data)
    }

    fn evaluate(&mut self, name: &[u8], text: &GoString, data: &Value) -> Result<GoString> {
        if !text.windows(2).any(|w| w == b"{{") {
            return Ok(text.clone());
        }
        self.budget.worked(text.len() * 8)?;
        let shown = String::from_utf8_lossy(name);
        let parsed = self.templates.parse_once(&shown, text)?;
        let trees = memory::Held::new(parsed.weight);
        let _trees = trees.map_err(|_| self.budget.exceeded(Limit::Memory))?;
        let mut bodies = HashMap::new();
        let mut main = None;
        for body in parsed.all.iter() {
            if body.name.as_bytes() == shown.as_bytes() {
                main = Some(Arc::clone(body));
            }
            if !body.empty || self.body(&body.name).is_none() {
                add(&mut bodies, Arc::clone(body));
            }
        }
        let Some(main) = main else {
            return Ok(GoString::default());
        };
        let below = self.overlay.take();
        self.overlay = Some(Rc::new(Overlay {
            bodies,
            below: below.clone(),
        }));
        let result = self.captured(&main, data);
        self.overlay = below;
        result
    }

    fn defines(&self, name: &[u8]) -> bool {
        self.body(name).is_some()
    }

    fn file(&self) -> &str {
        self.source.as_ref().map_or("", |s| s.name.as_str())
    }

    fn state(&self) -> &State {
        self.state
    }

    fn required(&mut self, message: &[u8], value: &Value) {
        self.probe.required(message, value);
    }

    fn capability(&mut self, name: &[u8], has: bool) {
        self.probe.capability(name, has);
    }

    fn read(&mut self, map: &Map, key: &[u8]) {
        self.probe.read(map, key);
    }

    fn compared(&mut self, values: &[Value]) {
        self.probe.compared(values);
    }
}

impl<P: Probe> Evaluation<'_, P> {
    fn check_memory(&self) -> Result<()> {
        if memory::exceeded() {
            return Err(self.budget.exceeded(Limit::Memory));
        }
        Ok(())
    }
}
