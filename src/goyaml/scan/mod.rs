//! From text to tokens: indentation becomes brackets, and a key is known by the colon behind it.
//!
//! What is accepted, and the words for what is not, are go-yaml v2's. A node may turn out to be a key only when its
//! colon comes, so tokens wait in a queue as long as the first of them is such a *candidate*; a candidate ends with its
//! line, or 1,024 characters later.

mod cursor;
mod indicators;
mod scalar;
mod tag;
mod token;

use std::collections::VecDeque;

use cursor::Cursor;

pub(crate) use cursor::Mark;
pub(crate) use token::{Kind, Token};

/// How far behind its start the colon of a key may stand, in characters.
const KEY_CAP: usize = 1024;

/// What is wrong with a text, and where the scanner stood.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) problem: &'static str,
    pub(crate) at: Mark,
}

/// A node that is a key if a colon follows.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// How many brackets were open.
    level: usize,
    /// Its number among all tokens.
    token: usize,
    /// Whether nothing else can stand here.
    required: bool,
    /// Whether the queue waits for its colon.
    awaited: bool,
    mark: Mark,
}

/// An open bracket.
#[derive(Clone, Copy, Debug)]
struct Bracket {
    /// Its number among all tokens.
    token: usize,
    /// Whether any node in it could have been a key.
    had_candidate: bool,
}

/// The scanner of a text.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    cursor: Cursor<'a>,
    tokens: VecDeque<Token<'a>>,
    /// How many tokens were taken.
    taken: usize,
    /// Column of the innermost block collection, and of those around it; `None` outside of all.
    indent: Option<usize>,
    outer_indents: Vec<Option<usize>>,
    brackets: Vec<Bracket>,
    /// Whether a key may start here.
    key_allowed: bool,
    /// Possible keys, at most one per level, outermost first.
    candidates: Vec<Candidate>,
    /// Whether the first token of the queue is certain.
    ready: bool,
    /// Whether the end of the text is in the queue or was taken.
    ended: bool,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            cursor: Cursor::new(text),
            tokens: VecDeque::new(),
            taken: 0,
            indent: None,
            outer_indents: Vec::new(),
            brackets: Vec::new(),
            key_allowed: true,
            candidates: Vec::new(),
            ready: false,
            ended: false,
        }
    }

    /// How many bytes were looked at.
    pub(crate) fn offset(&self) -> usize {
        self.cursor.offset()
    }

    /// Where the scanner stands.
    pub(crate) fn mark(&self) -> Mark {
        self.cursor.mark()
    }

    /// Scans until the next token is known.
    pub(crate) fn prepare(&mut self) -> Result<(), Wrong> {
        if self.ready {
            return Ok(());
        }
        while self.needs_more()? && !self.ended {
            self.fetch()?;
        }
        self.ready = true;
        Ok(())
    }

    /// The next token, if it is known.
    pub(crate) fn known(&self) -> Option<&Token<'a>> {
        if self.ready { self.tokens.front() } else { None }
    }

    /// Takes the next token; behind the last one, more of its kind come.
    pub(crate) fn take(&mut self) -> Result<Token<'a>, Wrong> {
        self.prepare()?;
        self.ready = false;
        self.taken += 1;
        Ok(self.tokens.pop_front().unwrap_or_else(|| self.end()))
    }

    /// The token at the end of the text.
    pub(crate) fn end(&self) -> Token<'a> {
        let mark = self.cursor.mark();
        Token {
            kind: Kind::StreamEnd,
            start: mark,
            end: mark,
        }
    }

    fn wrong<T>(&self, problem: &'static str) -> Result<T, Wrong> {
        Err(Wrong {
            problem,
            at: self.cursor.mark(),
        })
    }

    /// Whether the first token may still turn out to stand behind a key token.
    fn needs_more(&mut self) -> Result<bool, Wrong> {
        if self.tokens.is_empty() {
            return Ok(true);
        }
        match self
            .candidates
            .binary_search_by_key(&self.taken, |candidate| candidate.token)
        {
            Ok(index) if self.candidates.get(index).is_some_and(|c| c.awaited) => self.is_alive(index),
            _ => Ok(false),
        }
    }

    /// Whether a colon here would make the candidate a key; if not, it is none any more.
    fn is_alive(&mut self, index: usize) -> Result<bool, Wrong> {
        let Some(candidate) = self.candidates.get(index).copied() else {
            return Ok(false);
        };
        let here = self.cursor.mark();
        if candidate.mark.line == here.line && candidate.mark.index + KEY_CAP >= here.index {
            return Ok(true);
        }
        if candidate.required {
            return self.wrong("could not find expected ':'");
        }
        self.candidates.remove(index);
        Ok(false)
    }

    /// The candidate of the current level.
    fn candidate(&self) -> Option<(usize, Candidate)> {
        let last = self.candidates.last().copied()?;
        (last.level == self.brackets.len()).then_some((self.candidates.len() - 1, last))
    }

    /// A node starts here.
    fn save_candidate(&mut self) -> Result<(), Wrong> {
        if self.key_allowed {
            let mark = self.cursor.mark();
            let required = self.brackets.is_empty() && self.indent == Some(mark.column);
            self.drop_candidate()?;
            self.candidates.push(Candidate {
                level: self.brackets.len(),
                token: self.next_number(),
                required,
                awaited: true,
                mark,
            });
            if let Some(bracket) = self.brackets.last_mut() {
                bracket.had_candidate = true;
            }
        }
        Ok(())
    }

    fn drop_candidate(&mut self) -> Result<(), Wrong> {
        if let Some((_, candidate)) = self.candidate() {
            if candidate.required {
                return self.wrong("could not find expected ':'");
            }
            self.candidates.pop();
        }
        Ok(())
    }

    /// The number of the next token.
    fn next_number(&self) -> usize {
        self.taken + self.tokens.len()
    }

    /// Puts a token before the one with a number, or last if that one is gone.
    fn insert(&mut self, number: usize, kind: Kind<'a>, mark: Mark) {
        let index = number.checked_sub(self.taken).unwrap_or(self.tokens.len());
        let token = Token {
            kind,
            start: mark,
            end: mark,
        };
        self.tokens.insert(index.min(self.tokens.len()), token);
    }

    fn push(&mut self, kind: Kind<'a>, start: Mark) {
        let end = self.cursor.mark();
        self.tokens.push_back(Token { kind, start, end });
    }

    /// A token of `bytes` ASCII characters.
    fn push_indicator(&mut self, kind: Kind<'a>, bytes: usize) {
        let start = self.cursor.mark();
        self.cursor.advance_ascii(bytes);
        self.push(kind, start);
    }

    /// Opens a block collection at `column`, unless it is open; `number` says before which token.
    fn indent_to(&mut self, column: usize, number: usize, kind: Kind<'a>, mark: Mark) {
        if !self.brackets.is_empty() || self.indent.is_some_and(|indent| indent >= column) {
            return;
        }
        self.outer_indents.push(self.indent);
        self.indent = Some(column);
        self.insert(number, kind, mark);
    }

    /// Closes the block collections that are indented more than `column`, or all of them.
    fn unindent_to(&mut self, column: Option<usize>) {
        if !self.brackets.is_empty() {
            return;
        }
        while self.indent > column {
            let mark = self.cursor.mark();
            self.push(Kind::BlockEnd, mark);
            self.indent = self.outer_indents.pop().flatten();
        }
    }

    /// Puts the next token into the queue.
    fn fetch(&mut self) -> Result<(), Wrong> {
        self.skip_to_token();
        self.unindent_to(Some(self.cursor.column()));
        let Some(byte) = self.cursor.peek() else {
            return self.fetch_end();
        };
        let in_flow = !self.brackets.is_empty();
        let before_blank = self.cursor.is_blank_or_end(1);
        match byte {
            b'%' if self.cursor.column() == 0 => {
                self.leave_block()?;
                self.scan_directive()
            }
            b'-' | b'.' if self.cursor.document_marker().is_some() => {
                self.leave_block()?;
                let kind = if byte == b'-' {
                    Kind::DocumentStart
                } else {
                    Kind::DocumentEnd
                };
                self.push_indicator(kind, 3);
                Ok(())
            }
            b'[' => self.fetch_opening(Kind::FlowSequenceStart),
            b'{' => self.fetch_opening(Kind::FlowMappingStart),
            b']' => self.fetch_closing(Kind::FlowSequenceEnd),
            b'}' => self.fetch_closing(Kind::FlowMappingEnd),
            b',' => {
                self.drop_candidate()?;
                self.key_allowed = true;
                self.push_indicator(Kind::FlowEntry, 1);
                Ok(())
            }
            b'-' if before_blank => self.fetch_entry(),
            b'?' if in_flow || before_blank => self.fetch_key(),
            b':' if in_flow || before_blank => self.fetch_value(),
            b'*' | b'&' => {
                self.save_candidate()?;
                self.key_allowed = false;
                self.scan_anchor(byte == b'*')
            }
            b'!' => {
                self.save_candidate()?;
                self.key_allowed = false;
                self.scan_tag()
            }
            b'|' | b'>' if !in_flow => {
                self.drop_candidate()?;
                self.key_allowed = true;
                self.scan_block(byte == b'|')
            }
            b'\'' | b'"' => {
                self.save_candidate()?;
                self.key_allowed = false;
                self.scan_quoted(byte)
            }
            b'\t' | b'#' | b'|' | b'>' | b'%' | b'@' | b'`' => {
                self.wrong("found character that cannot start any token")
            }
            // All of these that have a blank behind them are indicators and were seen above.
            _ => {
                self.save_candidate()?;
                self.key_allowed = false;
                self.scan_plain()
            }
        }
    }

    /// Goes behind blanks, comments and line breaks. A tab is no indentation.
    fn skip_to_token(&mut self) {
        loop {
            while match self.cursor.peek() {
                Some(b' ') => true,
                Some(b'\t') => !self.brackets.is_empty() || !self.key_allowed,
                _ => false,
            } {
                self.cursor.advance_ascii(1);
            }
            if self.cursor.peek() == Some(b'#') {
                self.cursor.skip_line();
            }
            if self.cursor.take_break().is_empty() {
                return;
            }
            if self.brackets.is_empty() {
                self.key_allowed = true;
            }
        }
    }
}
