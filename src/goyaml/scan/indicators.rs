//! Indicators: what opens, parts and closes collections.

use super::{Bracket, Candidate, Kind, Scanner, Wrong};

impl<'a> Scanner<'a> {
    pub(super) fn leave_block(&mut self) -> Result<(), Wrong> {
        self.unindent_to(None);
        self.drop_candidate()?;
        self.key_allowed = false;
        Ok(())
    }

    pub(super) fn fetch_end(&mut self) -> Result<(), Wrong> {
        self.cursor.end_line();
        self.leave_block()?;
        let end = self.end();
        self.tokens.push_back(end);
        self.ended = true;
        Ok(())
    }

    pub(super) fn fetch_opening(&mut self, kind: Kind<'a>) -> Result<(), Wrong> {
        self.save_candidate()?;
        self.brackets.push(Bracket {
            token: self.next_number(),
            had_candidate: false,
        });
        self.key_allowed = true;
        self.push_indicator(kind, 1);
        Ok(())
    }

    pub(super) fn fetch_closing(&mut self, kind: Kind<'a>) -> Result<(), Wrong> {
        self.drop_candidate()?;
        // go-yaml does not wait for the colon behind a bracket without candidates, such as `{}`.
        if let Some(bracket) = self.brackets.pop()
            && !bracket.had_candidate
            && let Some(candidate) = self.candidates.last_mut()
            && candidate.token == bracket.token
        {
            candidate.awaited = false;
        }
        self.key_allowed = false;
        self.push_indicator(kind, 1);
        Ok(())
    }

    pub(super) fn fetch_entry(&mut self) -> Result<(), Wrong> {
        if self.brackets.is_empty() {
            if !self.key_allowed {
                return self.wrong("block sequence entries are not allowed in this context");
            }
            self.open_block(Kind::BlockSequenceStart);
        }
        self.drop_candidate()?;
        self.key_allowed = true;
        self.push_indicator(Kind::BlockEntry, 1);
        Ok(())
    }

    fn open_block(&mut self, kind: Kind<'a>) {
        let mark = self.cursor.mark();
        self.indent_to(mark.column, self.next_number(), kind, mark);
    }

    pub(super) fn fetch_key(&mut self) -> Result<(), Wrong> {
        if self.brackets.is_empty() {
            if !self.key_allowed {
                return self.wrong("mapping keys are not allowed in this context");
            }
            self.open_block(Kind::BlockMappingStart);
        }
        self.drop_candidate()?;
        self.key_allowed = self.brackets.is_empty();
        self.push_indicator(Kind::Key, 1);
        Ok(())
    }

    pub(super) fn fetch_value(&mut self) -> Result<(), Wrong> {
        let candidate = match self.candidate() {
            Some((index, candidate)) if self.is_alive(index)? => Some(candidate),
            _ => None,
        };
        if let Some(Candidate { token, mark, .. }) = candidate {
            self.insert(token, Kind::Key, mark);
            self.indent_to(mark.column, token, Kind::BlockMappingStart, mark);
            self.candidates.pop();
            self.key_allowed = false;
        } else {
            if self.brackets.is_empty() {
                if !self.key_allowed {
                    return self.wrong("mapping values are not allowed in this context");
                }
                self.open_block(Kind::BlockMappingStart);
            }
            self.key_allowed = self.brackets.is_empty();
        }
        self.push_indicator(Kind::Value, 1);
        Ok(())
    }
}
