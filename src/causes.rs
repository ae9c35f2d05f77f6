//! An error and its causes, for people.

use std::error::Error;

/// The texts of an error and of its causes, from the outermost on. What a text already ends with is not told again: a
/// wrapper without words of its own says what its cause says.
pub fn texts(error: &dyn Error) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if texts.last().is_none_or(|last| !last.ends_with(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts
}

/// An error with its causes, as one text.
pub fn chain(error: &dyn Error) -> String {
    texts(error).join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Failed {
        #[error("could not copy app:1.0")]
        Copy(#[source] Box<Self>),
        #[error(transparent)]
        Wrapped(Box<Self>),
        #[error("the answer was {0}")]
        Quoted(#[source] Box<Self>),
        #[error("429 Too Many Requests")]
        Refused,
    }

    #[test]
    fn an_error_is_told_with_its_causes_and_each_text_once() {
        let refused = || Box::new(Failed::Refused);
        let copy = Failed::Copy(Box::new(Failed::Wrapped(refused())));
        assert_eq!(chain(&copy), "could not copy app:1.0: 429 Too Many Requests");
        assert_eq!(texts(&copy).len(), 2);
        assert_eq!(
            chain(&Failed::Quoted(refused())),
            "the answer was 429 Too Many Requests"
        );
        assert_eq!(chain(&Failed::Refused), "429 Too Many Requests");
    }
}
