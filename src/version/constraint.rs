//! Ranges of versions: `>=1.2, <2 || ~3.1`.

use std::fmt;
use std::str::FromStr;

use super::order::compare_identifier_lists;
use super::{Error, LONGEST_CONSTRAINT, MOST_ALTERNATIVES, Shape, Version, leading};

/// A range of versions: alternatives joined by `||`, each a list of comparators that must all hold.
///
/// A pre-release satisfies an alternative only if one of its comparators names a pre-release itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    alternatives: Vec<Vec<Comparator>>,
}

impl Constraint {
    /// Reads a constraint. Comparators are separated by space or one comma; `1.2 - 3` is a range.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > LONGEST_CONSTRAINT {
            return Err(Error::ConstraintTooLong);
        }
        let text = spell_out_hyphen_ranges(text);
        let alternatives: Vec<&str> = text.split("||").collect();
        if alternatives.len() > MOST_ALTERNATIVES {
            return Err(Error::TooManyAlternatives);
        }
        let alternatives = alternatives
            .into_iter()
            .map(comparators)
            .collect::<Result<_, _>>()?;
        Ok(Self { alternatives })
    }

    /// Whether `version` lies in the range.
    pub fn matches(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|comparators| {
            let looks_for_prereleases = comparators.iter().any(|c| !c.operand.prerelease().is_empty());
            (version.prerelease().is_empty() || looks_for_prereleases)
                && comparators.iter().all(|c| c.holds(version))
        })
    }

    /// Whether the constraint is a single version written out in full, such as `1.2.3`: it can be satisfied by
    /// that version only.
    pub fn is_exact(&self) -> bool {
        let [comparators] = self.alternatives.as_slice() else {
            return false;
        };
        matches!(comparators.as_slice(), [only] if only.operator == Operator::Equal && only.given == Given::Patch)
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, comparators) in self.alternatives.iter().enumerate() {
            if i > 0 {
                f.write_str(" || ")?;
            }
            for (j, comparator) in comparators.iter().enumerate() {
                let space = if j > 0 { " " } else { "" };
                write!(f, "{space}{}{}", comparator.sign, comparator.written)?;
            }
        }
        Ok(())
    }
}

impl FromStr for Constraint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// The signs of the operators; a sign that begins with another one stands before it.
const SIGNS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

/// How far the numbers of an operand are written out; the rest is missing or a wildcard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Given {
    Nothing,
    Major,
    Minor,
    Patch,
}

/// One operator and the version it compares with.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Comparator {
    operator: Operator,
    sign: &'static str,
    operand: Version,
    given: Given,
    written: String,
}

impl Comparator {
    /// Whether the version stands in the operator's relation to the operand; whether pre-releases are looked for at
    /// all is decided before.
    fn holds(&self, version: &Version) -> bool {
        let operand = &self.operand;
        match self.operator {
            Operator::Equal if self.given == Given::Patch => version == operand,
            Operator::Equal | Operator::Tilde => self.in_tilde_range(version),
            Operator::NotEqual => !self.is_meant(version),
            Operator::Greater => match self.given {
                Given::Major => version.major() > operand.major(),
                Given::Minor => line(version) > line(operand),
                Given::Nothing | Given::Patch => version > operand,
            },
            Operator::GreaterOrEqual => version >= operand,
            Operator::Less => version < operand,
            // A wildcard stands for every number; `<=*` is `<=0.*`, whose minor number is still compared.
            Operator::LessOrEqual => match self.given {
                Given::Patch => version <= operand,
                Given::Major => version.major() <= operand.major(),
                Given::Nothing | Given::Minor => line(version) <= line(operand),
            },
            Operator::Caret => self.in_caret_range(version),
        }
    }

    /// Whether `!=` shuts the version out: the numbers that are written out agree.
    fn is_meant(&self, version: &Version) -> bool {
        let operand = &self.operand;
        match self.given {
            Given::Patch | Given::Nothing => version == operand,
            Given::Major => version.major() == operand.major(),
            // Pre-releases of any patch are told apart by their pre-release alone.
            Given::Minor => line(version) == line(operand) && same_prerelease(version, operand),
        }
    }

    /// `~1.2.3` and `~1.2`: the same minor line; `~1`: the same major line; `~*` and `~0.0.0`: everything above.
    fn in_tilde_range(&self, version: &Version) -> bool {
        let operand = &self.operand;
        if version < operand {
            return false;
        }
        let zero = (operand.major(), operand.minor(), operand.patch()) == (0, 0, 0);
        match self.given {
            Given::Nothing => true,
            Given::Patch if zero => true,
            Given::Major => version.major() == operand.major(),
            Given::Minor | Given::Patch => line(version) == line(operand),
        }
    }

    /// No number may change up to and including the first one that is not zero.
    fn in_caret_range(&self, version: &Version) -> bool {
        let operand = &self.operand;
        if version < operand {
            return false;
        }
        if operand.major() > 0 || self.given == Given::Major {
            return version.major() == operand.major();
        }
        if operand.minor() > 0 || self.given == Given::Minor {
            return line(version) == line(operand);
        }
        line(version) == (0, 0) && version.patch() == operand.patch()
    }
}

fn line(version: &Version) -> (u64, u64) {
    (version.major(), version.minor())
}

fn same_prerelease(left: &Version, right: &Version) -> bool {
    compare_identifier_lists(left.prerelease(), right.prerelease()).is_eq()
}

/// White space as the Go library's `\s` has it.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

/// What may stand where a number stands. A single bar is let through here and refused with the operand.
fn in_operand_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, 'x' | 'X' | '*' | '|')
}

/// The operand at the beginning of `text` as it is written, its pieces and the rest.
fn operand(text: &str) -> Option<(&str, Shape<'_>, &str)> {
    let (shape, rest) = Shape::read(text, in_operand_number)?;
    let (written, rest) = text.split_at(text.len() - rest.len());
    Some((written, shape, rest))
}

/// Reads one alternative: comparators separated by space or by one comma.
fn comparators(text: &str) -> Result<Vec<Comparator>, Error> {
    let improper = || Error::ImproperConstraint {
        text: text.to_owned(),
    };
    let mut found = Vec::new();
    let mut rest = skip_space(text);
    loop {
        let (sign, operator, after) = operator(rest);
        let (written, shape, after) = operand(skip_space(after)).ok_or_else(improper)?;
        found.push((sign, operator, written, shape));
        let spaced = skip_space(after);
        if spaced.is_empty() {
            break;
        }
        rest = match spaced.strip_prefix(',') {
            Some(next) => skip_space(next),
            None if spaced.len() < after.len() => spaced,
            None => return Err(improper()),
        };
    }
    found
        .into_iter()
        .map(|(sign, operator, written, shape)| {
            let (operand, given) = meaning(written, shape)?;
            Ok(Comparator {
                operator,
                sign,
                operand,
                given,
                written: written.to_owned(),
            })
        })
        .collect()
}

fn operator(text: &str) -> (&'static str, Operator, &str) {
    SIGNS
        .iter()
        .find_map(|(sign, operator)| Some((*sign, *operator, text.strip_prefix(sign)?)))
        .unwrap_or(("", Operator::Equal, text))
}

/// The version that an operand stands for, wildcards and missing numbers counted as zero.
fn meaning(written: &str, shape: Shape<'_>) -> Result<(Version, Given), Error> {
    let blank = |number: Option<&str>| number.is_none_or(|n| matches!(n, "x" | "X" | "*"));
    let (numbers, given) = if blank(Some(shape.major)) {
        ("0.0.0".to_owned(), Given::Nothing)
    } else if blank(shape.minor) {
        (format!("{}.0.0", shape.major), Given::Major)
    } else if blank(shape.patch) {
        (
            format!("{}.{}.0", shape.major, shape.minor.unwrap_or_default()),
            Given::Minor,
        )
    } else {
        (String::new(), Given::Patch)
    };
    let text = match (given, shape.prerelease) {
        (Given::Patch, _) => written.to_owned(),
        (_, Some(prerelease)) => format!("{numbers}-{prerelease}"),
        (_, None) => numbers,
    };
    let version = Version::parse(&text).map_err(|_| Error::ImproperOperand)?;
    Ok((version, given))
}

/// Writes `1.2 - 3` as `>= 1.2, <= 3 `.
fn spell_out_hyphen_ranges(text: &str) -> String {
    let mut ranges = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some((low, high, after)) = hyphen_range(rest) {
            let (whole, _) = rest.split_at(rest.len() - after.len());
            ranges.push((whole, format!(">= {low}, <= {high} ")));
            rest = after;
        } else {
            let mut characters = rest.chars();
            characters.next();
            rest = characters.as_str();
        }
    }
    ranges
        .into_iter()
        .fold(text.to_owned(), |text, (whole, comparators)| {
            text.replacen(whole, &comparators, 1)
        })
}

/// The two ends of a hyphen range at the beginning of `text`, white space around it included, and the rest.
fn hyphen_range(text: &str) -> Option<(&str, &str, &str)> {
    let (low, _, rest) = operand(skip_space(text))?;
    let (_, rest) = leading(rest, is_space)?;
    let (_, rest) = leading(rest.strip_prefix('-')?, is_space)?;
    let (high, _, rest) = operand(rest)?;
    Some((low, high, skip_space(rest)))
}
