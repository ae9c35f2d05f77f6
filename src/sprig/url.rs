//! Addresses: `urlParse` and `urlJoin`, with the rules of Go's `net/url`.

use std::net::Ipv6Addr;

use super::reflect::kind_of;
use super::{Bytes, find};
use crate::gotemplate::{Arguments, Failure, Function, GoString, Map, Type, Value, strconv};

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::plain("urlParse", &[Type::STRING], parse),
        Function::plain("urlJoin", &[Type::ANY_MAP], join),
    ]
}

/// Where in an address a text stands; each place escapes other characters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    User,
    Host,
    Zone,
    Fragment,
}

/// The parts of an address, unescaped but for the query.
#[derive(Default)]
struct Url {
    scheme: Bytes,
    opaque: Bytes,
    user: Option<(Bytes, Option<Bytes>)>,
    host: Bytes,
    path: Bytes,
    /// The path as it is written.
    written_path: Bytes,
    query: Bytes,
    fragment: Bytes,
}

/// What others want to know of an address that Go's parser takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlParts {
    /// Whether it names a scheme.
    pub is_absolute: bool,
    /// The host without port and brackets.
    pub hostname: String,
    /// The path, its escapes as they are written.
    pub written_path: String,
}

/// The parts of an address; nothing if Go's parser refuses it.
pub fn url_parts(text: &str) -> Option<UrlParts> {
    let url = Url::parse(text.as_bytes()).ok()?;
    Some(UrlParts {
        is_absolute: !url.scheme.is_empty(),
        hostname: String::from_utf8_lossy(url.hostname()).into_owned(),
        written_path: String::from_utf8_lossy(&url.written_path).into_owned(),
    })
}

fn parse(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let url =
        Url::parse(arguments.text(0)?).map_err(|e| Failure::from(format!("unable to parse url: {e}")))?;
    let user = url.user_text();
    let hostname = url.hostname().to_vec();
    let parts = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", user),
    ];
    let entries = parts.into_iter().map(|(name, part)| (name, Value::string(part)));
    Ok(entries.collect::<Map>().into())
}

fn join(arguments: Arguments<'_>) -> Result<Value, Failure> {
    let map = arguments.map(0)?;
    let mut url = Url {
        scheme: part(map, "scheme")?,
        host: part(map, "host")?,
        path: part(map, "path")?,
        query: part(map, "query")?,
        opaque: part(map, "opaque")?,
        fragment: part(map, "fragment")?,
        ..Url::default()
    };
    let user = part(map, "userinfo")?;
    if !user.is_empty() {
        let with_user = Url::parse(&[b"proto://", user.as_slice(), b"@host"].concat());
        let with_user =
            with_user.map_err(|e| Failure::from(format!("unable to parse userinfo in dict: {e}")))?;
        url.user = with_user.user;
    }
    Ok(Value::string(url.text()))
}

/// A part out of the dictionary; none is the empty text.
fn part(map: &Map, name: &str) -> Result<Bytes, Failure> {
    match map.get(name.as_bytes()) {
        None => Ok(Bytes::new()),
        Some(Value::String(text)) => Ok(text.to_vec()),
        Some(value) if value.is_nil() => {
            Err("runtime error: invalid memory address or nil pointer dereference".into())
        }
        Some(value) => Err(Failure::from(format!(
            "unable to parse {name} key, must be of type string, but {} found",
            kind_of(&value)
        ))),
    }
}

impl Url {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let failed = |why: String| format!("parse {}: {why}", shown(text));
        let (rest, fragment) = cut(text, b'#');
        let mut url =
            Self::parse_without_fragment(rest).map_err(|why| format!("parse {}: {why}", shown(rest)))?;
        if !fragment.is_empty() {
            url.fragment = unescaped(fragment, Place::Fragment).map_err(failed)?;
        }
        Ok(url)
    }

    fn parse_without_fragment(text: &[u8]) -> Result<Self, String> {
        if text.iter().any(u8::is_ascii_control) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut url = Self::default();
        let (scheme, rest) = scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = cut(rest, b'?');
        url.query = query.to_vec();
        if !rest.starts_with(b"/") {
            if !scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if let Some(authority) = rest
            .strip_prefix(b"//")
            .filter(|a| !scheme.is_empty() || !a.starts_with(b"/"))
        {
            let end = authority
                .iter()
                .position(|b| *b == b'/')
                .unwrap_or(authority.len());
            let (authority, path) = authority.split_at(end);
            url.read_authority(authority)?;
            rest = path;
        }
        url.path = unescaped(rest, Place::Path)?;
        url.written_path = rest.to_vec();
        Ok(url)
    }

    fn read_authority(&mut self, authority: &[u8]) -> Result<(), String> {
        let Some(at) = authority.iter().rposition(|b| *b == b'@') else {
            self.host = host(authority)?;
            return Ok(());
        };
        let (user, rest) = authority.split_at(at);
        self.host = host(rest.get(1..).unwrap_or_default())?;
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b);
        if !user.iter().all(allowed) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        let (name, password) = cut(user, b':');
        let password = user.contains(&b':').then(|| unescaped(password, Place::User));
        self.user = Some((unescaped(name, Place::User)?, password.transpose()?));
        Ok(())
    }

    fn user_text(&self) -> Bytes {
        match &self.user {
            None => Bytes::new(),
            Some((name, None)) => escaped(name, Place::User),
            Some((name, Some(password))) => [
                escaped(name, Place::User),
                b":".to_vec(),
                escaped(password, Place::User),
            ]
            .concat(),
        }
    }

    /// The host without port and brackets.
    fn hostname(&self) -> &[u8] {
        let mut host = self.host.as_slice();
        if let Some(colon) = host.iter().rposition(|b| *b == b':') {
            let (name, port) = host.split_at(colon);
            if is_port(port) {
                host = name;
            }
        }
        let inside = host.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]"));
        inside.unwrap_or(host)
    }

    fn text(&self) -> Bytes {
        let mut out = Bytes::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            let named = !self.host.is_empty() || self.user.is_some();
            if named || (!self.scheme.is_empty() && !self.path.is_empty()) {
                out.extend_from_slice(b"//");
                if self.user.is_some() {
                    out.extend(self.user_text());
                    out.push(b'@');
                }
                out.extend(escaped(&self.host, Place::Host));
            }
            let path = if self.path == b"*" {
                self.path.clone()
            } else {
                escaped(&self.path, Place::Path)
            };
            if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
                out.push(b'/');
            }
            // A colon in the first segment would make a scheme of it.
            if out.is_empty() && cut(&path, b'/').0.contains(&b':') {
                out.extend_from_slice(b"./");
            }
            out.extend(path);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend(escaped(&self.fragment, Place::Fragment));
        }
        out
    }
}

fn shown(text: &[u8]) -> GoString {
    strconv::quote(text).into()
}

/// What stands before and after the first mark.
fn cut(text: &[u8], mark: u8) -> (&[u8], &[u8]) {
    match text.iter().position(|b| *b == mark) {
        Some(at) => {
            let (before, after) = text.split_at(at);
            (before, after.get(1..).unwrap_or_default())
        }
        None => (text, b""),
    }
}

/// The scheme before a colon, if the text begins with one, and the rest.
fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => {
                let (scheme, rest) = text.split_at(at);
                return Ok((scheme, rest.get(1..).unwrap_or_default()));
            }
            _ => break,
        }
    }
    Ok((b"", text))
}

/// Nothing, or a colon and digits.
fn is_port(text: &[u8]) -> bool {
    match text.split_first() {
        None => true,
        Some((b':', digits)) => digits.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    }
}

fn host(text: &[u8]) -> Result<Bytes, String> {
    let wrong_port = |port: &[u8]| format!("invalid port {} after host", shown(port));
    if text.contains(&b'[') {
        return bracketed_host(text);
    }
    if let Some(colon) = text.iter().position(|b| *b == b':') {
        let (_, port) = text.split_at(colon);
        if !is_port(port) {
            return Err(wrong_port(port));
        }
    }
    unescaped(text, Place::Host)
}

/// `[::1]:80`, perhaps with a zone: `[fe80::1%25en0]`.
fn bracketed_host(text: &[u8]) -> Result<Bytes, String> {
    let Some(inside) = text.strip_prefix(b"[") else {
        return Err("invalid IP-literal".to_owned());
    };
    let Some(end) = inside.iter().rposition(|b| *b == b']') else {
        return Err("missing ']' in host".to_owned());
    };
    let (address, behind) = inside.split_at(end);
    let port = behind.get(1..).unwrap_or_default();
    if !is_port(port) {
        return Err(format!("invalid port {} after host", shown(port)));
    }
    let (address, zone) = address.split_at(find(address, b"%25").unwrap_or(address.len()));
    let address = unescaped(address, Place::Host)?;
    let zone = unescaped(zone, Place::Zone)?;
    let parsed = std::str::from_utf8(&address)
        .ok()
        .and_then(|a| a.parse::<Ipv6Addr>().ok());
    if parsed.is_none() {
        let unable = "unable to parse IP";
        return Err(format!(
            "invalid host: ParseAddr({}): {unable}",
            shown(&[address, zone].concat())
        ));
    }
    Ok([b"[", address.as_slice(), &zone, b"]", port].concat())
}

fn unescaped(text: &[u8], place: Place) -> Result<Bytes, String> {
    let mut out = Bytes::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'%' {
            let escape = rest.get(..rest.len().min(3)).unwrap_or_default();
            let digits = after.get(..2).and_then(|d| std::str::from_utf8(d).ok());
            let digits = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
            let Some(value) = digits.and_then(|d| u8::from_str_radix(d, 16).ok()) else {
                return Err(format!("invalid URL escape {}", shown(escape)));
            };
            // In a host only what is no ASCII may be escaped, and the mark of a zone.
            if place == Place::Host && value < 0x80 && escape != b"%25" {
                return Err(format!("invalid URL escape {}", shown(escape)));
            }
            if place == Place::Zone && escape != b"%25" && value != b' ' && must_escape(value, Place::Host) {
                return Err(format!("invalid URL escape {}", shown(escape)));
            }
            out.push(value);
            rest = after.get(2..).unwrap_or_default();
            continue;
        }
        if matches!(place, Place::Host | Place::Zone) && byte.is_ascii() && must_escape(*byte, place) {
            return Err(format!("invalid character {} in host name", shown(&[*byte])));
        }
        out.push(*byte);
        rest = after;
    }
    Ok(out)
}

fn escaped(text: &[u8], place: Place) -> Bytes {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Bytes::with_capacity(text.len());
    for byte in text {
        if must_escape(*byte, place) {
            let digit = |n: u8| DIGITS.get(usize::from(n)).copied().unwrap_or_default();
            out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            out.push(*byte);
        }
    }
    out
}

fn must_escape(byte: u8, place: Place) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    match place {
        Place::Host | Place::Zone => !b"!$&'()*+,;=:[]<>\"".contains(&byte),
        Place::Path => !b"$&+,/:;=@".contains(&byte),
        Place::User => !b"$&+,;=".contains(&byte),
        Place::Fragment => !b"$&+,/:;=?@!()*".contains(&byte),
    }
}
