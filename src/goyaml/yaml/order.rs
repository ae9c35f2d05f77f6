//! The natural order of keys: letters behind everything else, runs of digits as numbers.

use std::sync::LazyLock;

use regex::Regex;

static LETTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\p{L}$").expect("the pattern is well formed"));
static DIGIT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\p{Nd}$").expect("the pattern is well formed"));

/// Which go-yaml's order it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    V2,
    V3,
}

impl Order {
    /// Sorts `items` by their keys. go-yaml's relation is no total order for some keys, which the sorts of the
    /// standard library may punish with a panic; a merge sort takes any relation.
    pub(super) fn sort<T>(self, items: &mut Vec<(&str, T)>) {
        let in_order = items
            .iter()
            .zip(items.iter().skip(1))
            .all(|(a, b)| !self.is_less(b.0, a.0));
        if in_order {
            return;
        }
        *items = self.merge_sort(std::mem::take(items));
    }

    fn merge_sort<T>(self, mut items: Vec<T>) -> Vec<T>
    where
        T: Keyed,
    {
        if items.len() < 2 {
            return items;
        }
        let right = self.merge_sort(items.split_off(items.len() / 2));
        let left = self.merge_sort(items);
        let mut merged = Vec::with_capacity(left.len() + right.len());
        let mut right = right.into_iter().peekable();
        for item in left {
            while let Some(other) = right.next_if(|other| self.is_less(other.key(), item.key())) {
                merged.push(other);
            }
            merged.push(item);
        }
        merged.extend(right);
        merged
    }

    /// Whether `a` stands before `b`.
    pub(super) fn is_less(self, a: &str, b: &str) -> bool {
        let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
        // The first difference, at the start of a character.
        let start = (0..=same)
            .rev()
            .find(|at| a.is_char_boundary(*at) && b.is_char_boundary(*at))
            .unwrap_or_default();
        let ((before, a), (_, b)) = (a.split_at(start), b.split_at(start));
        let (Some(first), Some(second)) = (a.chars().next(), b.chars().next()) else {
            return a.len() < b.len();
        };
        match (is_letter(first), is_letter(second)) {
            (true, true) => return first < second,
            (false, false) => {}
            (a_is_letter, b_is_letter) => {
                let behind_a_digit = before.chars().next_back().is_some_and(is_digit);
                return if self == Self::V3 && behind_a_digit {
                    a_is_letter
                } else {
                    b_is_letter
                };
            }
        }
        // Behind the digits of a number, a zero is part of it: 10 and 1a differ by length.
        let inside_number = (first == '0' || second == '0')
            && before
                .chars()
                .rev()
                .take_while(|character| is_digit(*character))
                .any(|digit| digit != '0');
        let seed = i64::from(inside_number);
        let ((a_number, a_length), (b_number, b_length)) = (leading_number(a, seed), leading_number(b, seed));
        if a_number != b_number {
            return a_number < b_number;
        }
        if a_length != b_length {
            return a_length < b_length;
        }
        first < second
    }
}

trait Keyed {
    fn key(&self) -> &str;
}

impl<T> Keyed for (&str, T) {
    fn key(&self) -> &str {
        self.0
    }
}

/// The digits that `text` starts with as a number behind `seed`, and how many they are.
fn leading_number(text: &str, seed: i64) -> (i64, usize) {
    let mut number = seed;
    let mut length = 0;
    for digit in text.chars().take_while(|character| is_digit(*character)) {
        let value = i64::from(u32::from(digit)) - i64::from(b'0');
        number = number.wrapping_mul(10).wrapping_add(value);
        length += 1;
    }
    (number, length)
}

fn is_letter(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphabetic()
    } else {
        LETTER.is_match(character.encode_utf8(&mut [0; 4]))
    }
}

fn is_digit(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_digit()
    } else {
        DIGIT.is_match(character.encode_utf8(&mut [0; 4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(order: Order, keys: &[&'static str]) -> Vec<&'static str> {
        let mut items: Vec<_> = keys.iter().map(|key| (*key, ())).collect();
        order.sort(&mut items);
        items.into_iter().map(|(key, ())| key).collect()
    }

    #[test]
    fn runs_of_digits_count_as_numbers() {
        assert_eq!(
            sorted(Order::V2, &["a10", "a9", "10", "9", "a", "1.10", "1.9"]),
            ["1.9", "1.10", "9", "10", "a", "a9", "a10"]
        );
    }

    #[test]
    fn letters_stand_behind_everything_else() {
        assert_eq!(
            sorted(Order::V2, &["ab", "a_b", "a-b", "a.b", "aB"]),
            ["a-b", "a.b", "a_b", "aB", "ab"]
        );
    }
}
