//! DER, element by element: for the few structures around signatures that are read here.

use spki::der::asn1::ObjectIdentifier;
use spki::der::{AnyRef, Decode as _, Encode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

use crate::trust::Error;

/// The elements of one constructed element, or of a whole text, in their order.
pub(in crate::trust) struct Elements<'a> {
    what: &'static str,
    reader: SliceReader<'a>,
    next: Option<AnyRef<'a>>,
}

/// One element.
#[derive(Clone, Copy)]
pub(in crate::trust) struct Element<'a> {
    what: &'static str,
    any: AnyRef<'a>,
}

fn malformed(what: &'static str) -> Error {
    Error::Malformed {
        what,
        problem: "its DER bytes are not well formed",
    }
}

impl<'a> Elements<'a> {
    fn over(what: &'static str, bytes: &'a [u8]) -> Result<Self, Error> {
        let reader = SliceReader::new(bytes).map_err(|_| malformed(what))?;
        let mut elements = Self {
            what,
            reader,
            next: None,
        };
        elements.advance()?;
        Ok(elements)
    }

    fn advance(&mut self) -> Result<(), Error> {
        let read = |reader: &mut SliceReader<'a>| AnyRef::decode(reader).map_err(|_| malformed(self.what));
        self.next = if self.reader.is_finished() {
            None
        } else {
            Some(read(&mut self.reader)?)
        };
        Ok(())
    }

    /// The next one, whatever it is; `None` at the end.
    pub(in crate::trust) fn any(&mut self) -> Result<Option<Element<'a>>, Error> {
        let Some(any) = self.next else { return Ok(None) };
        self.advance()?;
        Ok(Some(Element { what: self.what, any }))
    }

    /// The next one, which must be of this type.
    pub(in crate::trust) fn one(&mut self, tag: Tag) -> Result<Element<'a>, Error> {
        self.optional(tag)?.ok_or_else(|| malformed(self.what))
    }

    /// The next one, if it is of this type.
    pub(in crate::trust) fn optional(&mut self, tag: Tag) -> Result<Option<Element<'a>>, Error> {
        if self.next.is_some_and(|next| next.tag() == tag) {
            return self.any();
        }
        Ok(None)
    }

    /// The next one, if it has this context-specific number and holds others.
    pub(in crate::trust) fn numbered(&mut self, number: u32) -> Result<Option<Element<'a>>, Error> {
        self.optional(Tag::ContextSpecific {
            constructed: true,
            number: TagNumber(number),
        })
    }
}

impl<'a> Element<'a> {
    /// A text that is one element of this type and nothing else.
    pub(in crate::trust) fn whole(what: &'static str, tag: Tag, bytes: &'a [u8]) -> Result<Self, Error> {
        let any = AnyRef::from_der(bytes).map_err(|_| malformed(what))?;
        if any.tag() == tag {
            Ok(Self { what, any })
        } else {
            Err(malformed(what))
        }
    }

    /// Its type.
    pub(in crate::trust) fn tag(self) -> Tag {
        self.any.tag()
    }

    /// What stands in it.
    pub(in crate::trust) fn value(self) -> &'a [u8] {
        self.any.value()
    }

    /// The elements in it.
    pub(in crate::trust) fn elements(self) -> Result<Elements<'a>, Error> {
        Elements::over(self.what, self.any.value())
    }

    /// The object identifier that it is.
    pub(in crate::trust) fn oid(self) -> Result<ObjectIdentifier, Error> {
        self.any.decode_as().map_err(|_| malformed(self.what))
    }

    /// The object identifier that it begins with: an algorithm's.
    pub(in crate::trust) fn algorithm(self) -> Result<ObjectIdentifier, Error> {
        self.elements()?.one(Tag::ObjectIdentifier)?.oid()
    }

    /// The whole of it, type and length too.
    pub(in crate::trust) fn der(self) -> Result<Vec<u8>, Error> {
        self.any.to_der().map_err(|_| malformed(self.what))
    }

    /// The seconds since 1970 of the time that it is. Parts of seconds, which timestamps may have, are left out.
    pub(in crate::trust) fn time(self) -> Result<i64, Error> {
        let text = std::str::from_utf8(self.value()).map_err(|_| malformed(self.what))?;
        let text = text.strip_suffix('Z').ok_or_else(|| malformed(self.what))?;
        let (digits, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let century = match (self.tag(), digits.len()) {
            (Tag::GeneralizedTime, 14) => "",
            // Two digits of the year: RFC 5280 ends them with 2049.
            (Tag::UtcTime, 12) if digits < "50" => "20",
            (Tag::UtcTime, 12) => "19",
            _ => return Err(malformed(self.what)),
        };
        if !(digits.bytes().chain(fraction.bytes())).all(|byte| byte.is_ascii_digit()) {
            return Err(malformed(self.what));
        }
        let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", format!("{century}{digits}"))
            .and_then(|time| jiff::tz::TimeZone::UTC.to_timestamp(time))
            .map_err(|_| malformed(self.what))?;
        Ok(time.as_second())
    }
}

/// Content with a type and a length before it.
pub(in crate::trust) fn element(what: &'static str, tag: Tag, value: &[u8]) -> Result<Vec<u8>, Error> {
    AnyRef::new(tag, value)
        .and_then(|any| any.to_der())
        .map_err(|_| malformed(what))
}
