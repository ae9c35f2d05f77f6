//! The wire format of SSH: lengths of four bytes before each string.

use super::Error;

/// Reads one blob from front to back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Wire<'a> {
    /// A reader that calls the blob `what` in its errors.
    pub(super) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { rest: bytes, what }
    }

    fn cut_short(&self) -> Error {
        Error::Malformed {
            what: self.what,
            problem: "it ends too early",
        }
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| self.cut_short())?;
        self.rest = rest;
        Ok(taken)
    }

    /// One byte.
    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        let cut_short = self.cut_short();
        self.take(1)?.first().copied().ok_or(cut_short)
    }

    /// A number of four bytes.
    pub(super) fn number(&mut self) -> Result<u32, Error> {
        let cut_short = self.cut_short();
        let bytes: [u8; 4] = self.take(4)?.try_into().map_err(|_| cut_short)?;
        Ok(u32::from_be_bytes(bytes))
    }

    /// A string: its length and its bytes.
    pub(super) fn string(&mut self) -> Result<&'a [u8], Error> {
        let length = usize::try_from(self.number()?).map_err(|_| self.cut_short())?;
        self.take(length)
    }

    /// A string that must be text.
    pub(super) fn text(&mut self) -> Result<&'a str, Error> {
        let what = self.what;
        std::str::from_utf8(self.string()?).map_err(|_| Error::Malformed {
            what,
            problem: "a name in it is no text",
        })
    }

    /// A positive number of any length, without the zero that keeps its sign.
    pub(super) fn integer(&mut self) -> Result<&'a [u8], Error> {
        let bytes = self.string()?;
        Ok(bytes.strip_prefix(&[0]).unwrap_or(bytes))
    }

    /// Nothing may follow.
    pub(super) fn end(self) -> Result<(), Error> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(Error::Malformed {
            what: self.what,
            problem: "more bytes follow than it says",
        })
    }
}

/// Puts a string behind what is there.
pub(super) fn put_string(bytes: &mut Vec<u8>, string: &[u8]) {
    let length = u32::try_from(string.len()).expect("what is signed here is a name or a hash");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(string);
}
