//! Ranges and conditional requests.

use hyper::HeaderMap;
use hyper::header::{IF_NONE_MATCH, IF_RANGE, RANGE};

/// Which bytes a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// From the first to the last byte, both included.
    Bytes { first: u64, last: u64 },
    /// A range that has no byte of the content.
    Unsatisfiable,
}

/// What the `Range` header asks of content that has `size` bytes.
///
/// A range that is malformed, of another unit, or one of several is no error: HTTP lets a server send the whole.
pub(super) fn part(headers: &HeaderMap, size: u64, etag: &str) -> Part {
    let if_range = headers.get(IF_RANGE);
    if if_range.is_some_and(|value| value.as_bytes() != etag.as_bytes()) {
        return Part::Whole;
    }
    let text = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let Some(spec) = text.and_then(|text| text.trim().strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    let Some((first, last)) = spec.split_once('-').filter(|_| !spec.contains(',')) else {
        return Part::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first.trim()), number(last.trim())) {
        (Some(first), last_byte) if last_byte.is_some() || last.trim().is_empty() => {
            let last = last_byte.unwrap_or(u64::MAX);
            if first > last {
                Part::Whole
            } else if first >= size {
                Part::Unsatisfiable
            } else {
                Part::Bytes {
                    first,
                    last: last.min(size - 1),
                }
            }
        }
        (None, Some(suffix)) if first.trim().is_empty() => match suffix {
            0 => Part::Unsatisfiable,
            _ if size == 0 => Part::Unsatisfiable,
            suffix => Part::Bytes {
                first: size.saturating_sub(suffix),
                last: size - 1,
            },
        },
        _ => Part::Whole,
    }
}

/// Whether the client says that it has the content already.
pub(super) fn is_known_to_client(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|value| value.trim().trim_start_matches("W/"))
        // Clients of registries write the digest with and without quotes.
        .any(|value| value == "*" || value == etag || value == etag.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str, size: u64) -> Part {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, range.parse().unwrap());
        part(&headers, size, "\"x\"")
    }

    #[test]
    fn ranges_are_cut_to_the_content() {
        assert_eq!(asked("bytes=0-9", 100), Part::Bytes { first: 0, last: 9 });
        assert_eq!(asked("bytes=10-", 100), Part::Bytes { first: 10, last: 99 });
        assert_eq!(asked("bytes=90-1000", 100), Part::Bytes { first: 90, last: 99 });
        assert_eq!(asked("bytes=-10", 100), Part::Bytes { first: 90, last: 99 });
        assert_eq!(asked("bytes=-1000", 100), Part::Bytes { first: 0, last: 99 });
        assert_eq!(
            asked("bytes=0-99999999999999999999999", 100),
            Part::Bytes { first: 0, last: 99 }
        );
    }

    #[test]
    fn a_range_without_a_byte_is_unsatisfiable() {
        for (range, size) in [
            ("bytes=100-", 100),
            ("bytes=-0", 100),
            ("bytes=0-", 0),
            ("bytes=-1", 0),
        ] {
            assert_eq!(asked(range, size), Part::Unsatisfiable, "{range} of {size}");
        }
    }

    #[test]
    fn a_range_that_is_none_gets_the_whole() {
        for range in [
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-1",
            "bytes=0-1,3-4",
            "lines=0-1",
            "0-1",
        ] {
            assert_eq!(asked(range, 100), Part::Whole, "{range}");
        }
    }

    #[test]
    fn a_range_of_other_content_gets_the_whole() {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, "bytes=10-".parse().unwrap());
        headers.insert(IF_RANGE, "\"other\"".parse().unwrap());
        assert_eq!(part(&headers, 100, "\"x\""), Part::Whole);
    }

    #[test]
    fn a_client_that_has_it_is_told_so() {
        for (value, known) in [
            ("\"x\"", true),
            ("x", true),
            ("\"y\", W/\"x\"", true),
            ("*", true),
            ("\"y\"", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, value.parse().unwrap());
            assert_eq!(is_known_to_client(&headers, "\"x\""), known, "{value}");
        }
    }
}
