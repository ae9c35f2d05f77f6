//! Collections in brackets and braces.

use super::{Collection, Parser, Place, Properties, Sink, empty};
use crate::goyaml::error::Error;
use crate::goyaml::scan::Kind;

impl Parser<'_> {
    pub(super) fn flow_sequence<S: Sink>(&mut self, sink: &mut S) -> Result<(), Error> {
        self.take()?;
        let mut first = true;
        while self.flow_goes_on(first, &Kind::FlowSequenceEnd, "did not find expected ',' or ']'")? {
            first = false;
            if self.peek()?.kind == Kind::Key {
                let properties = Properties::none(self.peek()?.start);
                self.nested(sink, Collection::Map, properties, Self::flow_pair)?;
            } else {
                self.node(sink, Place::Flow)?;
            }
        }
        Ok(())
    }

    /// Whether another entry comes; behind the last one, the bracket is taken.
    fn flow_goes_on(&mut self, first: bool, end: &Kind<'_>, problem: &str) -> Result<bool, Error> {
        if !first && self.peek()?.kind != *end {
            if self.peek()?.kind != Kind::FlowEntry {
                let at = self.peek()?.start;
                return Err(self.error(problem, at));
            }
            self.take()?;
        }
        if self.peek()?.kind == *end {
            self.take()?;
            return Ok(false);
        }
        Ok(true)
    }

    /// The only entry of a mapping that stands in a flow sequence without braces.
    fn flow_pair<S: Sink>(&mut self, sink: &mut S) -> Result<(), Error> {
        self.take()?;
        if self.ends_flow_pair()? || self.peek()?.kind == Kind::Value {
            // go-yaml takes the token behind a question mark without a key, whatever it is.
            let end = self.take()?.end;
            empty(sink, end)?;
        } else {
            self.node(sink, Place::Flow)?;
        }
        let at = self.peek()?.start;
        if self.peek()?.kind == Kind::Value {
            self.take()?;
            if !self.ends_flow_pair()? {
                return self.node(sink, Place::Flow);
            }
        }
        empty(sink, at)
    }

    fn ends_flow_pair(&mut self) -> Result<bool, Error> {
        Ok(matches!(
            self.peek()?.kind,
            Kind::FlowEntry | Kind::FlowSequenceEnd
        ))
    }

    pub(super) fn flow_mapping<S: Sink>(&mut self, sink: &mut S) -> Result<(), Error> {
        self.take()?;
        let mut first = true;
        while self.flow_goes_on(first, &Kind::FlowMappingEnd, "did not find expected ',' or '}'")? {
            first = false;
            if self.peek()?.kind != Kind::Key {
                self.node(sink, Place::Flow)?;
                let at = self.peek()?.start;
                empty(sink, at)?;
                continue;
            }
            self.take()?;
            if self.ends_flow_entry()? || self.peek()?.kind == Kind::Value {
                let at = self.peek()?.start;
                empty(sink, at)?;
            } else {
                self.node(sink, Place::Flow)?;
            }
            if self.peek()?.kind == Kind::Value {
                self.take()?;
                if !self.ends_flow_entry()? {
                    self.node(sink, Place::Flow)?;
                    continue;
                }
            }
            let at = self.peek()?.start;
            empty(sink, at)?;
        }
        Ok(())
    }

    fn ends_flow_entry(&mut self) -> Result<bool, Error> {
        Ok(matches!(
            self.peek()?.kind,
            Kind::FlowEntry | Kind::FlowMappingEnd
        ))
    }
}
