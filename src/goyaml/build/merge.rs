//! Merge keys, and what aliases may repeat.

use super::{Open, Trees, meaning};
use crate::goyaml::error::{Error, Position};

pub(super) const MERGE_TAG: &str = "tag:yaml.org,2002:merge";

pub(super) fn excessive_aliasing(at: Position) -> Error {
    meaning("document contains excessive aliasing".to_owned(), at)
}

/// go-yaml's budget: the larger a document, the smaller the part that aliases may have in it.
pub(super) fn check_budget(steps: u64, repeated: u64, at: Position) -> Result<(), Error> {
    const SMALL: u64 = 400_000;
    const LARGE: u64 = 4_000_000;
    if repeated <= 100 || steps <= 1_000 {
        return Ok(());
    }
    #[expect(clippy::cast_precision_loss, reason = "the counts are far below 2^52")]
    let (share, over) = (
        repeated as f64 / steps as f64,
        (steps.clamp(SMALL, LARGE) - SMALL) as f64 / (LARGE - SMALL) as f64,
    );
    if share > 0.99 - 0.89 * over {
        return Err(excessive_aliasing(at));
    }
    Ok(())
}

/// Merges a mapping, or a list of mappings of which the first counts most. Entries that stand before the merge key
/// are overwritten, as go-yaml v2 does.
pub(super) fn merge<T: Trees>(
    entries: &mut T::Entries,
    node: T::Node,
    is_alias: bool,
    at: Position,
) -> Result<(), Error> {
    let wrong = || {
        meaning(
            "map merge requires map or sequence of maps as the value".to_owned(),
            at,
        )
    };
    match T::open(node) {
        Open::Map(more) => T::extend(entries, more),
        Open::Seq(elements) if !is_alias => {
            for element in elements.into_iter().rev() {
                let Open::Map(more) = T::open(element) else {
                    return Err(wrong());
                };
                T::extend(entries, more);
            }
        }
        Open::Seq(_) | Open::Scalar => return Err(wrong()),
    }
    Ok(())
}
