//! Sprig 3.3's function library for [`gotemplate`](crate::gotemplate), and Helm's converters.
//!
//! The files are split as Sprig's own are, so that a function is found where a Go programmer looks for it:
//!
//! | File | Functions |
//! |---|---|
//! | [`strings`] | `trim`, `quote`, `indent`, `replace`, `split`, `join`, `toString`, … |
//! | [`casing`] | `camelcase`, `snakecase`, `kebabcase` |
//! | [`list`] | `list`, `append`, `first`, `uniq`, `without`, `has`, `slice`, `concat`, … |
//! | [`dict`] | `dict`, `get`, `set`, `hasKey`, `merge`, `pick`, `dig`, `deepCopy`, … ([`merge`] has mergo's rules) |
//! | [`defaults`] | `default`, `empty`, `coalesce`, `ternary`, `all`, `any` |
//! | [`numeric`] | `int`, `add`, `until`, `seq`, `floor`, `addf`, … ([`cast`] makes numbers of values, [`decimal`] is exact) |
//! | [`reflect`] | `typeOf`, `kindIs`, `deepEqual`, … |
//! | [`encoding`] | `toYaml`, `fromYaml`, `toJson`, `fromJson`, … : Helm's forms where Helm has its own |
//! | [`toml`] | `toToml`, `fromToml` |
//! | [`base64`] | `b64enc`, `b64dec`, `b32enc`, `b32dec` |
//! | [`regex`] | `regexMatch`, `regexFind`, `regexReplaceAll`, … ([`re2`] has the syntax) |
//! | [`semver`] | `semver`, `semverCompare` |
//! | [`paths`] | `base`, `dir`, `ext`, `clean`, `isAbs` and their `os` forms |
//! | [`url`], [`network`] | `urlParse`, `urlJoin`; `getHostByName` |
//! | [`date`] | `now`, `date`, `dateModify`, `toDate`, `ago`, `duration`, … |
//! | [`crypto`] | `sha256sum`, `htpasswd`, `encryptAES`, `genPrivateKey`, `genCA`, `genSignedCert`, `derivePassword`, … |
//! | [`random`] | `randAlphaNum`, `randInt`, `shuffle`, `uuidv4`, … |
//!
//! Time and chance come from the [`Surroundings`] that the render's state carries.
//!
//! `env` and `expandenv` do not exist, as in Helm: nothing here reads the environment, the network or the disk.
//!
//! What a function may cost is bounded: before it builds something large it asks
//! [`memory::reserve`](crate::gotemplate::memory::reserve), which refuses what the render may not hold.
//!
//! ```
//! use carrack::gotemplate::Functions;
//!
//! let mut functions = Functions::default();
//! functions.add(carrack::sprig::functions());
//! assert!(functions.get("nindent").is_some());
//! assert!(functions.get("env").is_none());
//! ```

mod base64;
mod casing;
mod cast;
mod copy;
mod crypto;
mod date;
mod decimal;
mod defaults;
mod dict;
mod encoding;
mod equal;
mod list;
mod merge;
mod network;
mod numeric;
mod paths;
mod random;
mod re2;
mod reflect;
mod regex;
mod runes;
mod semver;
mod show;
mod strings;
mod surroundings;
#[cfg(test)]
mod tests;
mod toml;
mod url;

use crate::gotemplate::Function;

pub use encoding::{from_yaml_value, to_yaml_value};
pub use re2::{Error as RegexError, matches as regex_matches};
pub use surroundings::{Keys, Surroundings};
pub use url::{UrlParts, url_parts};

/// Bytes that are usually, but not always, UTF-8.
type Bytes = Vec<u8>;

/// Every function of the library. Add them to a table after Go's own: `slice` goes over Go's.
pub fn functions() -> Vec<Function> {
    [
        strings::functions(),
        casing::functions(),
        list::functions(),
        dict::functions(),
        defaults::functions(),
        numeric::functions(),
        reflect::functions(),
        encoding::functions(),
        base64::functions(),
        regex::functions(),
        semver::functions(),
        paths::functions(),
        random::functions(),
        crypto::functions(),
        network::functions(),
        date::functions(),
        url::functions(),
        toml::functions(),
    ]
    .concat()
}

/// Runs one level of a walk into lists and dictionaries, with more stack where it runs low.
fn with_stack<T>(level: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(64 << 10, 1 << 20, level)
}

/// Where `needle` first stands.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if let (Ok(haystack), Ok(needle)) = (std::str::from_utf8(haystack), std::str::from_utf8(needle)) {
        return haystack.find(needle);
    }
    if needle.is_empty() {
        return Some(0);
    }
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The pieces between separators, at most `count`; the last one has the rest.
///
/// They come one by one: a list of them can take sixteen times what the text does, so count them before collecting.
fn split_at_most<'a>(
    whole: &'a [u8],
    separator: &'a [u8],
    count: usize,
) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
    if let (Ok(whole), Ok(separator)) = (std::str::from_utf8(whole), std::str::from_utf8(separator)) {
        return Box::new(whole.splitn(count, separator).map(str::as_bytes));
    }
    let mut left = count;
    let mut rest = (count > 0).then_some(whole);
    Box::new(std::iter::from_fn(move || {
        let whole = rest.take()?;
        left = left.saturating_sub(1);
        match find(whole, separator).filter(|_| left > 0) {
            None => Some(whole),
            Some(at) => {
                let (piece, after) = whole.split_at(at);
                rest = after.get(separator.len()..);
                Some(piece)
            }
        }
    }))
}
